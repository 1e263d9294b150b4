"""The pipeline put together: every provider that this installation has."""

from __future__ import annotations

import functools
from collections.abc import Collection

from config.settings import Settings
from console.bootstrap.reading import unconfigured
from integrations.a4f.provider import A4fSpeech
from integrations.content.source import BriefFolder
from integrations.local_directory.provider import LocalDirectory
from integrations.manim.provider import ManimApi
from integrations.media.providers import Espeak, LocalComposer, MediaProbe, Silence, StaticCards
from integrations.revideo.provider import RevideoApi
from integrations.template_script.provider import TemplateScript
from scheduler.domain.render import StageName
from scheduler.pipeline.brief import BriefCheck
from scheduler.pipeline.stages import Pipeline, Registry, build_pipeline
from scheduler.ports.media import ArtifactPublisher, LocalMedia
from scheduler.ports.provider import Provider


def make_pipeline(settings: Settings, media: LocalMedia, publisher: ArtifactPublisher) -> Pipeline:
    """The stages with their providers.

    Raises:
        PipelineConfigError: a chain in the settings is wrong.
    """
    services, speech, programme = settings.services, settings.speech, settings.content.programme
    off = unconfigured(settings)
    brief = BriefCheck(
        source=BriefFolder(settings.briefs_dir, settings.content.stale_days),
        work_dir=settings.work_dir,
        encoders=encoders,
    )
    registry: dict[StageName, dict[str, Provider | None]] = {
        StageName.BRIEF: {"brief-check": brief},
        StageName.SCRIPT_GEN: {"template-script": TemplateScript(programme)},
        StageName.MANIM: {
            "manim-api": ManimApi(services.manim, media, programme=programme),
            "static-cards": StaticCards(media, programme=programme),
        },
        StageName.TTS: {
            "a4f": None if "a4f" in off else A4fSpeech(speech),
            "espeak": Espeak(media, voice=speech.voice, speed=speech.speed),
            "silence": Silence(media),
        },
        StageName.REVIDEO: {
            "revideo-api": RevideoApi(services.revideo, media, publisher, speech=speech),
            "local-composer": LocalComposer(media),
        },
        StageName.VERIFY: {"media-probe": MediaProbe(media)},
        StageName.UPLOAD: {"local-directory": LocalDirectory(settings.published_dir)},
    }
    known: Registry = {
        stage: {name: None if name in off else provider for name, provider in providers.items()}
        for stage, providers in registry.items()
    }
    return build_pipeline(settings.pipeline, known)


@functools.cache
def encoders() -> Collection[str]:
    """Names of the encoders that PyAV brings."""
    import av.codec  # noqa: PLC0415 - 40 MB that only a worker needs

    return frozenset(av.codec.codecs_available)
