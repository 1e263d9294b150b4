"""The conformance checks over the providers that ask services, against the local ones over real HTTP."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from http_scripted import make_call, make_job, make_script, tone
from pipeline_scene import BRIEF
from pydantic import SecretStr
from services_media import FileMedia, moving_picture

from config.settings import ApiSettings, PipelineSettings, ScriptSettings, Settings, SpeechSettings
from console.bootstrap.pipeline import make_routes
from console.bootstrap.services import local_service_urls, with_services
from integrations.artifact_server import ArtifactServer
from integrations.kit.timed import timed_segments
from integrations.local_services.running import LocalServices
from scheduler.conformance import check_provider
from scheduler.domain.render import StageName, StageOutput
from scheduler.job_types import ORCHESTRATOR, SORA
from scheduler.pipeline.stages import Pipeline
from scheduler.ports.provider import Provider

SERVICES = ("manim", "revideo", "orchestrator", "tts", "script", "storage", "sora")
SCRIPT = make_script(points=0)
JOB = replace(make_job(), payload={"prompt": "A sunrise over hills", "duration": 2})
"""Its payload serves the route that makes a video of a prompt; the others do not look at it."""
SLACK_S = 20.0


def settings_for(home: Path, urls: dict[str, str]) -> Settings:
    """An installation that uses the local services, every provider configured."""
    found = with_services(
        Settings(
            home=home,
            api=ApiSettings(enabled=False),
            speech=SpeechSettings(a4f_key=SecretStr("local")),
            script=ScriptSettings(key=SecretStr("local")),
            pipeline=PipelineSettings(),
        ),
        local_service_urls(urls),
    )
    services = found.services.model_copy(
        update={
            name: getattr(found.services, name).model_copy(update={"poll_s": 0.05, "enabled": True})
            for name in ("manim", "revideo", "orchestrator", "sora")
        }
    )
    supabase = found.storage.supabase.model_copy(update={"key": SecretStr("local")})
    storage = found.storage.model_copy(update={"supabase": supabase})
    return found.model_copy(update={"services": services, "storage": storage})


async def test_the_providers_of_services_conform(tmp_path: Path) -> None:
    media = FileMedia(
        moving_picture(tmp_path / "clip.mp4", seconds=2, sound=False),
        tmp_path / "video.mp4",
        tone(tmp_path / "sound.wav", seconds=2),
    )
    inputs: dict[StageName, StageOutput] = {}
    async with (
        LocalServices(media, tmp_path / "services", dict.fromkeys(SERVICES, 0)) as running,
        ArtifactServer([tmp_path]) as publisher,
    ):
        routes = make_routes(settings_for(tmp_path / "home", dict(running.urls)), media, publisher)

        async def conforms(stage: StageName, name: str, way: Pipeline = routes.pipeline) -> StageOutput:
            (provider,) = (one for one in way.stage(stage).chain if one.name == name)

            def make() -> Provider:
                return provider

            folder = tmp_path / "work" / f"{stage.value}-{name}"
            call = replace(
                make_call(folder, stage, job=JOB, script=SCRIPT, inputs=dict(inputs), timeout_s=30.0),
                brief=BRIEF,
                script=None if stage is StageName.SCRIPT_GEN else SCRIPT,
            )
            return await check_provider(make, call, slack_s=SLACK_S)

        await conforms(StageName.SCRIPT_GEN, "chat-script")
        await conforms(StageName.MANIM, "sora")
        inputs[StageName.MANIM] = await conforms(StageName.MANIM, "manim-api")
        inputs[StageName.TTS] = await conforms(StageName.TTS, "a4f")
        composing = make_call(tmp_path / "timed", StageName.REVIDEO, script=SCRIPT, inputs=dict(inputs))
        moving_picture(media.video, seconds=sum(one.duration_s for one in timed_segments(composing)), sound=True)
        await conforms(StageName.REVIDEO, "orchestrator")
        inputs[StageName.REVIDEO] = await conforms(StageName.REVIDEO, "revideo-api")
        await conforms(StageName.REVIDEO, "orchestrator-route", routes.whole[ORCHESTRATOR])
        await conforms(StageName.REVIDEO, "sora-route", routes.whole[SORA])
        inputs[StageName.VERIFY] = StageOutput(data={"duration_s": inputs[StageName.REVIDEO].data["duration_s"]})
        published = await conforms(StageName.UPLOAD, "supabase")
    assert published.data["video_url"].startswith(running.urls["storage"])
