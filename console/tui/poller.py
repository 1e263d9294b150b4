"""The poller: one look after another at the database, never two at once, and a view for the screens from each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from console.text import clean
from console.tui.background import Background
from console.tui.view import View, snapshot_due
from scheduler.ports.clock import Clock
from scheduler.ports.operations import NotFoundError, Operations

JOB_LIMIT = 100
"""Jobs in a snapshot."""
FIRES = 8
"""Coming nominal times that are shown."""
_LONGEST_PROBLEM = 200


class Poller:
    """Looks at the database every ``refresh_s`` seconds, counted from the end of the last look.

    A look asks for the data version alone; the rest is read when that has changed or time has (``snapshot_due``).
    Whatever a look raises becomes ``View.problem``: the last snapshot stays and the next look is taken as usual.
    """

    def __init__(
        self, operations: Operations, *, clock: Clock, refresh_s: float, publish: Callable[[View], None]
    ) -> None:
        self.view = View()
        self._operations = operations
        self._clock = clock
        self._refresh_s = refresh_s
        self._publish = publish
        self._wake = asyncio.Event()
        self._watched: str | None = None
        self._background = Background("console-reads")

    def watch(self, job_id: str | None) -> None:
        """Read this job's detail too from the next look on, which comes at once; None: no job's."""
        if job_id != self._watched:
            self._watched = job_id
            self._wake.set()

    def poke(self) -> None:
        """Look now: something was just changed."""
        self._wake.set()

    async def run(self) -> None:
        """Look until cancelled."""
        try:
            while True:
                self._wake.clear()
                last, watched = self.view, self._watched
                self.view = await self._background.run(lambda last=last, watched=watched: self._look(last, watched))
                self._publish(self.view)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._refresh_s)
        finally:
            self._background.close()

    def _look(self, last: View, watched: str | None) -> View:
        """One look, on the background thread."""
        try:
            return self._read(last, watched)
        except Exception as error:  # noqa: BLE001 - whatever a database raises, the console goes on with what it has
            text = clean(str(error), limit=_LONGEST_PROBLEM) or type(error).__name__
            return replace(last, problem=text)

    def _read(self, last: View, watched: str | None) -> View:
        version = self._operations.data_version()
        now = self._clock.now()
        if not snapshot_due(last, version=version, watched=watched, now=now):
            return replace(last, checked_at=now)
        snapshot = self._operations.snapshot(job_limit=JOB_LIMIT)
        upcoming = self._operations.upcoming(count=FIRES)
        detail, detail_problem = None, None
        if watched is not None:
            try:
                detail = self._operations.job(watched)
            except NotFoundError as error:
                detail_problem = clean(str(error), limit=_LONGEST_PROBLEM)
        if detail is not None and detail == last.detail:
            detail = last.detail  # the same object tells the screen that nothing is to be drawn anew
        return View(
            snapshot=snapshot,
            upcoming=upcoming,
            watched=watched,
            detail=detail,
            detail_problem=detail_problem,
            checked_at=now,
            version=version,
        )
