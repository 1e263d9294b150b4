"""The timer: APScheduler wakes it, the ``schedules`` table tells what is due.

MemoryJobStore only, so that nothing of ours is pickled and a restart starts clean (engine.md). Each tick does the same
as start-up: compute what is due since ``last_fire`` and hand it over in one transaction.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import structlog
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from scheduler.domain.job import Job, JobSpec
from scheduler.domain.schedule import ScheduleDefinition, ScheduleState
from scheduler.ports.clock import Clock
from scheduler.ports.store import ScheduleStore, StoreError
from scheduler.schedules.due import due, next_nominal, spec_of
from scheduler.schedules.leader import Leadership

log = structlog.get_logger("predawn.timer")

LOOK_EVERY_S = 20
"""Seconds between looks that no cron line asked for: they see clock steps, edits of the table and missed wake-ups."""


Lead = Callable[[ScheduleState, datetime], float]
"""Seconds by which a schedule's coming run must start before its nominal time."""


class NominalTrigger(BaseTrigger):
    """Wakes APScheduler at the nominal times of a schedule, each once, also where clocks change."""

    def __init__(self, definition: ScheduleDefinition) -> None:
        self._definition = definition

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """The next nominal time; APScheduler's own interface."""
        del previous_fire_time
        return next_nominal(self._definition, now)


class Timer:
    """Turns due times into jobs.

    Args:
        store: where schedules and jobs are kept.
        definitions: the schedules of the config.
        clock: the time of day.
        on_job: called after a job was queued (to wake the worker).
        leadership: fires only while it leads; None: it always does.
        lead: how much earlier a run must start; called off the event loop.
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
        lead: Lead | None = None,
        after: Callable[[datetime], object] | None = None,
        blocking: Callable[..., Awaitable[Any]] = asyncio.to_thread,
    ) -> None:
        self._store = store
        self._definitions = tuple(definitions)
        self._clock = clock
        self._on_job = on_job
        self._leadership = leadership
        self._lead = lead
        self._after = after
        self._blocking = blocking
        self._looking = asyncio.Lock()
        self.looked_at: float | None = None
        """When it last looked (or stood by) without an error, on the clock's counter."""

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
        triggers = {f"start:{d.name}": NominalTrigger(d) for d in self._definitions if d.enabled}
        for name, trigger in {"look": IntervalTrigger(seconds=LOOK_EVERY_S), **triggers}.items():
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
            self.looked_at = self._clock.monotonic()
            return
        async with self._looking:
            try:
                jobs = await self._blocking(fire_due, self._store, self._clock.now(), lead=self._lead)
                if self._after is not None:
                    await self._blocking(self._after, self._clock.now())
            except StoreError as error:
                log.warning("schedules could not be read; trying again", error=str(error))
                return
            self.looked_at = self._clock.monotonic()
        for job in jobs:
            if self._on_job is not None:
                self._on_job(job)


def fire_due(store: ScheduleStore, now: datetime, *, lead: Lead | None = None) -> list[Job]:
    """One look: every schedule's due fire becomes a job; answers the jobs that this call made."""
    made: list[Job] = []
    for state in store.schedules():
        definition = state.definition
        found = due(state, now, lead_s=lead(state, now) if lead is not None and definition.start_early else 0.0)
        bound = log.bind(schedule=definition.name)
        if found.missed:
            bound.warning("starts passed over", count=found.missed)
        if found.fire is not None:
            queued = store.fire(found.fire, _with_file(definition, spec_of(definition, found.fire)))
            if queued is not None and queued.created:
                bound.info("run queued", job=queued.job.id, run_date=str(found.fire.run_date))
                if found.early_s:
                    bound.warning("started before its time: history says that it takes longer", by_s=found.early_s)
                made.append(queued.job)
        elif found.advance_to is not None:
            store.advance(definition.name, found.advance_to)
        elif found.rewind_to is not None and state.last_fire is not None:
            store.rewind(definition.name, found.rewind_to, expected=state.last_fire)
            bound.warning("the newest start lies in the future: the clock was wrong", newest=str(state.last_fire))
    return made


def _with_file(definition: ScheduleDefinition, spec: JobSpec) -> JobSpec:
    """The job with what its payload file says now. One that cannot be read costs no night: the rest is queued."""
    if definition.payload_file is None:
        return spec
    try:
        found = json.loads(Path(definition.payload_file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        log.warning("payload file not used", schedule=definition.name, file=definition.payload_file, error=str(error))
        return spec
    if not isinstance(found, dict):
        log.warning("payload file not used: it holds no JSON object", file=definition.payload_file)
        return spec
    return replace(spec, payload={**spec.payload, **cast("dict[str, Any]", found)})
