from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from http_scripted import Kept, Scripted, StubMedia, content, make_call, make_job, names, scripted
from starlette.responses import JSONResponse, Response

from config.settings import ServiceSettings, Settings, SoraSettings, SpeechSettings
from integrations.content.asked import DoubtSource, PromptSource
from integrations.kit import remote_job
from integrations.kit.nudge import nudge
from integrations.kit.serve import serve
from integrations.orchestrator import OrchestratorRoute
from integrations.sora import SoraRoute
from scheduler.api.app import make_api
from scheduler.api.context import ApiOptions
from scheduler.domain.callback import signature
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.job import JobSpec
from scheduler.domain.render import StageName
from scheduler.operations import StoreOperations
from scheduler.ports.provider import Call
from scheduler.testing import FakeClock, MemoryStore

MP4 = b"\x00\x00\x00\x18ftypmp42" + b"x" * 5000
JPEG = b"\xff\xd8\xff\xe0" + b"x" * 100
DOUBT: dict[str, Any] = {"question": "What is the repo rate?", "length": "long"}
PROMPT: dict[str, Any] = {"prompt": "a river at dawn", "duration": 4.5, "size": "720x1280"}
VIDEO = Response(MP4, media_type="video/mp4")


def doubt_call(tmp_path: Path, kept: Kept | None = None, **options: Any) -> Call:
    call = make_call(tmp_path / "work", StageName.REVIDEO, kept=kept, **options)
    job = replace(make_job(), job_type="doubt", payload=DOUBT)
    return replace(call, job=job, brief=DoubtSource().resolve(DOUBT, None).brief, script=None)


@asynccontextmanager
async def scene(**found: Any) -> AsyncGenerator[tuple[Scripted, OrchestratorRoute]]:
    async with scripted() as service:
        settings = ServiceSettings(url=service.url, poll_s=0.05, connect_timeout_s=0.5)
        yield service, OrchestratorRoute(settings, StubMedia(**found), speech=SpeechSettings())


async def test_a_synchronous_answer_is_the_video(tmp_path: Path) -> None:
    async with scene() as (service, route):
        answer = {"video_url": "/v.mp4", "thumbnail_url": "/v.jpg", "duration": 2.0}
        service.on("POST /render", JSONResponse(answer))
        service.on("GET /v.mp4", VIDEO)
        service.on("GET /v.jpg", Response(JPEG, media_type="image/jpeg"))
        output = await route.run(doubt_call(tmp_path))
        (asked,) = [seen for seen in service.seen if seen.path == "/render"]
    assert asked.body["input"] == {"question": "What is the repo rate?"}
    assert (asked.body["job_type"], asked.body["length"]) == ("doubt", "long")
    assert asked.headers["x-request-id"] == "corr-1"
    assert asked.headers["idempotency-key"].endswith(":revideo:route")
    assert content(output.artifacts["video"].path) == MP4
    assert content(output.artifacts["thumbnail"].path) == JPEG
    assert (output.data["whole"], output.data["duration_s"]) == (True, 2.0)


async def test_a_callback_is_asked_for_and_cuts_the_wait_short(tmp_path: Path) -> None:
    async with scripted() as service:
        service.on("POST /render", JSONResponse({"job_id": "j", "status": "pending"}))
        service.on("GET /jobs/j", JSONResponse({"status": "completed", "video_url": "/v.mp4", "duration": 2}))
        service.on("GET /v.mp4", VIDEO)
        settings = ServiceSettings(url=service.url, poll_s=60.0, connect_timeout_s=0.5)
        told = "https://ours.example/webhooks/video-complete"
        route = OrchestratorRoute(settings, StubMedia(), speech=SpeechSettings(), callback_url=told)
        running = asyncio.create_task(route.run(doubt_call(tmp_path, timeout_s=50.0)))
        await service.until("POST /render")
        async with asyncio.timeout(10):
            while not nudge("j"):  # noqa: ASYNC110 - what the webhook does with the job it is told of
                await asyncio.sleep(0.01)
            output = await running
        (asked,) = [seen for seen in service.seen if seen.path == "/render"]
    assert asked.body["callback_url"] == told
    assert "video" in output.artifacts


async def test_a_job_is_watched_in_the_contracts_words(tmp_path: Path) -> None:
    kept, said = Kept(), list[str]()
    async with scene() as (service, route):
        service.on("POST /render", JSONResponse({"job_id": "j", "status": "pending", "estimated_time": 40}))
        service.on(
            "GET /jobs/j",
            JSONResponse({"status": "pending"}),
            JSONResponse({"status": "processing", "progress": 25, "estimated_time_remaining": 31.4}),
            JSONResponse({"status": "processing", "progress_percentage": 80}),
            JSONResponse({"status": "completed", "result": {"video_url": "/v.mp4", "duration": 2}}),
        )
        service.on("GET /v.mp4", VIDEO)
        call = doubt_call(tmp_path, kept)

        def hear(done: float, text: str) -> None:
            kept.report(done)
            said.append(text)

        output = await route.run(replace(call, progress=hear))
    assert output.artifacts.keys() == {"video"}
    assert kept.progress == sorted(kept.progress)
    assert "orchestrator: processing, about 31 s left" in said


@pytest.mark.parametrize("word", ["failed", "error", "cancelled"])
async def test_a_job_that_fails_says_why(tmp_path: Path, word: str) -> None:
    async with scene() as (service, route):
        service.on("POST /render", JSONResponse({"job_id": "j", "status": "pending"}))
        service.on("GET /jobs/j", JSONResponse({"status": word, "error": {"message": "no such voice"}}))
        with pytest.raises(StageFailure, match="no such voice") as caught:
            await route.run(doubt_call(tmp_path))
    assert (caught.value.kind, caught.value.retryable) == (FailureClass.API_ERROR, True)
    assert service.count("DELETE /jobs/j") == 0, "it has ended by itself"


async def test_a_submission_that_fails_at_once_says_why(tmp_path: Path) -> None:
    async with scene() as (service, route):
        service.on("POST /render", JSONResponse({"job_id": "j", "status": "cancelled", "message": "closing"}))
        with pytest.raises(StageFailure, match="closing"):
            await route.run(doubt_call(tmp_path))


async def test_whoever_stops_waiting_deletes_the_job(tmp_path: Path) -> None:
    async with scene() as (service, route):
        service.on("POST /render", JSONResponse({"job_id": "j", "status": "pending"}))
        service.on("GET /jobs/j", JSONResponse({"status": "processing"}))
        service.on("DELETE /jobs/j", JSONResponse({"status": "cancelled"}))
        running = asyncio.create_task(route.run(doubt_call(tmp_path)))
        await service.until("GET /jobs/j", 2)
        running.cancel()
        async with asyncio.timeout(2):
            await asyncio.gather(running, return_exceptions=True)
        assert running.cancelled()
        assert service.count("DELETE /jobs/j") == 1
    assert names(tmp_path / "work") == []


async def test_a_thumbnail_that_is_none_costs_nothing(tmp_path: Path) -> None:
    async with scene() as (service, route):
        service.on("POST /render", JSONResponse({"video_url": "/v.mp4", "thumbnail_url": "/v.jpg"}))
        service.on("GET /v.mp4", VIDEO)
        service.on("GET /v.jpg", Response(b"not a picture", media_type="image/jpeg"))
        output = await route.run(doubt_call(tmp_path))
    assert output.artifacts.keys() == {"video"}
    assert names(tmp_path / "work") == ["whole.mp4"]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"silent_ratio": 1.0}, "silent"),
        ({"audio_codec": None}, "no sound track"),
        ({"video_codec": "vp9"}, "video codec is vp9"),
        ({"distinct_frames": 0}, "still image"),
        ({"black_ratio": 1.0}, "black"),
        ({"duration_s": 9.0}, "lasts 9.0 s"),
    ],
)
async def test_the_whole_video_is_probed_before_it_counts(tmp_path: Path, found: dict[str, Any], said: str) -> None:
    async with scene(**found) as (service, route):
        service.on("POST /render", JSONResponse({"video_url": "/v.mp4", "duration": 2}))
        service.on("GET /v.mp4", VIDEO)
        with pytest.raises(StageFailure, match=said) as caught:
            await route.run(doubt_call(tmp_path))
    assert caught.value.kind is FailureClass.INVALID_OUTPUT
    assert names(tmp_path / "work") == []


async def test_another_size_is_the_makers_choice(tmp_path: Path) -> None:
    async with scene(width=1080, height=1920) as (service, route):
        service.on("POST /render", JSONResponse({"video_url": "/v.mp4"}))
        service.on("GET /v.mp4", VIDEO)
        assert (await route.run(doubt_call(tmp_path))).data["height"] == 1920


async def test_predawns_own_api_is_never_handed_anything(tmp_path: Path) -> None:
    store = MemoryStore(FakeClock(datetime.now(UTC)))
    store.beat("me", kind="serve", host="box", pid=1, started_at=datetime.now(UTC))
    operations = StoreOperations(store, Settings(home=tmp_path), FakeClock(datetime.now(UTC)), job_types={}, chains={})
    served = await serve(make_api(operations, ApiOptions(version="0")), name="our own API", grace_s=0)
    try:
        settings = ServiceSettings(url=served.url, connect_timeout_s=0.5)
        with pytest.raises(StageFailure, match="is predawn's own API") as caught:
            await OrchestratorRoute(settings, StubMedia(), speech=SpeechSettings()).run(doubt_call(tmp_path))
    finally:
        await served.stop()
    assert (caught.value.kind, caught.value.retryable) == (FailureClass.UNAVAILABLE, False)


def prompt_call(tmp_path: Path) -> Call:
    call = make_call(tmp_path / "work", StageName.REVIDEO)
    job = replace(make_job(), job_type="prompt_video", payload=PROMPT)
    return replace(call, job=job, brief=PromptSource().resolve(PROMPT, None).brief, script=None)


@asynccontextmanager
async def sora_scene(**found: Any) -> AsyncGenerator[tuple[Scripted, SoraRoute]]:
    async with scripted() as service:
        settings = SoraSettings(url=f"{service.url}/v1", enabled=True, poll_s=0.05, connect_timeout_s=0.5)
        media = StubMedia(**{"audio_codec": None, "silent_ratio": 1.0, **found})
        yield service, SoraRoute(settings, media)


async def test_a_prompt_is_made_watched_and_its_content_fetched(tmp_path: Path) -> None:
    async with sora_scene(duration_s=5.0) as (service, route):
        service.on("POST /v1/videos", JSONResponse({"id": "v1", "status": "queued", "progress": 0}))
        service.on(
            "GET /v1/videos/v1",
            JSONResponse({"id": "v1", "status": "in_progress", "progress": 40}),
            JSONResponse({"id": "v1", "status": "succeeded", "progress": 100}),
        )
        service.on("GET /v1/videos/v1/content", VIDEO)
        output = await route.run(prompt_call(tmp_path))
        asked = next(seen.body for seen in service.seen if seen.method == "POST")
    assert asked == {"prompt": "a river at dawn", "model": "sora-2", "seconds": "5", "size": "720x1280"}
    assert output.data["silent"] is True
    assert output.data["asked"] == {"duration_s": 4.5, "fps": 30, "size": "720x1280"}
    assert content(output.artifacts["video"].path) == MP4


async def test_cancelling_a_prompt_stops_asking_and_deletes_it(tmp_path: Path) -> None:
    async with sora_scene() as (service, route):
        service.on("POST /v1/videos", JSONResponse({"id": "v1", "status": "queued"}))
        service.on("GET /v1/videos/v1", JSONResponse({"id": "v1", "status": "in_progress"}))
        service.on("DELETE /v1/videos/v1", JSONResponse({"id": "v1", "deleted": True}))
        running = asyncio.create_task(route.run(prompt_call(tmp_path)))
        await service.until("GET /v1/videos/v1")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert service.count("DELETE /v1/videos/v1") == 1


async def test_a_refused_prompt_is_not_asked_for_again(tmp_path: Path) -> None:
    async with sora_scene() as (service, route):
        refusal = {"error": {"message": "blocked by moderation", "type": "invalid_request_error"}}
        service.on("POST /v1/videos", JSONResponse(refusal, status_code=400))
        with pytest.raises(StageFailure, match="blocked by moderation") as caught:
            await route.run(prompt_call(tmp_path))
    assert (caught.value.kind, caught.value.retryable) == (FailureClass.API_ERROR, False)


async def test_a_webhook_makes_the_poller_look_at_once_by_our_id_and_by_the_services(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hourly(_poll_s: float) -> Iterator[float]:
        return itertools.repeat(3600.0)

    monkeypatch.setattr(remote_job, "poll_delays", hourly)  # by itself it would look after an hour
    secret = "of-the-service"
    store = MemoryStore(FakeClock(datetime.now(UTC)))
    operations = StoreOperations(store, Settings(home=tmp_path), FakeClock(datetime.now(UTC)), job_types={}, chains={})
    api = make_api(operations, ApiOptions(version="0", webhook_secret=secret, nudge=nudge))
    ours = store.enqueue(JobSpec("doubt")).job.id
    call = doubt_call(tmp_path)
    call = replace(call, job=replace(call.job, id=ours), idempotency_key=f"{ours}:revideo")
    async with scene() as (service, route):
        service.on("POST /render", JSONResponse({"job_id": "remote-7", "status": "pending"}))
        service.on(
            "GET /jobs/remote-7",
            JSONResponse({"status": "processing", "progress": 40}),
            JSONResponse({"status": "completed", "video_url": "/v.mp4", "duration": 2}),
        )
        service.on("GET /v.mp4", VIDEO)
        served = await serve(api, name="api", grace_s=0)
        try:
            async with httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=60) as client:
                making = asyncio.create_task(route.run(call))
                ages, known = itertools.count(), False

                async def tell(job_id: str) -> bool:
                    body = json.dumps({"job_id": job_id, "status": "completed"}).encode()
                    at = datetime.now(UTC) - timedelta(seconds=next(ages))  # each message is taken once
                    signed = {"X-Predawn-Signature": signature(secret, body, at)}
                    taken = await client.post("/webhooks/video-complete", content=body, headers=signed)
                    assert taken.status_code == 202
                    return taken.json()["known"]

                async with asyncio.timeout(60):
                    while service.count("GET /jobs/remote-7") < 1:  # it may not wait yet
                        known = await tell(ours)
                    assert known
                    while not making.done():
                        await tell("remote-7")
                    output = await making
        finally:
            await served.stop()
            await api.close()
    assert content(output.artifacts["video"].path) == MP4
    assert service.count("GET /jobs/remote-7") == 2
