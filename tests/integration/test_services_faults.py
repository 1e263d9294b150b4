"""Every fault of the command line against the real clients: its class, and whether it is tried again."""

from __future__ import annotations

from pathlib import Path

import pytest
from http_scripted import Kept, make_call, make_script, names, tone
from pydantic import SecretStr
from services_media import FileMedia, moving_picture

from config.settings import ServiceSettings, SpeechSettings
from integrations.a4f import A4fSpeech
from integrations.artifact_server import ArtifactServer
from integrations.kit.artifacts import artifact_of
from integrations.local_services.faults import parse_fault
from integrations.local_services.running import LocalServices
from integrations.manim import ManimApi
from integrations.revideo import RevideoApi
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.render import StageName, StageOutput
from scheduler.ports.provider import Call, Provider

ONE = make_script(outro=False, duration_s=2.0)
UNAVAILABLE, TIMEOUT = FailureClass.UNAVAILABLE, FailureClass.TIMEOUT
API_ERROR, INVALID_OUTPUT = FailureClass.API_ERROR, FailureClass.INVALID_OUTPUT


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("media")
    return {
        "clip": moving_picture(folder / "clip.mp4", seconds=2, sound=False),
        "video": moving_picture(folder / "video.mp4", seconds=3, sound=True),
        "sound": tone(folder / "sound.wav", seconds=2),
    }


@pytest.fixture
def media(files: dict[str, Path]) -> FileMedia:
    return FileMedia(**files)


def settings_of(url: str) -> ServiceSettings:
    return ServiceSettings(url=url, poll_s=0.05, connect_timeout_s=0.4)


def provider_of(name: str, url: str, media: FileMedia, publisher: ArtifactServer) -> Provider:
    match name:
        case "manim":
            return ManimApi(settings_of(url), media, programme="Daily")
        case "revideo":
            return RevideoApi(settings_of(url), media, publisher, speech=SpeechSettings())
        case _:
            return A4fSpeech(SpeechSettings(a4f_url=url, a4f_key=SecretStr("k")))


def call_of(name: str, tmp_path: Path, files: dict[str, Path], *, timeout_s: float = 8) -> Call:
    stage = {"manim": StageName.MANIM, "revideo": StageName.REVIDEO, "tts": StageName.TTS}[name]
    inputs = {
        StageName.MANIM: StageOutput(
            data={"durations": [2.0]}, artifacts={"clip/0": artifact_of(files["clip"], "video/mp4")}
        ),
        StageName.TTS: StageOutput(
            data={"durations": [2.0], "silent": False},
            artifacts={"narration/0": artifact_of(files["sound"], "audio/wav")},
        ),
    }
    return make_call(tmp_path / "work", stage, script=ONE, inputs=inputs, kept=Kept(), timeout_s=timeout_s)


CASES = [
    ("down", UNAVAILABLE, "is it running"),
    ("hang", TIMEOUT, "did not answer within"),
    ("slow:30", TIMEOUT, "did not answer within"),
    ("http:503", API_ERROR, "HTTP 503: injected fault"),
    ("flaky:1", API_ERROR, "HTTP 500"),
    ("garbage", INVALID_OUTPUT, "HTML page"),
    ("error200", API_ERROR, "renderer crashed"),
    ("missing", INVALID_OUTPUT, "nothing there"),
    ("truncated", INVALID_OUTPUT, "cut off|decoded|not usable"),
    ("silent", INVALID_OUTPUT, "silent|black|still"),
    ("forgets", API_ERROR, "must be submitted again"),
]


@pytest.mark.parametrize(
    ("name", "kind", "expected", "said"),
    # Speech is answered at once: there is no job to forget.
    [(name, *case) for name in ("manim", "revideo", "tts") for case in CASES if (name, case[0]) != ("tts", "forgets")],
)
async def test_each_fault_has_its_class_and_is_tried_again(
    name: str,
    kind: str,
    expected: FailureClass,
    said: str,
    *,
    tmp_path: Path,
    media: FileMedia,
    files: dict[str, Path],
) -> None:
    service, fault = parse_fault(f"{name}={kind}")
    call = call_of(name, tmp_path, files, timeout_s=0.5 if expected is TIMEOUT else 8)
    async with (
        ArtifactServer([files["clip"].parent]) as publisher,
        LocalServices(media, tmp_path / "services", {name: 0}, {service: fault}) as running,
    ):
        with pytest.raises(StageFailure, match=said) as caught:
            await provider_of(name, running.urls[name], media, publisher).run(call)
    assert (caught.value.kind, caught.value.retryable) == (expected, True)
    assert names(call.workdir) == [], "nothing unfit stays"


@pytest.mark.parametrize("name", ["manim", "revideo", "tts"])
async def test_without_a_fault_the_same_call_is_fine(
    name: str, tmp_path: Path, media: FileMedia, files: dict[str, Path]
) -> None:
    async with (
        ArtifactServer([files["clip"].parent]) as publisher,
        LocalServices(media, tmp_path / "services", {name: 0}) as running,
    ):
        output = await provider_of(name, running.urls[name], media, publisher).run(call_of(name, tmp_path, files))
    assert output.artifacts


async def test_a_flaky_service_gets_further_with_every_attempt(tmp_path: Path, media: FileMedia) -> None:
    kept, attempts = Kept(), 0
    service, fault = parse_fault("manim=flaky:0.3")
    async with LocalServices(media, tmp_path / "services", {"manim": 0}, {service: fault}, seed=7) as running:
        provider = ManimApi(settings_of(running.urls["manim"]), media, programme="Daily")
        before = -1
        while len(kept.parts) < 6:
            attempts += 1
            assert attempts < 12
            call = make_call(tmp_path / "w", StageName.MANIM, script=make_script(points=4), kept=kept, timeout_s=5)
            try:
                await provider.run(call)
            except StageFailure:
                assert len(kept.parts) >= before
            before = len(kept.parts)
    assert attempts <= 6
