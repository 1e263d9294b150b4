from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from http_scripted import names, scripted, tone
from services_media import FileMedia, moving_picture
from starlette.responses import Response

from integrations.kit.audio import decode_sound
from integrations.kit.serve import PortTakenError, serve
from integrations.local_services.faults import Fault, FaultKind
from integrations.local_services.jobs import RenderJob, RenderQueue
from integrations.local_services.running import LocalServices
from integrations.local_services.shelf import MAX_FILES, Shelf
from scheduler.domain.failure import StageFailure

RENDER = {"scene_type": "point", "content": {"heading": "Hello", "number": 1}, "style": {"duration_s": 2}}


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("media")
    return {
        "clip": moving_picture(folder / "clip.mp4", seconds=2, sound=False),
        "video": moving_picture(folder / "video.mp4", seconds=4, sound=True),
        "sound": tone(folder / "sound.wav", seconds=2),
    }


@pytest.fixture
def media(files: dict[str, Path]) -> FileMedia:
    return FileMedia(**files)


@asynccontextmanager
async def service(name: str, media: FileMedia, tmp_path: Path, **options: Any) -> AsyncGenerator[httpx.AsyncClient]:
    async with (
        LocalServices(media, tmp_path / "services", {name: 0}, **options) as running,
        httpx.AsyncClient(base_url=running.urls[name], trust_env=False, timeout=10) as client,
    ):
        yield client


async def finished(client: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            told = (await client.get(f"/jobs/{job_id}")).json()
            if told["status"] not in {"queued", "rendering"}:
                return told


async def test_a_render_is_a_job_that_ends_in_a_video(media: FileMedia, tmp_path: Path, files: dict[str, Path]) -> None:
    async with service("manim", media, tmp_path) as client:
        media.gate.clear()
        answer = await client.post("/render", json=RENDER)
        assert (answer.status_code, answer.json()["status"]) == (202, "queued")
        job_id = answer.json()["job_id"]
        await media.started.wait()
        told = (await client.get(answer.json()["status_url"])).json()
        assert (told["status"], told["progress"]) == ("rendering", 0.5)
        assert (await client.get("/health")).json() == {"status": "healthy", "active_jobs": 1, "queued": 0}
        media.gate.set()
        told = await finished(client, job_id)
        assert (told["status"], told["duration"]) == ("completed", 2.0)
        whole = await client.get(told["video_url"])
        part = await client.get(told["video_url"], headers={"Range": "bytes=0-9"})
    assert whole.content == files["clip"].read_bytes()
    assert (whole.headers["content-type"], part.status_code, len(part.content)) == ("video/mp4", 206, 10)


async def test_waiting_gives_the_video_at_once(media: FileMedia, tmp_path: Path) -> None:
    async with service("manim", media, tmp_path) as client:
        answer = await client.post("/render?wait=1", json=RENDER)
        assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    async with service("revideo", media, tmp_path, synchronous=True) as client:
        answer = await client.post("/compose", json={"segments": [{"type": "intro", "duration": 2}]})
        assert (answer.status_code, answer.json()["status"]) == (200, "success")
        assert (await client.get(answer.json()["thumbnail_url"])).content == b"jpeg"


async def test_who_stops_waiting_stops_the_render(media: FileMedia, tmp_path: Path) -> None:
    media.gate.clear()
    async with service("manim", media, tmp_path) as client:
        asking = asyncio.create_task(client.post("/render?wait=1", json=RENDER))
        await media.started.wait()
        asking.cancel()
        async with asyncio.timeout(5):
            while (await client.get("/health")).json()["active_jobs"]:
                pass
    assert media.cancelled == 1


async def test_a_job_can_be_cancelled(media: FileMedia, tmp_path: Path) -> None:
    media.gate.clear()
    async with service("manim", media, tmp_path) as client:
        job_id = (await client.post("/render", json=RENDER)).json()["job_id"]
        await media.started.wait()
        assert (await client.delete(f"/jobs/{job_id}")).json()["status"] == "cancelled"
        assert (await client.get(f"/jobs/{job_id}")).json()["status"] == "cancelled"
        assert (await client.delete("/jobs/nobody")).status_code == 404
        assert (await client.get("/jobs/nobody")).json()["error"].startswith("no such job")
    assert media.cancelled == 1


async def test_two_render_and_the_rest_waits(media: FileMedia, tmp_path: Path) -> None:
    media.gate.clear()
    async with service("manim", media, tmp_path) as client:
        jobs = [(await client.post("/render", json=RENDER)).json()["job_id"] for _ in range(5)]
        async with asyncio.timeout(5):
            while (await client.get("/health")).json()["active_jobs"] < 2:
                pass
        assert (await client.get("/health")).json() == {"status": "healthy", "active_jobs": 2, "queued": 3}
        media.gate.set()
        assert {(await finished(client, job))["status"] for job in jobs} == {"completed"}
    assert media.most == 2


async def test_the_same_submission_joins_the_job_that_runs(media: FileMedia, tmp_path: Path) -> None:
    media.gate.clear()
    async with service("manim", media, tmp_path) as client:
        key = {"Idempotency-Key": "job:manim:0"}
        first = (await client.post("/render", json=RENDER, headers=key)).json()["job_id"]
        assert (await client.post("/render", json=RENDER, headers=key)).json()["job_id"] == first
        changed = {**RENDER, "scene_type": "outro"}
        assert (await client.post("/render", json=changed, headers=key)).json()["job_id"] != first
        media.gate.set()
        await finished(client, first)
        assert (await client.post("/render", json=RENDER, headers=key)).json()["job_id"] != first


async def test_a_render_that_fails_says_why(media: FileMedia, tmp_path: Path) -> None:
    async with service("manim", media, tmp_path) as client:
        media.fails = StageFailure.invalid_input("the heading cannot be set")
        job = (await client.post("/render", json=RENDER)).json()
        told = await finished(client, job["job_id"])
        assert (told["status"], told["error"]) == ("failed", "the heading cannot be set")
        media.fails = ZeroDivisionError("oops")
        answer = await client.post("/render?wait=1", json=RENDER)
        assert (answer.status_code, answer.json()["error"]) == (500, "internal error: ZeroDivisionError: oops")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{oops", 400, "no JSON"),
        (b"[]", 422, "body"),
        (b"{}", 422, "scene_type"),
        (b'{"scene_type": "middle", "content": {"heading": "x"}}', 422, "scene_type"),
        (b'{"scene_type": "intro", "content": {"heading": ""}}', 422, "content.heading"),
        (b'{"scene_type": "intro", "content": {"heading": "x", "date": "soon"}}', 422, "content.date"),
        (b'{"scene_type": "intro", "content": {"heading": "x"}, "style": {"fps": 60}}', 422, "style.fps"),
        (b'{"scene_type": "intro", "content": {"heading": "x"}, "style": {"duration_s": 0}}', 422, "style.duration_s"),
        (b" " * (2**20 + 1), 413, "longer than"),
    ],
)
async def test_bad_scenes_are_refused_by_field(
    media: FileMedia, tmp_path: Path, body: bytes, status: int, said: str
) -> None:
    async with service("manim", media, tmp_path) as client:
        answer = await client.post("/render", content=body)
    assert answer.status_code == status
    assert said in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "segments"),
        ({"segments": []}, "segments"),
        ({"segments": [{"type": "clip"}]}, "segments.0.type"),
        ({"segments": [{"type": "narration", "text": "x"}]}, "segments.0"),
        ({"segments": [{"type": "manim"}]}, "segments.0.url"),
        ({"segments": [{"type": "intro", "url": "file:///etc/passwd"}]}, "segments.0.url"),
        ({"segments": [{"type": "intro"}], "audio": {"speed": 9}}, "audio.speed"),
    ],
)
async def test_bad_compositions_are_refused_by_field(
    media: FileMedia, tmp_path: Path, body: dict[str, Any], said: str
) -> None:
    async with service("revideo", media, tmp_path) as client:
        answer = await client.post("/compose", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(said)


async def test_a_composition_is_fetched_spoken_and_joined(
    media: FileMedia, tmp_path: Path, files: dict[str, Path]
) -> None:
    async with scripted() as source, service("revideo", media, tmp_path) as client:
        source.on("GET /a.mp4", Response(files["clip"].read_bytes(), media_type="video/mp4"))
        source.on("GET /a.wav", Response(files["sound"].read_bytes(), media_type="audio/wav"))
        body = {
            "segments": [
                {"type": "intro", "duration": 2, "title": "Hello"},
                {"type": "manim", "url": f"{source.url}/a.mp4", "duration": 3},
                {"type": "narration", "text": "Fetched.", "audio_url": f"{source.url}/a.wav"},
                {"type": "manim", "url": f"{source.url}/a.mp4"},
                {"type": "narration", "text": "Spoken here."},
            ],
            "audio": {"voice": "en-us", "speed": 1.0},
        }
        answer = await client.post("/compose?wait=1", json=body)
        assert answer.json()["status"] == "success"
        missing = {"segments": [{"type": "manim", "url": f"{source.url}/none.mp4"}]}
        failed = await client.post("/compose?wait=1", json=missing)
        assert (failed.status_code, failed.json()["status"]) == (500, "error")
        assert failed.json()["error"].startswith("segments.0.url: ")
    intro, fetched, spoken = media.segments
    assert (intro.segment.heading, intro.narration, intro.duration_s) == ("Hello", None, 2)
    assert (fetched.segment.narration, fetched.duration_s) == ("Fetched.", 3)
    assert (spoken.narration is not None, spoken.duration_s) == (True, 2.4)
    assert media.voices == ["en-us"]
    assert names(tmp_path / "services" / "revideo" / "work") == [], "what was fetched is removed"


@pytest.mark.parametrize("name", ["mp3", "opus", "aac", "flac", "wav"])
async def test_speech_comes_in_every_format_of_the_contract(media: FileMedia, tmp_path: Path, name: str) -> None:
    async with service("tts", media, tmp_path) as client:
        body = {"model": "tts-1", "input": "Hello there", "voice": "alloy", "response_format": name}
        answer = await client.post("/v1/audio/speech", json=body)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("audio/")
    (tmp_path / "sound").write_bytes(answer.content)
    report = decode_sound(tmp_path / "sound")
    assert report.duration_s == pytest.approx(2.0, abs=0.15)
    assert report.peak_dbfs > -20
    assert names(tmp_path / "services" / "tts" / "work") == []


async def test_raw_speech_has_24000_samples_a_second(media: FileMedia, tmp_path: Path) -> None:
    async with service("tts", media, tmp_path) as client:
        body = {"model": "m", "input": "Hello", "voice": "alloy", "response_format": "pcm"}
        answer = await client.post("/v1/audio/speech", json=body)
    assert len(answer.content) == pytest.approx(2 * 24_000 * 2, rel=0.02)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": "   "}, "input"),
        ({"input": "x" * 4097}, "input"),
        ({"speed": 5}, "speed"),
        ({"response_format": "midi"}, "response_format"),
        ({"voice": "a b"}, "voice"),
    ],
)
async def test_bad_speech_is_refused_in_openais_shape(
    media: FileMedia, tmp_path: Path, change: dict[str, Any], param: str
) -> None:
    async with service("tts", media, tmp_path) as client:
        body = {"model": "m", "input": "Hello", "voice": "alloy", **change}
        answer = await client.post("/v1/audio/speech", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_files_cannot_be_asked_for_by_path(media: FileMedia, tmp_path: Path) -> None:
    async with service("manim", media, tmp_path) as client:
        for path in ("/videos/..%2f..%2fsecret", "/videos/%2e%2e/x.mp4", "/videos/.hidden.mp4", "/videos/"):
            assert (await client.get(path)).status_code == 404


async def test_a_taken_port_stops_what_was_started(media: FileMedia, tmp_path: Path) -> None:
    taken = await serve(Response("x"), name="another program")
    services = LocalServices(media, tmp_path, {"manim": 0, "revideo": taken.port})
    try:
        with pytest.raises(PortTakenError, match=rf"port {taken.port} for the local revideo.*--port-base"):
            await services.__aenter__()
        left = [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("serve the local")]
        assert left == []
    finally:
        await taken.stop()


def test_unknown_services_are_refused(media: FileMedia, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no local service is called smoke"):
        LocalServices(media, tmp_path, {"smoke": 1})


@pytest.mark.parametrize(
    ("kind", "healthy"),
    [
        (FaultKind.DOWN, None),
        (FaultKind.HANG, None),
        (FaultKind.HTTP, False),
        (FaultKind.SLOW, True),
        (FaultKind.FLAKY, True),
        (FaultKind.GARBAGE, True),
        (FaultKind.ERROR200, True),
        (FaultKind.MISSING, True),
        (FaultKind.TRUNCATED, True),
        (FaultKind.SILENT, True),
        (FaultKind.FORGETS, True),
    ],
)
async def test_health_lies_where_real_services_lie(
    media: FileMedia, tmp_path: Path, kind: FaultKind, healthy: bool | None
) -> None:
    value = {FaultKind.HTTP: 503.0, FaultKind.SLOW: 30.0, FaultKind.FLAKY: 1.0}.get(kind)
    async with service("manim", media, tmp_path, faults={"manim": Fault(kind, value)}) as client:
        if healthy is None:
            with pytest.raises(httpx.ConnectError if kind is FaultKind.DOWN else httpx.ReadTimeout):
                await client.get("/health", timeout=0.2)
        else:
            assert (await client.get("/health", timeout=2)).is_success is healthy


async def test_flaky_rolls_the_same_dice_for_the_same_seed(media: FileMedia, tmp_path: Path) -> None:
    async def rolls(seed: int) -> list[int]:
        fault = {"manim": Fault(FaultKind.FLAKY, 0.3)}
        async with service("manim", media, tmp_path, faults=fault, seed=seed) as client:
            return [(await client.get("/jobs/x")).status_code for _ in range(40)]

    first, again, other = await rolls(1), await rolls(1), await rolls(2)
    assert first == again != other
    assert 3 <= first.count(500) <= 25


async def test_a_stop_lets_go_of_who_hangs(media: FileMedia, tmp_path: Path) -> None:
    async with asyncio.timeout(3):
        async with service("manim", media, tmp_path, faults={"manim": Fault(FaultKind.HANG)}) as client:
            asking = asyncio.create_task(client.get("/health", timeout=60))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(asking), 0.1)
        assert (await asyncio.gather(asking, return_exceptions=True))[0] is not None


async def test_the_shelf_keeps_the_newest(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    shelf.clear()
    for number in range(MAX_FILES + 3):
        shelf.path(f"{number}.mp4").write_bytes(b"x")

        os.utime(shelf.path(f"{number}.mp4"), (number, number))
    shelf.tidy()
    assert len(names(shelf.folder)) == MAX_FILES
    assert not {"0.mp4", "1.mp4", "2.mp4"} & set(names(shelf.folder))


async def test_closing_stops_every_job() -> None:
    async def forever(_job: RenderJob) -> Any:
        await asyncio.Event().wait()

    queue = RenderQueue()
    jobs = [queue.submit(forever, key=None, body=b"") for _ in range(4)]
    await asyncio.sleep(0)
    async with asyncio.timeout(2):
        await queue.close()
    assert {job.state.value for job in jobs} == {"cancelled"}
