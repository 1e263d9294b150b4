"""What could only be published here is sent up later, whatever dies in between."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from http_scripted import content
from storage_scene import counted, settings, upload_call

from config.settings import Settings, StorageSettings
from console.bootstrap.storage import later_uploads, preferred, upload_providers
from integrations.local_directory import LocalDirectory
from integrations.local_directory.waiting import WaitingUploads
from integrations.local_services.storage import StorageService
from integrations.supabase_storage import SupabaseStorage
from scheduler.domain.failure import StageFailure
from scheduler.domain.job import Job, JobResult, JobSpec
from scheduler.domain.render import StageOutput
from scheduler.pipeline.later_upload import LaterUploads, pause_s
from scheduler.ports.provider import Call, Provider
from scheduler.ports.store import Store
from scheduler.store import open_store
from scheduler.testing import FakeClock

FIRST_S = 60.0
ROOT = Path(__file__).parents[2]


@dataclass
class Failing:
    name: str = "supabase"
    service: str | None = None
    calls: int = 0
    error: BaseException | None = None

    async def run(self, call: Call) -> StageOutput:
        self.calls += 1
        raise self.error or StageFailure.unavailable("it is down")


class Scene:
    """A completed job whose video was published here, though it should have gone up."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder, self.store, self.clock = folder, store, FakeClock()
        self.published = folder / "published"
        self.waiting = WaitingUploads(self.published)

    async def publish(self, *, seed: int = 1, complete: bool = True, wanted: tuple[str, ...] = ("supabase",)) -> Job:
        job = self.store.enqueue(JobSpec("daily_ca", {"brief": "x"}, idempotency_key=f"k{seed}")).job
        (lease,) = self.store.claim("w", limit=1, lease_s=30)
        call = upload_call(self.folder, size=200_000, job=lease.job, seed=seed)
        output = await LocalDirectory(self.published, later=wanted).run(call)
        if complete:
            result = JobResult(str(output.data["video_url"]), str(output.data["thumbnail_url"]), 1.02, degraded=True)
            self.store.complete(lease, result)
        return self.store.get(job.id)

    def later(self, *providers: Provider) -> LaterUploads:
        return LaterUploads(
            self.store,
            self.waiting,
            {provider.name: provider for provider in providers},
            self.clock,
            work_dir=self.folder / "work",
            first_s=FIRST_S,
            timeout_s=10,
        )

    def manifest(self) -> dict[str, Any]:
        (path,) = self.published.rglob("*.json")
        return json.loads(path.read_text("utf-8"))


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncGenerator[Scene]:
    store = open_store(f"sqlite:///{tmp_path / 'predawn.db'}", synchronous="NORMAL")
    yield Scene(tmp_path, store)
    store.close()


@asynccontextmanager
async def bucket(folder: Path) -> AsyncGenerator[tuple[Any, SupabaseStorage]]:
    async with counted(StorageService(folder / "storage").app) as (service, url):
        yield service, SupabaseStorage(settings(url))


async def test_a_video_goes_up_when_the_storage_is_back(scene: Scene) -> None:
    job = await scene.publish()
    local = job.payload["video_url"]
    assert scene.manifest()["pending"] == ["supabase"]
    down = Failing()
    pauses: list[float] = []
    later = scene.later(down)
    assert await later.look() == 0
    assert down.calls == 0, "not at once: it has just failed"
    for failures in range(3):
        scene.clock.advance(pause_s(failures, FIRST_S) - 0.1)
        await later.look()
        assert down.calls == failures
        scene.clock.advance(0.1)
        await later.look()
        pauses.append(pause_s(failures, FIRST_S))
        assert down.calls == failures + 1
    assert pauses == [60, 120, 240]
    async with bucket(scene.folder) as (_, supabase):
        up = scene.later(supabase)
        await up.look()
        scene.clock.advance(FIRST_S)
        assert await up.look() == 1
        after = scene.store.get(job.id)
        async with httpx.AsyncClient() as client:
            video = await client.get(str(after.payload["video_url"]))
        assert await up.look() == 0
    assert after.payload["video_url"].startswith("http://127.0.0.1")
    assert after.payload["thumbnail_url"].endswith(".jpg")
    assert after.payload["brief"] == "x"
    assert not after.degraded, "the video itself was first choice"
    assert video.content == content(scene.folder / "made" / "video.mp4")
    manifest = scene.manifest()
    assert (manifest["pending"], manifest["remote_url"]) == ([], after.payload["video_url"])
    assert Path(local.removeprefix("file://")).is_file(), "the copy here stays"
    assert scene.waiting.pending() == []


def test_pauses_double_up_to_an_hour() -> None:
    assert [pause_s(n, 60) for n in range(8)] == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert pause_s(1000, 60) == 3600
    assert pause_s(0, 7200) == 7200


async def test_the_next_storage_of_the_chain_is_asked_too_and_a_bug_in_one_ends_nothing(scene: Scene) -> None:
    job = await scene.publish(wanted=("s3", "gone", "supabase"))
    broken = Failing("s3", error=KeyError("bug"))
    async with bucket(scene.folder) as (_, supabase):
        later = scene.later(broken, supabase)
        await later.look()
        scene.clock.advance(FIRST_S)
        assert await later.look() == 1
    assert broken.calls == 1
    assert scene.store.get(job.id).payload["video_url"].startswith("http")


async def test_a_job_that_is_made_anew_is_not_given_the_old_video(scene: Scene) -> None:
    job = await scene.publish()
    scene.store.rerender(job.id, by="ann")
    async with bucket(scene.folder) as (service, supabase):
        later = scene.later(supabase)
        await later.look()
        scene.clock.advance(FIRST_S)
        assert await later.look() == 0
        assert scene.manifest()["pending"] == ["supabase"], "its new render decides"
        (lease,) = scene.store.claim("w", limit=1, lease_s=30)
        scene.store.complete(lease, JobResult("https://cdn/new.mp4", None, 1.0, degraded=False))
        scene.clock.advance(FIRST_S)
        assert await later.look() == 0
        assert service.calls["POST object"] == 0
    assert scene.store.get(job.id).payload["video_url"] == "https://cdn/new.mp4"
    assert scene.manifest()["pending"] == []


async def test_a_video_whose_job_is_not_completed_yet_waits(scene: Scene) -> None:
    await scene.publish(complete=False)
    async with bucket(scene.folder) as (service, supabase):
        later = scene.later(supabase)
        await later.look()
        scene.clock.advance(FIRST_S)
        assert await later.look() == 0
        assert service.calls["POST object"] == 0
    assert len(scene.waiting.pending()) == 1


async def test_a_spoiled_copy_is_not_sent_and_a_folder_without_anything_is_fine(scene: Scene) -> None:
    assert scene.waiting.pending() == []
    await scene.publish()
    (video,) = scene.published.rglob("*.mp4")
    video.write_bytes(b"short")
    assert scene.waiting.pending() == []


async def test_older_notes_without_the_field_are_read(scene: Scene) -> None:
    await scene.publish(wanted=())
    (path,) = scene.published.rglob("*.json")
    fields = json.loads(path.read_text("utf-8"))
    del fields["pending"], fields["remote_url"]
    path.write_text(json.dumps(fields), encoding="utf-8")
    assert scene.waiting.pending() == []
    first = path.stat().st_mtime_ns
    await scene.publish(wanted=("supabase",), seed=2)
    assert len(scene.waiting.pending()) == 1
    assert path.stat().st_mtime_ns == first


KILLED_AT = {
    "behind the upload": "scheduler.store.results.SqlResults.update_result",
    "behind the job": "integrations.local_directory.waiting.WaitingUploads.settle",
}


@pytest.mark.parametrize("point", KILLED_AT)
async def test_kill_9_at_any_point_sends_nothing_twice(scene: Scene, point: str) -> None:
    job = await scene.publish()
    async with counted(StorageService(scene.folder / "storage").app) as (service, url):
        supabase = SupabaseStorage(settings(url))
        module, owner, method = KILLED_AT[point].rsplit(".", 2)
        program = textwrap.dedent(f"""
            import asyncio, importlib, os, pathlib, signal
            from pydantic import SecretStr
            from config.settings import SupabaseSettings
            from integrations.local_directory.waiting import WaitingUploads
            from integrations.supabase_storage import SupabaseStorage
            from scheduler.pipeline.later_upload import LaterUploads
            from scheduler.store import open_store
            from scheduler.testing import FakeClock
            kind = getattr(importlib.import_module({module!r}), {owner!r})
            setattr(kind, {method!r}, lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL))
            async def main():
                clock, home = FakeClock(), pathlib.Path({str(scene.folder)!r})
                supabase = SupabaseStorage(SupabaseSettings(url={url!r}, key=SecretStr("service-key-1")))
                later = LaterUploads(
                    open_store(f"sqlite:///{{home / 'predawn.db'}}"), WaitingUploads(home / "published"),
                    {{"supabase": supabase}}, clock, work_dir=home / "work", first_s=1, timeout_s=10)
                await later.look()
                clock.advance(1)
                await later.look()
            asyncio.run(main())
        """)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}
        )
        _, told = await process.communicate()
        assert process.returncode == -signal.SIGKILL, told.decode()
        sent = service.calls["POST object"]
        assert sent == 2
        later = scene.later(supabase)
        await later.look()
        scene.clock.advance(FIRST_S)
        await later.look()
        assert service.calls["POST object"] == sent
    assert scene.store.get(job.id).payload["video_url"].startswith("http://127.0.0.1")
    assert scene.manifest()["pending"] == []


async def test_it_stops_in_the_middle_of_an_upload(scene: Scene) -> None:
    class Hanging(Failing):
        began = asyncio.Event()

        async def run(self, call: Call) -> StageOutput:
            self.began.set()
            await asyncio.Event().wait()
            raise AssertionError

    await scene.publish()
    later, stop = scene.later(hanging := Hanging()), asyncio.Event()
    await later.look()
    scene.clock.advance(FIRST_S)
    running = asyncio.create_task(later.run(stop))
    async with asyncio.timeout(5):
        await hanging.began.wait()
        stop.set()
        await running
    assert len(scene.waiting.pending()) == 1


async def test_the_composer_wires_it_only_where_there_is_remote_storage(tmp_path: Path, scene: Scene) -> None:
    plain = Settings(home=tmp_path)
    assert preferred(plain) == ()
    async with later_uploads(plain, scene.store) as nothing:
        assert nothing is None
    storage = StorageSettings(supabase=settings("http://127.0.0.1:1"), retry_s=1)
    remote = plain.model_copy(update={"storage": storage})
    assert preferred(remote) == ("supabase",)
    providers = upload_providers(remote)
    assert [name for name, one in providers.items() if one is not None] == ["supabase", "local-directory"]
    async with later_uploads(remote, scene.store) as later:
        assert later is not None
