"""Upgrades put together: the task that looks for degraded videos whose services are well again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Any

from config.settings import Settings
from scheduler.health.prober import Prober
from scheduler.health.targets import targets
from scheduler.pipeline.stages import Pipeline
from scheduler.pipeline.upgrade import Upgrades
from scheduler.ports.clock import SystemClock
from scheduler.ports.store import Store


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
