from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from http_scripted import (
    Kept,
    Scripted,
    StubMedia,
    content,
    make_call,
    make_script,
    names,
    raw_server,
    remove,
    scripted,
)
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from config.settings import ServiceSettings
from integrations.kit.serve import bind
from integrations.manim import ManimApi
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.render import StageName

MP4 = b"\x00\x00\x00\x18ftypmp42" + b"x" * 5000
ONE = make_script(outro=False)
API_ERROR, INVALID_OUTPUT = FailureClass.API_ERROR, FailureClass.INVALID_OUTPUT
UNAVAILABLE, TIMEOUT = FailureClass.UNAVAILABLE, FailureClass.TIMEOUT


def manim_at(url: str, media: StubMedia | None = None, **settings: Any) -> ManimApi:
    service = ServiceSettings(url=url, poll_s=0.05, connect_timeout_s=0.5, **settings)
    return ManimApi(service, media or StubMedia(), programme="Daily")


def video(content: bytes = MP4) -> Response:
    return Response(content, media_type="video/mp4")


async def failure_of(provider: ManimApi, tmp_path: Path, **options: Any) -> StageFailure:
    with pytest.raises(StageFailure) as caught:
        await provider.run(make_call(tmp_path, StageName.MANIM, script=ONE, **options))
    assert names(tmp_path) == [], "nothing may stay behind"
    return caught.value


def shown(failure: StageFailure) -> tuple[FailureClass, bool]:
    return failure.kind, failure.retryable


@pytest.mark.parametrize("word", ["video_url", "output_url", "renderUrl", "downloadLink"])
async def test_an_immediate_answer_is_fetched_whatever_its_word(tmp_path: Path, word: str) -> None:
    async with scripted() as service:
        service.on("POST /render", JSONResponse({word: "/videos/a.mp4"}))
        service.on("GET /videos/a.mp4", video())
        output = await manim_at(service.url).run(make_call(tmp_path, StageName.MANIM, script=ONE))
    artifact = output.artifacts["clip/0"]
    assert content(artifact.path) == MP4
    assert artifact.url == f"{service.url}/videos/a.mp4"
    assert (output.data["durations"], output.data["providers"]) == ([2.0], ["manim-api"])


@pytest.mark.parametrize("id_word", ["job_id", "render_id", "id"])
async def test_a_job_is_polled_to_its_end(tmp_path: Path, id_word: str) -> None:
    async with scripted() as service:
        service.on("POST /render", JSONResponse({id_word: "j1", "status": "queued"}, status_code=202))
        service.on(
            "GET /jobs/j1",
            JSONResponse({"status": "pending"}),
            JSONResponse({"status": "rendering", "progress": 40}),
            JSONResponse({"status": "completed", "output_url": f"{service.url}/videos/a.mp4"}),
        )
        service.on("GET /videos/a.mp4", video())
        output = await manim_at(service.url).run(make_call(tmp_path, StageName.MANIM, script=ONE))
        assert service.count("GET /jobs/j1") == 3
        assert service.count("DELETE /jobs/j1") == 0
    assert "clip/0" in output.artifacts


async def test_status_url_and_poll_path_are_followed(tmp_path: Path) -> None:
    async with scripted() as service:
        service.on("POST /render", JSONResponse({"job_id": "j1", "status_url": "/status?job=1"}))
        service.on("GET /status", JSONResponse({"video_url": "/a.mp4"}))
        service.on("GET /renders/j1/state", JSONResponse({"video_url": "/a.mp4"}))
        service.on("GET /a.mp4", video())
        await manim_at(service.url).run(make_call(tmp_path / "a", StageName.MANIM, script=ONE))
        service.on("POST /render", JSONResponse({"job_id": "j1"}))
        other = manim_at(service.url, poll_path="/renders/{id}/state")
        await other.run(make_call(tmp_path / "b", StageName.MANIM, script=ONE))
        assert (service.count("GET /status"), service.count("GET /renders/j1/state")) == (1, 1)


async def test_every_call_carries_its_ids_and_the_token(tmp_path: Path) -> None:
    async with scripted() as service:
        service.on("POST /render", JSONResponse({"job_id": "j1"}))
        service.on("GET /jobs/j1", JSONResponse({"video_url": "/a.mp4"}))
        service.on("GET /a.mp4", video())
        provider = manim_at(service.url, token=SecretStr("s3cret"))
        await provider.run(make_call(tmp_path, StageName.MANIM, script=ONE))
        assert {seen.headers["x-request-id"] for seen in service.seen} == {"corr-1"}
        assert all(seen.headers["authorization"] == "Bearer s3cret" for seen in service.seen)
        keys = [seen.headers["idempotency-key"] for seen in service.seen if seen.path != "/health"]
        assert set(keys) == {"0123456789abcdef:manim:0"}


async def test_the_token_goes_to_the_service_alone(tmp_path: Path) -> None:
    async with scripted() as service, scripted() as elsewhere:
        service.on("POST /render", JSONResponse({"video_url": f"{elsewhere.url}/a.mp4"}))
        elsewhere.on("GET /a.mp4", video())
        provider = manim_at(service.url, token=SecretStr("s3cret"))
        await provider.run(make_call(tmp_path, StageName.MANIM, script=ONE))
        assert "authorization" not in elsewhere.seen[0].headers


async def test_an_echoed_token_is_not_repeated(tmp_path: Path) -> None:
    async with scripted() as service:
        service.on("POST /render", JSONResponse({"error": "bad key s3cret"}, status_code=401))
        failure = await failure_of(manim_at(service.url, token=SecretStr("s3cret")), tmp_path)
    assert shown(failure) == (API_ERROR, False)
    assert "s3cret" not in failure.message


async def test_nothing_listening_is_unavailable(tmp_path: Path) -> None:
    with bind("127.0.0.1", 0, name="nobody") as held:
        failure = await failure_of(manim_at(f"http://127.0.0.1:{held.getsockname()[1]}"), tmp_path)
    assert shown(failure) == (UNAVAILABLE, True)
    assert "is it running" in failure.message


async def test_a_service_that_never_answers_is_found_out_in_the_time_of_a_connection(tmp_path: Path) -> None:
    async with raw_server(b"", hold=True) as url:
        async with asyncio.timeout(2):
            failure = await failure_of(manim_at(url), tmp_path, timeout_s=60)
    assert shown(failure) == (TIMEOUT, True)


async def test_hanging_after_headers_times_out(tmp_path: Path) -> None:
    async def hang(_request: Request) -> Response:
        async def body() -> AsyncGenerator[bytes]:
            yield b'{"video'
            await asyncio.Event().wait()

        return StreamingResponse(body(), media_type="application/json")

    async with scripted() as service:
        service.on("POST /render", hang)
        failure = await failure_of(manim_at(service.url), tmp_path, timeout_s=0.4)
    assert shown(failure) == (TIMEOUT, True)


async def test_a_connection_that_closes_without_an_answer_is_unavailable(tmp_path: Path) -> None:
    async with raw_server(b"") as url:
        failure = await failure_of(manim_at(url), tmp_path)
    assert shown(failure) == (UNAVAILABLE, True)


@pytest.mark.parametrize(
    ("answer", "kind", "retryable", "said"),
    [
        (JSONResponse({"error": "scene is empty"}, status_code=422), API_ERROR, False, "scene is empty"),
        (JSONResponse({"message": "try later"}, status_code=503), API_ERROR, True, "try later"),
        (HTMLResponse("<title>502 Bad Gateway</title>", status_code=502), API_ERROR, True, "502 Bad Gateway"),
        (JSONResponse({"error": "the renderer crashed"}), API_ERROR, True, "renderer crashed"),
        (JSONResponse({"success": False, "message": "no GPU"}), API_ERROR, True, "no GPU"),
        (HTMLResponse("<html><title>Welcome</title></html>"), INVALID_OUTPUT, True, "HTML page"),
        (Response("{oops", media_type="application/json"), INVALID_OUTPUT, True, "no JSON"),
        (Response(b"", media_type="application/json"), INVALID_OUTPUT, True, "empty"),
        (JSONResponse({"hello": "world"}), INVALID_OUTPUT, True, "neither a video nor a job"),
        (JSONResponse({"video_url": "file:///etc/passwd"}), INVALID_OUTPUT, True, "cannot be used"),
        (Response(b" " * 1_100_000, media_type="application/json"), INVALID_OUTPUT, False, "more than 1 MiB"),
    ],
)
async def test_bad_answers_to_a_submission(
    tmp_path: Path, answer: Response, kind: FailureClass, *, retryable: bool, said: str
) -> None:
    async with scripted() as service:
        service.on("POST /render", answer)
        failure = await failure_of(manim_at(service.url), tmp_path)
    assert shown(failure) == (kind, retryable)
    assert said in failure.message


async def test_retry_after_is_handed_on(tmp_path: Path) -> None:
    async with scripted() as service:
        service.on("POST /render", JSONResponse({"error": "busy"}, status_code=429, headers={"Retry-After": "7"}))
        failure = await failure_of(manim_at(service.url), tmp_path)
    assert (failure.retryable, failure.retry_after_s) == (True, 7.0)


@pytest.mark.parametrize(
    ("state", "kind", "said"),
    [
        (JSONResponse({"status": "failed", "error": "out of memory"}), API_ERROR, "out of memory"),
        (JSONResponse({"status": "error", "message": "bad scene"}), API_ERROR, "bad scene"),
        (JSONResponse({"status": "completed"}), INVALID_OUTPUT, "names no video"),
        (JSONResponse({"error": "no such job"}, status_code=404), API_ERROR, "must be submitted again"),
        (JSONResponse({"status": "completed", "video_url": "/x.mp4"}, status_code=404), API_ERROR, "submitted again"),
    ],
)
async def test_jobs_that_end_badly(tmp_path: Path, state: Response, kind: FailureClass, said: str) -> None:
    async with scripted() as service:
        service.on("POST /render", JSONResponse({"job_id": "j1"}))
        service.on("GET /jobs/j1", state)
        failure = await failure_of(manim_at(service.url), tmp_path)
        assert service.count("DELETE /jobs/j1") == 0
    assert shown(failure) == (kind, True)
    assert said in failure.message


async def test_three_poll_errors_in_a_row_are_waited_out(tmp_path: Path) -> None:
    bad = JSONResponse({"error": "gateway"}, status_code=502)
    html = HTMLResponse("<html>502</html>")
    async with scripted() as service:
        service.on("POST /render", JSONResponse({"job_id": "j1"}))
        running, done = JSONResponse({"status": "rendering"}), JSONResponse({"video_url": "/a.mp4"})
        service.on("GET /jobs/j1", bad, html, bad, running, bad, bad, html, done)
        service.on("GET /a.mp4", video())
        await manim_at(service.url).run(make_call(tmp_path, StageName.MANIM, script=ONE))
        assert service.count("GET /jobs/j1") == 8


async def test_the_fourth_poll_error_ends_the_attempt_and_the_job(tmp_path: Path) -> None:
    async with scripted() as service:
        service.on("POST /render", JSONResponse({"job_id": "j1"}))
        service.on("GET /jobs/j1", JSONResponse({"error": "gateway"}, status_code=502))
        failure = await failure_of(manim_at(service.url), tmp_path)
        assert service.count("GET /jobs/j1") == 4
        assert service.count("DELETE /jobs/j1") == 1
    assert shown(failure) == (API_ERROR, True)


async def test_cancelling_deletes_the_remote_job_promptly(tmp_path: Path) -> None:
    async def stuck(_request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with scripted() as service:
        service.on("POST /render", JSONResponse({"job_id": "j1"}))
        service.on("GET /jobs/j1", JSONResponse({"status": "rendering"}))
        service.on("DELETE /jobs/j1", stuck)
        task = asyncio.create_task(manim_at(service.url).run(make_call(tmp_path, StageName.MANIM, script=ONE)))
        await service.until("GET /jobs/j1")
        task.cancel()
        async with asyncio.timeout(1.9):
            with pytest.raises(asyncio.CancelledError):
                await task
        assert service.count("DELETE /jobs/j1") == 1


async def test_cancelled_while_it_is_submitted_the_job_is_deleted_all_the_same(tmp_path: Path) -> None:
    told = asyncio.Event()

    async def slowly(_request: Request) -> Response:
        await told.wait()
        return JSONResponse({"job_id": "j1", "status": "queued"})

    async with scripted() as service:
        service.on("POST /render", slowly)
        service.on("DELETE /jobs/j1", JSONResponse({}))
        task = asyncio.create_task(manim_at(service.url).run(make_call(tmp_path, StageName.MANIM, script=ONE)))
        await service.until("POST /render")
        task.cancel()
        asyncio.get_running_loop().call_later(0.05, told.set)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert service.count("DELETE /jobs/j1") == 1


async def test_a_submission_that_nobody_answers_holds_no_cancel_up(tmp_path: Path) -> None:
    async with scripted() as service:
        service.on("POST /render", lambda _request: asyncio.Event().wait())  # pyright: ignore[reportArgumentType] - never answers
        task = asyncio.create_task(manim_at(service.url).run(make_call(tmp_path, StageName.MANIM, script=ONE)))
        await service.until("POST /render")
        task.cancel()
        async with asyncio.timeout(1.9):
            with pytest.raises(asyncio.CancelledError):
                await task


def serving(*answers: Response) -> Any:
    def prepare(service: Scripted) -> None:
        service.on("POST /render", JSONResponse({"video_url": "/a.mp4"}))
        if answers:
            service.on("GET /a.mp4", *answers)

    return prepare


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (serving(), "nothing there"),
        (serving(video(b"")), "ended after 0"),
        (serving(HTMLResponse("<html>login</html>")), "HTML page"),
        (serving(Response(b"<!DOCTYPE html><html>", media_type="video/mp4")), "HTML page"),
        (serving(JSONResponse({"file": "later"})), "not media"),
        (serving(Response(b'{"file": 1}', media_type="application/octet-stream")), "JSON"),
        (serving(Response(status_code=410)), "nothing there"),
    ],
)
async def test_results_that_are_no_media(tmp_path: Path, prepare: Any, said: str) -> None:
    async with scripted() as service:
        prepare(service)
        failure = await failure_of(manim_at(service.url), tmp_path)
    assert shown(failure) == (INVALID_OUTPUT, True)
    assert said in failure.message


async def test_a_result_that_breaks_off_is_invalid(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 9000\r\n\r\n"
    async with scripted() as service, raw_server(head + MP4) as url:
        service.on("POST /render", JSONResponse({"video_url": f"{url}/a.mp4"}))
        failure = await failure_of(manim_at(service.url), tmp_path)
    assert shown(failure) == (INVALID_OUTPUT, True)
    assert f"{len(MP4)} of 9000 bytes" in failure.message


async def test_a_result_that_is_too_large_is_refused_before_it_fills_the_disk(tmp_path: Path) -> None:
    async with scripted() as service:
        serving(video(b"x" * (2**20 + 1)))(service)
        failure = await failure_of(manim_at(service.url, max_media_mb=1), tmp_path)
    assert shown(failure) == (INVALID_OUTPUT, False)
    assert "max_media_mb" in failure.message


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"distinct_frames": 0}, "still image"),
        ({"duration_s": 30.0}, "asked for 2.0 s"),
        ({"duration_s": 0.2}, "asked for 2.0 s"),
        ({"frames": 0, "video_codec": None}, "no video frame"),
        ({"black_ratio": 0.9}, "black"),
    ],
)
async def test_a_result_is_probed_before_it_counts(tmp_path: Path, found: dict[str, Any], said: str) -> None:
    kept = Kept()
    async with scripted() as service:
        serving(video())(service)
        failure = await failure_of(manim_at(service.url, StubMedia(**found)), tmp_path, kept=kept)
    assert shown(failure) == (INVALID_OUTPUT, True)
    assert said in failure.message
    assert kept.parts == {}


async def test_only_missing_segments_are_rendered(tmp_path: Path) -> None:
    script = make_script(points=2)
    kept = Kept()
    async with scripted() as service:
        ok, bad = JSONResponse({"video_url": "/a.mp4"}), JSONResponse({"error": "hiccup"}, status_code=500)
        service.on("POST /render", ok, bad, ok, ok, ok)
        service.on("GET /a.mp4", video())
        provider = manim_at(service.url)
        with pytest.raises(StageFailure) as caught:
            await provider.run(make_call(tmp_path, StageName.MANIM, script=script, kept=kept))
        assert len(kept.parts) == 3, "one segment's failure does not throw away the others"
        assert caught.value.details["missing_segments"] == sorted({0, 1, 2, 3} - {int(p) for p in kept.parts})
        output = await provider.run(make_call(tmp_path, StageName.MANIM, script=script, kept=kept))
        assert service.count("POST /render") == 5
    assert sorted(output.artifacts) == ["clip/0", "clip/1", "clip/2", "clip/3"]
    assert kept.progress[-1] == 1.0


async def test_progress_is_heard_and_never_falls(tmp_path: Path) -> None:
    kept = Kept()
    states = [JSONResponse({"status": "rendering", "progress": p}) for p in (20, 60, 40)]
    async with scripted() as service:
        service.on("POST /render", JSONResponse({"job_id": "j1"}))
        service.on("GET /jobs/j1", *states, JSONResponse({"video_url": "/a.mp4"}))
        service.on("GET /a.mp4", video())
        await manim_at(service.url).run(make_call(tmp_path, StageName.MANIM, script=ONE, kept=kept))
    assert kept.progress == [0.2, 0.6, 0.6, 1.0, 1.0]


async def test_a_part_whose_file_is_gone_is_rendered_again(tmp_path: Path) -> None:
    kept = Kept()
    async with scripted() as service:
        serving(video())(service)
        provider = manim_at(service.url)
        await provider.run(make_call(tmp_path, StageName.MANIM, script=ONE, kept=kept))
        remove(kept.parts["0"].artifacts["clip"].path)
        await provider.run(make_call(tmp_path, StageName.MANIM, script=ONE, kept=kept))
        assert service.count("POST /render") == 2
        await provider.run(make_call(tmp_path, StageName.MANIM, script=ONE, kept=kept))
        assert service.count("POST /render") == 2


async def test_a_service_that_is_out_is_not_asked_for_every_segment(tmp_path: Path) -> None:
    async with scripted() as service:
        service.on("POST /render", JSONResponse({"error": "no such scene type"}, status_code=400))
        with pytest.raises(StageFailure) as caught:
            await manim_at(service.url).run(make_call(tmp_path, StageName.MANIM, script=make_script(points=6)))
        assert service.count("POST /render") <= 2
    assert caught.value.retryable is False


async def test_at_most_two_segments_are_rendered_at_once(tmp_path: Path) -> None:
    running, most = 0, 0

    async def answer(_request: Request) -> Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        return JSONResponse({"video_url": "/a.mp4"})

    async with scripted() as service:
        service.on("POST /render", answer)
        service.on("GET /a.mp4", video())
        await manim_at(service.url).run(make_call(tmp_path, StageName.MANIM, script=make_script(points=4)))
    assert most == 2
