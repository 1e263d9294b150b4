"""Writes the daily report at its time, by a schedule of its own: once a day, also after a restart."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import structlog

from scheduler.domain.report import DailyReport
from scheduler.domain.schedule import ScheduleDefinition
from scheduler.nights.report import FORMATS
from scheduler.ports.clock import Clock
from scheduler.ports.store import StoreError
from scheduler.schedules.due import previous_nominal

log = structlog.get_logger("predawn.report")

LOOK_EVERY_S = 20.0
SUFFIXES = {"text": "txt", "md": "md", "json": "json"}
"""The report is written in every format; the last one written is the sign that the day is done."""


class Reporter:
    """Writes ``<folder>/<day>.txt``, ``.md`` and ``.json`` when their time has come and they are not there.

    Args:
        report: makes the report of a day; called off the event loop.
        definition: when: its cron line and time zone, and how long it is caught up (``catch_up_s``).
        folder: made when it is needed, for its owner alone.
        clock: the time of day.
        leads: whether this daemon is the one that acts.
        written: called off the event loop with each new report (whoever sends it).
        blocking: runs what blocks off the event loop.
    """

    def __init__(
        self,
        report: Callable[[date], DailyReport],
        definition: ScheduleDefinition,
        folder: Path,
        clock: Clock,
        *,
        leads: Callable[[], bool] = lambda: True,
        written: Callable[[DailyReport], object] | None = None,
        blocking: Callable[..., Awaitable[Any]] = asyncio.to_thread,
    ) -> None:
        self._report = report
        self._definition = definition
        self._folder = folder
        self._clock = clock
        self._leads = leads
        self._written = written
        self._blocking = blocking

    def due_day(self) -> date | None:
        """The day whose report is due and not written; None: there is none."""
        within = timedelta(seconds=self._definition.catch_up_s)
        nominal = previous_nominal(self._definition, self._clock.now(), within=within)
        if nominal is None or self.path(nominal.date(), "json").exists():
            return None
        return nominal.date()

    def path(self, day: date, form: str) -> Path:
        """Where a day's report lies in one format."""
        return self._folder / f"{day.isoformat()}.{SUFFIXES[form]}"

    def write(self, day: date) -> DailyReport:
        """Write the report of a day now. Blocking."""
        report = self._report(day)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for form, told in FORMATS.items():
            path = self.path(day, form)
            half = path.with_suffix(path.suffix + ".part")
            half.write_text(told(report), encoding="utf-8")
            half.replace(path)
        log.info("daily report written", day=day.isoformat(), file=str(self.path(day, "md")))
        if self._written is not None:
            self._written(report)
        return report

    async def look(self) -> None:
        """Write what is due; what does not work now is tried again at the next look."""
        if not self._leads():
            return
        try:
            day = await self._blocking(self.due_day)
            if day is not None:
                await self._blocking(self.write, day)
        except (StoreError, OSError) as error:
            log.warning("daily report not written; trying again", error=str(error))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Look every now and then while the body runs."""
        task = asyncio.create_task(self._run(), name="daily report")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)
