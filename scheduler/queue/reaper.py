"""The reaper: takes back what dead workers hold and queues retries that are due."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from scheduler.domain.job import ReapReport
from scheduler.ports.store import JobStore, StoreError
from scheduler.queue.owner import is_dead_here

log = structlog.get_logger("predawn.reaper")

JITTER = 0.2
"""Share of the interval drawn at random, so that several daemons do not look at once."""


class Reaper:
    """Looks every ``every_s`` seconds (and a jitter) for leases that ran out and retries that are due."""

    def __init__(
        self,
        store: JobStore,
        *,
        every_s: float,
        rng: random.Random,
        on_work: Callable[[], None] | None = None,
        blocking: Callable[..., Awaitable[Any]] = asyncio.to_thread,
    ) -> None:
        self._store = store
        self._every_s = every_s
        self._rng = rng
        self._on_work = on_work
        self._blocking = blocking

    async def run(self, stop: asyncio.Event) -> None:
        """Reap until ``stop`` is set; first of all, what processes of this machine left that no longer run."""
        await self._guarded(bury_the_dead)
        while not stop.is_set():
            await self._guarded(_reap)
            pause = self._every_s * (1 + JITTER * self._rng.random())
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                continue

    async def _guarded(self, step: Callable[[JobStore], bool]) -> None:
        try:
            work = await self._blocking(step, self._store)
        except StoreError as error:
            log.warning("the reaper could not look; trying again", error=str(error))
            return
        if work and self._on_work is not None:
            self._on_work()


def bury_the_dead(store: JobStore) -> bool:
    """Let the leases of processes of this machine that no longer run, run out now."""
    freed = 0
    for owner in store.owners():
        if is_dead_here(owner):
            freed += store.expire_owner(owner)
    if freed:
        log.warning("took back the jobs of a process that died", jobs=freed)
    return bool(freed)


def _reap(store: JobStore) -> bool:
    report: ReapReport = store.reap()
    for what, ids in (
        ("lease ran out, queued again", report.expired),
        ("lease ran out too often, failed", report.poisoned),
        ("timed out", report.timed_out),
        ("cancelled", report.cancelled),
        ("retry queued", report.retried),
    ):
        for job_id in ids:
            log.info(what, job=job_id)
    return bool(report)
