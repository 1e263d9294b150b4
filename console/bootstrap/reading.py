"""Operations over a database, put together without what only a worker needs: commands start fast."""

from __future__ import annotations

import os
import stat

from config.settings import Settings
from integrations.content.source import BriefFolder
from scheduler.domain.failure import StageFailure
from scheduler.domain.job import JobSpec, QueueConfig
from scheduler.domain.render import StageName
from scheduler.operations import JobType, StoreOperations
from scheduler.ports.clock import SystemClock
from scheduler.ports.store import Store
from scheduler.store import open_store

NIGHTLY_LIMIT_S = 3 * 3600.0
"""Seconds the nightly run may take in all; its deadline ends it earlier (design.md, Job)."""


def open_installation_store(settings: Settings) -> Store:
    """The store of the settings, migrated; the home folder is made for its owner alone.

    Raises:
        StoreError: the database cannot be used.
    """
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if settings.home.stat().st_uid == os.getuid():
        settings.home.chmod(stat.S_IRWXU)
    store = open_store(
        settings.database_url,
        busy_timeout_s=settings.database.busy_timeout_s,
        synchronous=settings.database.synchronous,
        max_crashes=settings.queue.max_crashes,
        defaults=QueueConfig(
            job_type="*",
            concurrency=settings.queue.concurrency,
            timeout_s=settings.queue.timeout_s,
            max_retries=settings.queue.max_retries,
            retry_delay_s=settings.queue.retry_delay_s,
        ),
    )
    store.add_queue_config(
        QueueConfig(
            job_type="daily_ca",
            concurrency=settings.queue.concurrency,
            timeout_s=NIGHTLY_LIMIT_S,
            max_retries=settings.queue.max_retries,
            retry_delay_s=settings.queue.retry_delay_s,
        )
    )
    return store


def open_operations(settings: Settings) -> StoreOperations:
    """Operations over the database of the settings, for a command or an attached console.

    Raises:
        StoreError: the database cannot be used.
    """
    return make_operations(settings, open_installation_store(settings))


def make_operations(settings: Settings, store: Store) -> StoreOperations:
    """Operations over an open store."""
    return StoreOperations(store, settings, SystemClock(), job_types=job_types(settings), chains=chains(settings))


def job_types(settings: Settings) -> dict[str, JobType]:
    """What may be submitted, by name."""
    source = BriefFolder(settings.briefs_dir, settings.content.stale_days)

    def check(spec: JobSpec) -> str | None:
        try:
            source.resolve(spec.payload, spec.run_date)
        except StageFailure as failure:
            return failure.message
        return None

    return {"daily_ca": JobType("daily_ca", check)}


def unconfigured(settings: Settings) -> frozenset[str]:
    """Providers that this installation cannot use: their service is off or has no URL."""
    off = {
        "manim-api": not settings.services.manim.enabled,
        "revideo-api": not settings.services.revideo.enabled,
        "a4f": settings.speech.a4f_url is None,
    }
    return frozenset(name for name, is_off in off.items() if is_off)


def chains(settings: Settings) -> dict[StageName, tuple[str, ...]]:
    """The fallback chain of every stage, as this installation has it."""
    off = unconfigured(settings)
    return {
        stage: tuple(name for name in getattr(settings.pipeline.stages, stage.value).providers if name not in off)
        for stage in StageName
    }
