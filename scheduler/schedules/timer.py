"""The timer: APScheduler wakes it, the ``schedules`` table tells what is due.

MemoryJobStore only, so that nothing of ours is pickled and a restart starts clean (engine.md). Each tick does the same
as start-up: compute what is due since ``last_fire`` and hand it over in one transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import structlog
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from scheduler.domain.job import Job
from scheduler.domain.schedule import ScheduleDefinition
from scheduler.ports.clock import Clock
from scheduler.ports.store import ScheduleStore, StoreError
from scheduler.schedules.due import due, spec_of, trigger_of
from scheduler.schedules.leader import Leadership

log = structlog.get_logger("predawn.timer")

LOOK_EVERY_S = 20
"""Seconds between looks that no cron line asked for: they see clock steps, edits of the table and missed wake-ups."""


class Timer:
    """Turns due times into jobs.

    Args:
        store: where schedules and jobs are kept.
        definitions: the schedules of the config.
        clock: the time of day.
        on_job: called after a job was queued (to wake the worker).
        leadership: fires only while it leads; None: it always does.
        after: called off the event loop after each look that fired or found nothing to fire (the record of nights).
        blocking: runs a store call off the event loop.
    """

    def __init__(
        self,
        store: ScheduleStore,
        definitions: Sequence[ScheduleDefinition],
        clock: Clock,
        *,
        on_job: Callable[[Job], None] | None = None,
        leadership: Leadership | None = None,
        after: Callable[[datetime], object] | None = None,
        blocking: Callable[..., Awaitable[Any]] = asyncio.to_thread,
    ) -> None:
        self._store = store
        self._definitions = tuple(definitions)
        self._clock = clock
        self._on_job = on_job
        self._leadership = leadership
        self._after = after
        self._blocking = blocking
        self._looking = asyncio.Lock()

    @property
    def leads(self) -> bool:
        """Whether this one fires; if not, another daemon on the database does."""
        return self._leadership is None or self._leadership.leads

    async def begin(self) -> None:
        """Before anything else runs: see who schedules, and make the table say what the config says.

        Raises:
            StoreError: the database cannot be used.
        """
        if self._leadership is not None:
            await self._leadership.renew()
        await self.sync()

    async def run(self, stop: asyncio.Event) -> None:
        """Fire until ``stop`` is set; what was missed while nothing ran is caught up at once."""
        await self.begin()
        scheduler = AsyncIOScheduler(jobstores={"default": MemoryJobStore()}, timezone="UTC")
        triggers = {f"cron:{d.name}": trigger_of(d) for d in self._definitions if d.enabled}
        for name, trigger in (triggers | {"look": IntervalTrigger(seconds=LOOK_EVERY_S)}).items():
            scheduler.add_job(self.look, trigger, id=name, misfire_grace_time=None, coalesce=True, max_instances=1)
        scheduler.start()
        try:
            await self.look()
            if self._leadership is None:
                await stop.wait()
            else:
                await self._leadership.run(stop, gained=self._gained)
        finally:
            scheduler.shutdown(wait=False)

    async def _gained(self) -> None:
        """We have taken over from another daemon: our config holds now, and what it missed is caught up."""
        try:
            await self.sync()
        except StoreError as error:
            log.warning("the schedules of the config were not written; trying again later", error=str(error))
        await self.look()

    async def sync(self) -> None:
        """Make the table say what the config says; doing it twice changes nothing."""
        await self._blocking(self._store.sync_schedules, self._definitions, now=self._clock.now())

    async def look(self) -> None:
        """Turn everything that is due into jobs, if it is for us to do; a database in trouble is tried again later."""
        if not self.leads:
            return
        async with self._looking:
            try:
                jobs = await self._blocking(fire_due, self._store, self._clock.now())
                if self._after is not None:
                    await self._blocking(self._after, self._clock.now())
            except StoreError as error:
                log.warning("schedules could not be read; trying again", error=str(error))
                return
        for job in jobs:
            if self._on_job is not None:
                self._on_job(job)


def fire_due(store: ScheduleStore, now: datetime) -> list[Job]:
    """One look: every schedule's due fire becomes a job; answers the jobs that this call made."""
    made: list[Job] = []
    for state in store.schedules():
        found = due(state, now)
        name = state.definition.name
        if found.missed:
            log.warning("missed starts passed over", schedule=name, count=found.missed)
        if found.fire is not None:
            queued = store.fire(found.fire, spec_of(state.definition, found.fire))
            if queued is not None and queued.created:
                log.info("run queued", schedule=name, job=queued.job.id, run_date=str(found.fire.run_date))
                made.append(queued.job)
        elif found.advance_to is not None:
            store.advance(name, found.advance_to)
    return made
