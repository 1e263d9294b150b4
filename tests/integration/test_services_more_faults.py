"""Every fault of the command line against the Orchestrator, chat and text-to-video clients: class, and tried again?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from http_scripted import Kept, make_call, make_job, make_script, names, tone
from pydantic import SecretStr
from services_media import FileMedia, moving_picture

from config.settings import ScriptSettings, ServiceSettings, SoraSettings, SpeechSettings
from integrations.artifact_server import ArtifactServer
from integrations.chat_script import ChatScript
from integrations.content.asked import DoubtSource, PromptSource
from integrations.kit.artifacts import artifact_of
from integrations.local_services.faults import parse_fault
from integrations.local_services.running import LocalServices
from integrations.orchestrator import OrchestratorApi, OrchestratorRoute
from integrations.sora import SoraClips, SoraRoute
from scheduler.domain.codec import script_from_json
from scheduler.domain.content import Brief, Headline
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.render import StageName, StageOutput
from scheduler.ports.provider import Call, Provider

UNAVAILABLE, TIMEOUT = FailureClass.UNAVAILABLE, FailureClass.TIMEOUT
API_ERROR, INVALID_OUTPUT = FailureClass.API_ERROR, FailureClass.INVALID_OUTPUT
ONE = make_script(outro=False, duration_s=2.0)
NEWS = Brief(date(2026, 11, 20), "The day", (Headline("Bridge opens", ("It is the highest of all.",), "PIB"),))
DOUBT: dict[str, Any] = {"question": "What is the repo rate?"}
PROMPT: dict[str, Any] = {"prompt": "a river at dawn", "duration": 2}
WHO = {
    "orchestrator": ("orchestrator", StageName.REVIDEO),
    "orchestrator-route": ("orchestrator", StageName.REVIDEO),
    "chat-script": ("script", StageName.SCRIPT_GEN),
    "sora": ("sora", StageName.MANIM),
    "sora-route": ("sora", StageName.REVIDEO),
}
"""The stand-in that each client talks to, and its stage."""


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


def provider_of(name: str, url: str, media: FileMedia, publisher: ArtifactServer) -> Provider:
    speech = SpeechSettings()
    service = ServiceSettings(url=url, poll_s=0.05, connect_timeout_s=0.4)
    sora = SoraSettings(url=url, enabled=True, poll_s=0.05, connect_timeout_s=0.4)
    match name:
        case "orchestrator":
            return OrchestratorApi(service, media, publisher, speech=speech)
        case "orchestrator-route":
            return OrchestratorRoute(service, media, speech=speech)
        case "chat-script":
            return ChatScript(ScriptSettings(url=url, key=SecretStr("sk-test-0123456789")))
        case "sora":
            return SoraClips(sora, media)
        case _:
            return SoraRoute(sora, media)


def call_of(name: str, tmp_path: Path, files: dict[str, Path], *, timeout_s: float = 8) -> Call:
    inputs = {
        StageName.MANIM: StageOutput(
            data={"durations": [2.0]}, artifacts={"clip/0": artifact_of(files["clip"], "video/mp4")}
        ),
        StageName.TTS: StageOutput(
            data={"durations": [2.0], "silent": False},
            artifacts={"narration/0": artifact_of(files["sound"], "audio/wav")},
        ),
    }
    call = make_call(tmp_path / "work", WHO[name][1], script=ONE, inputs=inputs, kept=Kept(), timeout_s=timeout_s)
    match name:
        case "orchestrator-route":
            job = replace(make_job(), job_type="doubt", payload=DOUBT)
            return replace(call, job=job, brief=DoubtSource().resolve(DOUBT, None).brief, script=None, inputs={})
        case "sora-route":
            job = replace(make_job(), job_type="prompt_video", payload=PROMPT)
            return replace(call, job=job, brief=PromptSource().resolve(PROMPT, None).brief, script=None, inputs={})
        case _:
            return replace(call, brief=NEWS)


CASES = [
    ("down", UNAVAILABLE, "is it running"),
    ("hang", TIMEOUT, "did not answer within"),
    ("slow:30", TIMEOUT, "did not answer within"),
    ("http:503", API_ERROR, "HTTP 503"),
    ("flaky:1", API_ERROR, "HTTP 500"),
    ("garbage", INVALID_OUTPUT, "HTML page"),
    ("error200", API_ERROR, "renderer crashed"),
    ("missing", INVALID_OUTPUT, "nothing there|without choices"),
    ("truncated", INVALID_OUTPUT, "cut off|decoded|not usable"),
    ("silent", INVALID_OUTPUT, "silent|black|still|answered with nothing"),
    ("forgets", API_ERROR, "must be submitted again"),
]


@pytest.mark.parametrize(
    ("name", "kind", "expected", "said"),
    # A chat is answered at once: there is no job to forget.
    [(name, *case) for name in WHO for case in CASES if (name, case[0]) != ("chat-script", "forgets")],
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
    service = WHO[name][0]
    faults = dict([parse_fault(f"{service}={kind}")])
    call = call_of(name, tmp_path, files, timeout_s=0.5 if expected is TIMEOUT else 8)
    async with (
        ArtifactServer([files["clip"].parent]) as publisher,
        LocalServices(media, tmp_path / "services", {service: 0}, faults) as running,
    ):
        with pytest.raises(StageFailure, match=said) as caught:
            await provider_of(name, running.urls[service], media, publisher).run(call)
    assert (caught.value.kind, caught.value.retryable) == (expected, True)
    assert [file for file in names(call.workdir) if not file.endswith(".jpg")] == [], "nothing unfit stays"


@pytest.mark.parametrize("synchronous", [False, True])
@pytest.mark.parametrize("name", list(WHO))
async def test_without_a_fault_the_same_call_is_fine(
    name: str, tmp_path: Path, media: FileMedia, files: dict[str, Path], *, synchronous: bool
) -> None:
    service = WHO[name][0]
    async with (
        ArtifactServer([files["clip"].parent]) as publisher,
        LocalServices(media, tmp_path / "services", {service: 0}, synchronous=synchronous) as running,
    ):
        call = call_of(name, tmp_path, files)
        output = await provider_of(name, running.urls[service], media, publisher).run(call)
    if name == "chat-script":
        script = script_from_json(output.data["script"])
        assert [segment.source for segment in script.segments if segment.number] == ["PIB"]
    else:
        assert output.artifacts
