"""The pipeline put together: every provider that this installation has."""

from __future__ import annotations

from config.settings import Settings
from console.bootstrap.reading import job_types, unconfigured
from console.bootstrap.storage import upload_providers
from integrations.a4f import A4fSpeech, CachedSpeech, NarrationCache
from integrations.chat_script.provider import ChatScript
from integrations.manim.provider import ManimApi
from integrations.media.encoders import encoders
from integrations.media.providers import Espeak, LocalComposer, MediaProbe, Silence, StaticCards
from integrations.orchestrator import OrchestratorApi, OrchestratorRoute
from integrations.revideo.provider import RevideoApi
from integrations.sora import SoraClips, SoraRoute
from integrations.template_script.provider import TemplateScript
from integrations.workflow import WorkflowScript
from scheduler.domain.render import StageName
from scheduler.job_types import ORCHESTRATOR, SORA, WORKFLOW
from scheduler.pipeline.brief import BriefCheck
from scheduler.pipeline.routes import Routes, whole_route, workflow_route
from scheduler.pipeline.stages import Pipeline, Registry, build_pipeline
from scheduler.plugins import PluginContext, added_stages, merged, provider_plugins, with_stage_plugins
from scheduler.ports.media import ArtifactPublisher, LocalMedia
from scheduler.ports.provider import Provider


def make_pipeline(settings: Settings, media: LocalMedia, publisher: ArtifactPublisher) -> Pipeline:
    """The stages with their providers.

    Raises:
        PipelineConfigError: a chain in the settings is wrong.
    """
    services, speech = settings.services, settings.speech
    programme, names = settings.content.programme, settings.content.programme_names
    off = unconfigured(settings)
    cache = NarrationCache(settings.narrations_dir, limit=speech.cache_mb * 2**20)
    types = job_types(settings)
    brief = BriefCheck(source=types["daily_ca"].source, work_dir=settings.work_dir, encoders=encoders, types=types)
    registry: dict[StageName, dict[str, Provider | None]] = {
        StageName.BRIEF: {"brief-check": brief},
        StageName.SCRIPT_GEN: {
            "chat-script": None if "chat-script" in off else ChatScript(settings.script),
            "template-script": TemplateScript(programme, names),
        },
        StageName.MANIM: {
            "manim-api": ManimApi(services.manim, media, programme=programme, names=names),
            "sora": SoraClips(services.sora, media),
            "static-cards": StaticCards(media, programme=programme, names=names),
        },
        StageName.TTS: {
            "a4f": None if "a4f" in off else A4fSpeech(speech, None if "cached-audio" in off else cache),
            "cached-audio": CachedSpeech(cache, voice=speech.a4f_voice, speed=speech.speed),
            "espeak": Espeak(media, voice=speech.voice, speed=speech.speed),
            "silence": Silence(media),
        },
        StageName.REVIDEO: {
            "revideo-api": RevideoApi(services.revideo, media, publisher, speech=speech),
            "orchestrator": OrchestratorApi(
                services.orchestrator,
                media,
                publisher,
                speech=speech,
                callback_url=services.orchestrator.callback_url,
            ),
            "local-composer": LocalComposer(media),
        },
        StageName.VERIFY: {"media-probe": MediaProbe(media)},
        StageName.UPLOAD: upload_providers(settings),
    }
    ours: Registry = {
        stage: {name: None if name in off else provider for name, provider in providers.items()}
        for stage, providers in registry.items()
    }
    theirs = provider_plugins(PluginContext(settings, media, publisher))
    return with_stage_plugins(build_pipeline(settings.pipeline, merged(ours, theirs)))


def make_routes(settings: Settings, media: LocalMedia, publisher: ArtifactPublisher) -> Routes:
    """The pipeline, and the routes that hand a whole job over, as far as this installation has them.

    Raises:
        PipelineConfigError: a chain in the settings is wrong.
    """
    pipeline, off = make_pipeline(settings, media, publisher), unconfigured(settings)
    makers: dict[str, Provider] = {
        ORCHESTRATOR: OrchestratorRoute(
            settings.services.orchestrator,
            media,
            speech=settings.speech,
            callback_url=settings.services.orchestrator.callback_url,
        ),
        SORA: SoraRoute(settings.services.sora, media),
    }
    chosen = settings.pipeline
    return Routes(
        pipeline,
        whole={
            name: whole_route(pipeline, maker, timeout_s=chosen.route_timeout_s, attempts=chosen.route_attempts)
            for name, maker in makers.items()
            if maker.name not in off
        }
        | {WORKFLOW: workflow_route(pipeline, WorkflowScript())},
        by_type={name: kind.default_route(chosen) for name, kind in job_types(settings).items()},
        added=added_stages(PluginContext(settings, media, publisher)),
    )
