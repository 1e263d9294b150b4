"""What a daemon does for jobs that have ended: upgrades of degraded videos, and the removal of working folders."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Any

from config.settings import Settings
from integrations.local_directory.waiting import WaitingUploads
from scheduler.health.prober import Prober
from scheduler.health.targets import targets
from scheduler.pipeline.leftovers import Leftovers
from scheduler.pipeline.stages import Pipeline
from scheduler.pipeline.upgrade import Upgrades
from scheduler.ports.clock import SystemClock
from scheduler.ports.store import Store


@contextlib.asynccontextmanager
async def leftovers(settings: Settings, store: Store) -> AsyncGenerator[Leftovers, None]:
    """Working folders of jobs that ended long ago are removed while the body runs."""
    task = Leftovers(
        store,
        WaitingUploads(settings.published_dir),
        SystemClock(),
        work_dir=settings.work_dir,
        keep_days=settings.storage.keep_work_days,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(task.run(stop), name="leftovers")
    try:
        yield task
    finally:
        stop.set()
        await running


@contextlib.asynccontextmanager
async def upgrades(
    settings: Settings, store: Store, pipeline: Pipeline, prober: Prober, on_job: Callable[[], Any]
) -> AsyncGenerator[Upgrades | None, None]:
    """Degraded videos are made anew in full while the body runs; None where that is turned off."""
    if not settings.upgrade.enabled:
        yield None
        return
    task = Upgrades(
        store,
        pipeline,
        settings.upgrade,
        SystemClock(),
        health=prober.health,
        probed=[target.service for target in targets(settings)],
        on_job=on_job,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(task.run(stop), name="upgrades")
    try:
        yield task
    finally:
        stop.set()
        await running
