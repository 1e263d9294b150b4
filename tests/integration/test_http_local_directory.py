from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from http_scripted import content, make_call, make_job, names

from integrations.kit.artifacts import artifact_of
from integrations.kit.files import PartFile
from integrations.local_directory import LocalDirectory
from integrations.local_directory import publish as publishing
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.job import Job
from scheduler.domain.render import StageName, StageOutput
from scheduler.ports.provider import Call


def upload_call(
    tmp_path: Path, *, job: Job | None = None, video: bytes = b"video" * 1000, degraded: bool = False
) -> Call:
    made = tmp_path / "made"
    made.mkdir(exist_ok=True)
    (made / "video.mp4").write_bytes(video)
    (made / "video.jpg").write_bytes(b"jpeg")
    composed = StageOutput(
        data={"duration_s": 61.5},
        artifacts={
            "video": artifact_of(made / "video.mp4", "video/mp4"),
            "thumbnail": artifact_of(made / "video.jpg", "image/jpeg"),
        },
        degraded=degraded,
    )
    inputs = {StageName.REVIDEO: composed, StageName.VERIFY: StageOutput(data={"duration_s": 61.4})}
    return make_call(tmp_path / "upload", StageName.UPLOAD, job=job, inputs=inputs)


def day(tmp_path: Path) -> Path:
    return tmp_path / "published" / "2026-11-20"


def state(folder: Path) -> dict[str, tuple[int, int]]:
    return {p.name: (p.stat().st_ino, p.stat().st_mtime_ns) for p in folder.iterdir()}


async def test_a_video_is_published_with_thumbnail_and_manifest(tmp_path: Path) -> None:
    output = await LocalDirectory(tmp_path / "published").run(upload_call(tmp_path, degraded=True))
    assert names(day(tmp_path)) == ["daily_ca-2026-11-20.jpg", "daily_ca-2026-11-20.json", "daily_ca-2026-11-20.mp4"]
    target = day(tmp_path) / "daily_ca-2026-11-20.mp4"
    assert output.data["video_url"] == target.as_uri()
    assert output.data["thumbnail_url"] == target.with_suffix(".jpg").as_uri()
    assert output.data["duration_s"] == 61.4
    manifest = json.loads(content(target.with_suffix(".json")))
    assert manifest["job_id"] == "0123456789abcdef"
    assert manifest["idempotency_key"] == "0123456789abcdef:upload"
    assert (manifest["size"], manifest["degraded"], manifest["duration_s"]) == (5000, True, 61.4)
    assert manifest["sha256"] == output.artifacts["video"].sha256


async def test_the_second_pass_copies_nothing_and_answers_the_same(tmp_path: Path) -> None:
    provider = LocalDirectory(tmp_path / "published")
    first = await provider.run(upload_call(tmp_path))
    before = state(day(tmp_path))
    second = await provider.run(upload_call(tmp_path))
    assert second == first
    assert state(day(tmp_path)) == before


async def test_a_rerender_replaces_the_video(tmp_path: Path) -> None:
    provider = LocalDirectory(tmp_path / "published")
    await provider.run(upload_call(tmp_path, degraded=True))
    await provider.run(upload_call(tmp_path, video=b"better" * 1000))
    assert content(day(tmp_path) / "daily_ca-2026-11-20.mp4") == b"better" * 1000
    assert json.loads(content(day(tmp_path) / "daily_ca-2026-11-20.json"))["degraded"] is False
    assert len(names(day(tmp_path))) == 3


async def test_a_spoiled_publication_is_mended(tmp_path: Path) -> None:
    provider = LocalDirectory(tmp_path / "published")
    await provider.run(upload_call(tmp_path))
    target = day(tmp_path) / "daily_ca-2026-11-20.mp4"
    target.write_bytes(b"VIDEO" * 1000)
    await provider.run(upload_call(tmp_path))
    assert content(target) == b"video" * 1000


async def test_two_jobs_of_one_day_do_not_take_each_others_names(tmp_path: Path) -> None:
    provider = LocalDirectory(tmp_path / "published")
    other = make_job("fedcba9876543210")
    await provider.run(upload_call(tmp_path))
    await provider.run(upload_call(tmp_path, job=other, video=b"other" * 1000))
    again = await provider.run(upload_call(tmp_path, job=other, video=b"other" * 1000))
    assert again.data["video_url"].endswith("/daily_ca-2026-11-20-fedcba98.mp4")
    assert content(day(tmp_path) / "daily_ca-2026-11-20.mp4") == b"video" * 1000
    assert len(names(day(tmp_path))) == 6


async def test_a_job_for_no_day_goes_under_the_day_it_was_made_with_its_id(tmp_path: Path) -> None:
    output = await LocalDirectory(tmp_path / "published").run(upload_call(tmp_path, job=make_job(run_date=None)))
    assert output.data["video_url"].endswith("/2026-11-20/daily_ca-2026-11-20-01234567.mp4")


async def test_a_video_that_changed_after_it_was_verified_is_not_published(tmp_path: Path) -> None:
    call = upload_call(tmp_path)
    (tmp_path / "made" / "video.mp4").write_bytes(b"VIDEO" * 1000)
    with pytest.raises(StageFailure, match="has changed") as caught:
        await LocalDirectory(tmp_path / "published").run(call)
    assert (caught.value.kind, caught.value.retryable) == (FailureClass.INVALID_INPUT, False)
    assert names(day(tmp_path)) == []


async def test_a_full_disk_is_named_with_the_remedy_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: PartFile, _chunk: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(PartFile, "write", full)
    with pytest.raises(StageFailure, match=r"published is full: free space.*storage\.directory") as caught:
        await LocalDirectory(tmp_path / "published").run(upload_call(tmp_path))
    assert (caught.value.kind, caught.value.retryable) == (FailureClass.UNAVAILABLE, True)
    assert names(day(tmp_path)) == []


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "published").write_text("a file")
    with pytest.raises(StageFailure, match=r"published.*cannot be written.*storage\.directory") as caught:
        await LocalDirectory(tmp_path / "published").run(upload_call(tmp_path))
    assert (caught.value.kind, caught.value.retryable) == (FailureClass.UNAVAILABLE, False)


async def test_a_cancelled_publication_stops_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, begun, go_on = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    plain = PartFile.write

    def slow(self: PartFile, chunk: bytes) -> None:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(5)
        plain(self, chunk)

    monkeypatch.setattr(PartFile, "write", slow)
    call = upload_call(tmp_path, video=b"x" * (3 * publishing.COPY_CHUNK))
    task = asyncio.create_task(LocalDirectory(tmp_path / "published").run(call))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await loop.shutdown_default_executor()
    assert names(day(tmp_path)) == []


@pytest.mark.parametrize("point", ["write", "replace"])
def test_kill_9_before_the_rename_leaves_nothing_visible(tmp_path: Path, point: str) -> None:
    call = upload_call(tmp_path)
    video = call.inputs[StageName.REVIDEO].artifacts["video"]
    program = textwrap.dedent(f"""
        import os, signal, pathlib
        from integrations.local_directory import publish as p
        from integrations.kit.files import PartFile
        from scheduler.domain.render import Artifact
        die = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
        if {point!r} == "write":
            plain = PartFile.write
            PartFile.write = lambda self, chunk: (plain(self, chunk), self._file.flush(), die())
        else:
            pathlib.Path.replace = die
        place = p.Place(pathlib.Path({str(day(tmp_path))!r}), "daily_ca-2026-11-20")
        p.publish(place, Artifact({video.path!r}, {video.sha256!r}, {video.size}, "video/mp4"), None, None,
                  stop=lambda: False)
    """)
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    left = names(day(tmp_path))
    assert len(left) == 1
    assert left[0].startswith(".")
    # The next pass publishes, and removes the leftover once it is old enough to be nobody's.
    leftover = day(tmp_path) / left[0]
    os.utime(leftover, (0, 0))
    asyncio.run(LocalDirectory(tmp_path / "published").run(call))
    assert content(day(tmp_path) / "daily_ca-2026-11-20.mp4") == b"video" * 1000
    assert not leftover.exists()


async def test_a_kill_between_video_and_manifest_is_made_good(tmp_path: Path) -> None:
    provider = LocalDirectory(tmp_path / "published")
    first = await provider.run(upload_call(tmp_path))
    (day(tmp_path) / "daily_ca-2026-11-20.json").unlink()
    assert replace(await provider.run(upload_call(tmp_path))) == first
    assert len(names(day(tmp_path))) == 3


def test_the_day_is_the_run_date_not_today(tmp_path: Path) -> None:
    job = make_job(run_date=date(2026, 1, 2))
    place = publishing.place_of(tmp_path, job)
    assert place.video == tmp_path / "2026-01-02" / "daily_ca-2026-01-02.mp4"
