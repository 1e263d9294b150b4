from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from http_scripted import Kept, Scripted, StubMedia, content, make_call, make_script, names, raw_server, scripted
from starlette.responses import HTMLResponse, JSONResponse, Response

from config.settings import ServiceSettings, SpeechSettings
from integrations.artifact_server import ArtifactServer
from integrations.kit.artifacts import artifact_of
from integrations.kit.serve import bind
from integrations.revideo import RevideoApi
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.render import Artifact, StageName, StageOutput
from scheduler.ports.provider import Call

MP4 = b"\x00\x00\x00\x18ftypmp42" + b"x" * 5000
SCRIPT = make_script(points=1, outro=False)
API_ERROR, INVALID_OUTPUT = FailureClass.API_ERROR, FailureClass.INVALID_OUTPUT
UNAVAILABLE, TIMEOUT = FailureClass.UNAVAILABLE, FailureClass.TIMEOUT


def stage_inputs(folder: Path, *, silent: bool = False) -> dict[StageName, StageOutput]:
    folder.mkdir(parents=True)
    clips: dict[str, Artifact] = {}
    sounds: dict[str, Artifact] = {}
    for segment in SCRIPT.segments:
        clip, sound = folder / f"clip-{segment.index}.mp4", folder / f"narration-{segment.index}.wav"
        clip.write_bytes(b"clip%d" % segment.index)
        sound.write_bytes(b"sound%d" % segment.index)
        clips[f"clip/{segment.index}"] = artifact_of(clip, "video/mp4", "http://127.0.0.1:5000/videos/gone.mp4")
        sounds[f"narration/{segment.index}"] = artifact_of(sound, "audio/wav")
    return {
        StageName.MANIM: StageOutput(data={"durations": [2.0, 2.0]}, artifacts=clips, provider="manim-api"),
        StageName.TTS: StageOutput(
            data={"durations": [3.0, 5.0], "silent": silent}, artifacts=sounds, provider="espeak"
        ),
    }


@asynccontextmanager
async def scene(
    tmp_path: Path, *, silent: bool = False, timeout_s: float = 10, **found: Any
) -> AsyncGenerator[tuple[Scripted, RevideoApi, Call]]:
    call = make_call(
        tmp_path / "revideo",
        StageName.REVIDEO,
        script=SCRIPT,
        inputs=stage_inputs(tmp_path / "made", silent=silent),
        kept=Kept(),
        timeout_s=timeout_s,
    )
    media = StubMedia(**{"duration_s": 9.2, **found})
    async with scripted() as service, ArtifactServer([tmp_path]) as files:
        settings = ServiceSettings(url=service.url, poll_s=0.05, connect_timeout_s=0.5)
        yield service, RevideoApi(settings, media, files, speech=SpeechSettings()), call


async def test_the_whole_video_is_asked_for_fetched_and_captioned(tmp_path: Path) -> None:
    async with scene(tmp_path) as (service, revideo, call):
        service.on("POST /compose", JSONResponse({"id": 7, "status": "queued"}))
        service.on(
            "GET /jobs/7",
            JSONResponse({"status": "rendering", "progress": 0.5}),
            JSONResponse({"status": "success", "downloadLink": "/out.mp4"}),
        )
        service.on("GET /out.mp4", Response(MP4, media_type="video/mp4"))
        output = await revideo.run(call)
        body = next(seen.body for seen in service.seen if seen.path == "/compose")
        async with httpx.AsyncClient(trust_env=False) as client:
            fetched = [(await client.get(e.get("url") or e["audio_url"])).content for e in body["segments"]]
    assert fetched == [b"clip0", b"sound0", b"clip1", b"sound1"]
    assert [e["type"] for e in body["segments"]] == ["intro", "narration", "manim", "narration"]
    assert body["segments"][2]["duration"] == pytest.approx(5.6, abs=0.05)
    assert output.data["expected_duration_s"] == pytest.approx(9.2, abs=0.1)
    assert content(output.artifacts["video"].path) == MP4
    assert output.artifacts["thumbnail"].media_type == "image/jpeg"
    assert names(call.workdir) == ["video.jpg", "video.mp4"]


@pytest.mark.parametrize(
    ("answer", "kind", "retryable", "said"),
    [
        (JSONResponse({"error": "segments.0.url: gone"}, status_code=422), API_ERROR, False, "segments.0.url"),
        (HTMLResponse("<title>502 Bad Gateway</title>", status_code=502), API_ERROR, True, "502 Bad Gateway"),
        (JSONResponse({"status": "error", "message": "chrome crashed"}), API_ERROR, True, "chrome crashed"),
        (JSONResponse({"error": "chrome crashed"}), API_ERROR, True, "chrome crashed"),
        (HTMLResponse("<html>hello</html>"), INVALID_OUTPUT, True, "HTML"),
        (JSONResponse({"status": "success"}), INVALID_OUTPUT, True, "names no video"),
        (JSONResponse({"downloadLink": "/nothing.mp4"}), INVALID_OUTPUT, True, "nothing there"),
    ],
)
async def test_bad_answers(tmp_path: Path, answer: Response, kind: FailureClass, *, retryable: bool, said: str) -> None:
    async with scene(tmp_path) as (service, revideo, call):
        service.on("POST /compose", answer)
        with pytest.raises(StageFailure, match=said) as caught:
            await revideo.run(call)
    assert (caught.value.kind, caught.value.retryable) == (kind, retryable)
    assert names(call.workdir) == []


async def test_success_beside_a_job_means_that_it_was_taken(tmp_path: Path) -> None:
    async with scene(tmp_path) as (service, revideo, call):
        service.on("POST /compose", JSONResponse({"status": "success", "job_id": "j"}))
        service.on("GET /jobs/j", JSONResponse({"video_url": "/out.mp4"}))
        service.on("GET /out.mp4", Response(MP4, media_type="video/mp4"))
        assert (await revideo.run(call)).artifacts


async def test_a_forgotten_job_must_be_submitted_again(tmp_path: Path) -> None:
    async with scene(tmp_path) as (service, revideo, call):
        service.on("POST /compose", JSONResponse({"job_id": "j"}))
        service.on("GET /jobs/j", JSONResponse({"status": "rendering"}), JSONResponse({}, status_code=404))
        with pytest.raises(StageFailure, match="must be submitted again") as caught:
            await revideo.run(call)
    assert (caught.value.kind, caught.value.retryable) == (API_ERROR, True)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"silent_ratio": 1.0}, "silent"),
        ({"audio_codec": None}, "no sound track"),
        ({"duration_s": 4.0}, "lasts 4.0 s"),
        ({"width": 640}, "width is 640"),
        ({"video_codec": "vp9"}, "video codec is vp9"),
        ({"distinct_frames": 0}, "still image"),
        ({"black_ratio": 1.0}, "black"),
        ({"frozen_s": 8.0}, r"stands still for 8\.0 s, at most 7\.7 s"),
        ({"silent_s": 4.0}, r"silent for 4\.0 s, longest pause allowed 3\.7 s"),
    ],
)
async def test_the_video_is_probed_before_it_counts(tmp_path: Path, found: dict[str, Any], said: str) -> None:
    async with scene(tmp_path, **found) as (service, revideo, call):
        service.on("POST /compose", JSONResponse({"video_url": "/out.mp4"}))
        service.on("GET /out.mp4", Response(MP4, media_type="video/mp4"))
        with pytest.raises(StageFailure, match=said) as caught:
            await revideo.run(call)
    assert (caught.value.kind, caught.value.retryable) == (INVALID_OUTPUT, True)
    assert names(call.workdir) == []


async def test_silence_is_accepted_where_the_narration_is_silence(tmp_path: Path) -> None:
    async with scene(tmp_path, silent=True, silent_ratio=1.0) as (service, revideo, call):
        service.on("POST /compose", JSONResponse({"video_url": "/out.mp4"}))
        service.on("GET /out.mp4", Response(MP4, media_type="video/mp4"))
        assert (await revideo.run(call)).data["silent"] is True


async def test_down_and_hanging_services(tmp_path: Path) -> None:
    async with scene(tmp_path, timeout_s=60) as (_, _, call), ArtifactServer([tmp_path]) as files:
        with bind("127.0.0.1", 0, name="nobody") as held:
            down = ServiceSettings(url=f"http://127.0.0.1:{held.getsockname()[1]}", connect_timeout_s=0.3)
            with pytest.raises(StageFailure) as refused:
                await RevideoApi(down, StubMedia(), files, speech=SpeechSettings()).run(call)
        async with raw_server(b"", hold=True) as url:
            hangs = ServiceSettings(url=url, connect_timeout_s=0.3)
            with pytest.raises(StageFailure) as hung:
                await RevideoApi(hangs, StubMedia(), files, speech=SpeechSettings()).run(call)
    assert (refused.value.kind, refused.value.retryable) == (UNAVAILABLE, True)
    assert (hung.value.kind, hung.value.retryable) == (TIMEOUT, True)


async def test_a_missing_clip_is_named(tmp_path: Path) -> None:
    async with scene(tmp_path) as (_, revideo, call):
        Path(call.inputs[StageName.MANIM].artifacts["clip/1"].path).unlink()
        with pytest.raises(StageFailure, match="clip of segment 1 is gone") as caught:
            await revideo.run(call)
    assert caught.value.retryable is False
