"""Operations over a database, put together without what only a worker needs: commands start fast."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from config.settings import Settings
from console.bootstrap.content import brief_source
from integrations.content.asked import DoubtSource, PromptSource
from integrations.kit.urls import is_loopback, origin_of
from integrations.workflow import WorkflowSource
from scheduler.domain.job import UPGRADE, QueueConfig
from scheduler.domain.render import StageName
from scheduler.domain.requests import PromptVideo
from scheduler.domain.service import ServiceHealth
from scheduler.job_types import ORCHESTRATOR, PIPELINE, SORA, WORKFLOW, JobType, by_name
from scheduler.operations import StoreOperations
from scheduler.pipeline.added import AddedStage
from scheduler.plugins import PluginContext, PluginError, added_stages, job_type_plugins
from scheduler.ports.alerts import Trial
from scheduler.ports.clock import SystemClock
from scheduler.ports.store import Store, StoreUnavailableError
from scheduler.queue.pooler import refuse_pooler_url
from scheduler.recording.file import MEGABYTE
from scheduler.recording.reader import RecordingReader
from scheduler.redaction import keep_secret
from scheduler.store import open_store

log = structlog.get_logger("predawn.bootstrap")

NIGHTLY_LIMIT_S = 9 * 3600.0
"""Seconds the nightly run may take in all, also when it starts early; its deadline ends it before (design.md, Job)."""

LISTENS_ON_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0", "::"})  # noqa: S104 - compared, not bound
"""Values of ``api.host`` under which the API answers on this machine's loopback addresses."""


def open_installation_store(
    settings: Settings, *, follow_file: bool = False, types: Mapping[str, JobType] | None = None
) -> Store:
    """The store of the settings, migrated; the home folder is made for its owner alone.

    Args:
        settings: where it is, and its limits.
        follow_file: see ``open_store``.
        types: the job types, where they are known already.

    Raises:
        StoreError: the database cannot be used.
    """
    make_home(settings.home)
    refuse_pooler_url(settings.database_url)
    store = open_store(
        settings.database_url,
        busy_timeout_s=settings.database.busy_timeout_s,
        synchronous=settings.database.synchronous,
        max_crashes=settings.queue.max_crashes,
        follow_file=follow_file,
        defaults=QueueConfig(
            job_type="*",
            concurrency=settings.queue.concurrency,
            timeout_s=settings.queue.timeout_s,
            max_retries=settings.queue.max_retries,
            retry_delay_s=settings.queue.retry_delay_s,
        ),
    )
    for kind in (types or job_types(settings, ask=False)).values():
        if kind.time_limit_s is not None:
            store.add_queue_config(
                QueueConfig(
                    job_type=kind.name,
                    concurrency=settings.queue.concurrency,
                    timeout_s=kind.time_limit_s,
                    max_retries=settings.queue.max_retries,
                    retry_delay_s=settings.queue.retry_delay_s,
                )
            )
    store.add_queue_config(
        QueueConfig(
            job_type=UPGRADE,
            concurrency=1,
            timeout_s=settings.upgrade.timeout_s,
            max_retries=settings.upgrade.tries - 1,
            retry_delay_s=settings.upgrade.retry_s,
        )
    )
    return store


def make_home(home: Path) -> None:
    """Make the data folder for its owner alone; one that is there keeps its rights.

    Raises:
        StoreUnavailableError: it cannot be made.
    """
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreUnavailableError(
            f"the data folder {home} cannot be made ({error.strerror}): set PREDAWN_HOME to one that can"
        ) from error


def open_operations(settings: Settings) -> StoreOperations:
    """Operations over the database of the settings, for a command or an attached console.

    Raises:
        StoreError: the database cannot be used.
    """
    types = job_types(settings, ask=False)
    return make_operations(settings, open_installation_store(settings, follow_file=True, types=types), types)


def make_operations(settings: Settings, store: Store, types: Mapping[str, JobType] | None = None) -> StoreOperations:
    """Operations over an open store; ``types``: the job types, where they are known already."""
    keep_secret(settings, urlsplit(settings.database_url).password)
    return StoreOperations(
        store,
        settings,
        SystemClock(),
        job_types=types or job_types(settings, ask=False),
        chains=chains(settings),
        added=lambda: _added(settings),
        probe=lambda: _probe(settings),
        trial=lambda channel: _trial(settings, channel),
        recording=RecordingReader(settings.recording_file, limit_bytes=settings.recording.limit_mb * MEGABYTE),
    )


def _added(settings: Settings) -> tuple[AddedStage, ...]:
    """The stages that plug-ins add; a plug-in that cannot be used stops the daemon, and no reader."""
    try:
        return added_stages(PluginContext(settings))
    except PluginError as error:
        log.warning("stages of plug-ins are not counted in what is foretold", error=str(error))
        return ()


def _probe(settings: Settings) -> tuple[ServiceHealth, ...]:
    from console.bootstrap.daemon import probe_services  # noqa: PLC0415 - what a daemon needs costs commands a second

    return asyncio.run(probe_services(settings))


def _trial(settings: Settings, channel: str) -> Trial:
    from console.bootstrap.alert_test import try_channel  # noqa: PLC0415 - Slack's SDK and SMTP cost a second

    return asyncio.run(try_channel(settings, channel))


def job_types(settings: Settings, *, ask: bool = True) -> dict[str, JobType]:
    """What may be submitted, by name; ``ask``: whether looking for a brief may go over the network."""
    briefs = brief_source(settings, ask=ask)
    off = unconfigured(settings)
    routes = (PIPELINE,) if "orchestrator-route" in off else (PIPELINE, ORCHESTRATOR)
    types = [
        JobType("daily_ca", briefs, routes=routes, time_limit_s=NIGHTLY_LIMIT_S),
        JobType("doubt", DoubtSource(), route=ORCHESTRATOR, routes=routes),
        JobType(WORKFLOW, WorkflowSource(), route=WORKFLOW, routes=(WORKFLOW,)),
    ]
    no_sora = None if "sora-route" not in off else "set services.sora.enabled, and services.sora.url to your server"
    types.append(
        JobType(
            "prompt_video",
            PromptSource(),
            route=SORA,
            routes=(*routes, SORA),
            off=no_sora,
            priority_of=lambda payload: PromptVideo.of(payload).priority,
        )
    )
    return by_name([*types, *job_type_plugins(PluginContext(settings))])


def unconfigured(settings: Settings) -> frozenset[str]:
    """Providers that this installation cannot use: their service is off, has no URL, or is this very installation."""
    services = settings.services
    no_orchestrator = not services.orchestrator.enabled or is_own_api(services.orchestrator.url, settings)
    off = {
        "chat-script": settings.script.url is None,
        "manim-api": not services.manim.enabled,
        "sora": not services.sora.enabled,
        "sora-route": not services.sora.enabled,
        "revideo-api": not services.revideo.enabled,
        "orchestrator": no_orchestrator,
        "orchestrator-route": no_orchestrator,
        "a4f": settings.speech.a4f_url is None,
        "cached-audio": settings.speech.a4f_url is None or settings.speech.cache_mb == 0,
        "supabase": settings.storage.supabase.url is None,
        "s3": settings.storage.s3.bucket is None,
    }
    return frozenset(name for name, is_off in off.items() if is_off)


def is_own_api(url: str, settings: Settings) -> bool:
    """Whether an Orchestrator's address is that of the API this installation serves itself. Pure.

    Another predawn is found out when it is asked: its ``/health`` says so.
    """
    api = settings.api
    _, host, port = origin_of(url)
    here = host == api.host.lower() or (is_loopback(url) and api.host in LISTENS_ON_LOOPBACK)
    return api.enabled and port == api.port and here


def chains(settings: Settings) -> dict[StageName, tuple[str, ...]]:
    """The fallback chain of every stage, as this installation has it."""
    off = unconfigured(settings)
    return {
        stage: tuple(name for name in getattr(settings.pipeline.stages, stage.value).providers if name not in off)
        for stage in StageName
    }
