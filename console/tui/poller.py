"""The poller: one look after another at the database, never two at once, and a view for the screens from each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from console.text import clean
from console.tui.background import Background
from console.tui.view import Answer, View, Want, answer_due, snapshot_due
from scheduler.ports.clock import Clock
from scheduler.ports.operations import OperationError, Operations

JOB_LIMIT = 100
"""Jobs in a snapshot."""
FIRES = 8
"""Coming nominal times that are shown."""
_LONGEST_PROBLEM = 200


class Poller:
    """Looks at the database every ``refresh_s`` seconds, counted from the end of the last look.

    A look asks for the data version alone; the rest is read when that has changed or time has (``snapshot_due``), and
    what no screen in sight wants is not read at all. Whatever a look raises becomes ``View.problem``: the last snapshot
    stays and the next look is taken as usual.
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
        self._anew = False
        self._wants: tuple[Want[Any], ...] = ()
        self._background = Background("console-reads")

    def want(self, wants: Iterable[Want[Any]]) -> None:
        """Read these beside the snapshot from the next look on; it comes at once when one of them is new."""
        chosen = tuple(wants)
        new = {one.key for one in chosen} - {one.key for one in self._wants}
        self._wants = chosen
        if new:
            self._wake.set()

    def source(self, operations: Operations) -> None:
        """Read from somewhere else from the next look on, which comes at once."""
        self._operations = operations
        self.view = replace(self.view, version=None)
        self._wake.set()

    def poke(self) -> None:
        """Look now, and read all anew: something was just changed."""
        self._anew = True
        self._wake.set()

    async def run(self) -> None:
        """Look until cancelled."""
        try:
            while True:
                self._wake.clear()
                if self._anew:
                    self._anew, self.view = False, replace(self.view, version=None)
                last, wants, source = self.view, self._wants, self._operations
                view = await self._background.run(
                    lambda last=last, wants=wants, source=source: self._look(source, last, wants)
                )
                if source is self._operations:  # what was read from another source meanwhile is not shown
                    self.view = view
                    self._publish(view)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._refresh_s)
        finally:
            self._background.close()

    def _look(self, source: Operations, last: View, wants: tuple[Want[Any], ...]) -> View:
        """One look, on the background thread."""
        try:
            return self._read(source, last, wants)
        except Exception as error:  # noqa: BLE001 - whatever a database raises, the console goes on with what it has
            text = clean(str(error), limit=_LONGEST_PROBLEM) or type(error).__name__
            return replace(last, problem=text)

    def _read(self, source: Operations, last: View, wants: tuple[Want[Any], ...]) -> View:
        version = source.data_version()
        now = self._clock.now()
        written = version != last.version or last.problem is not None
        answers: dict[Hashable, Answer[Any]] = {}
        for want in wants:
            before = last.answers.get(want.key)
            due = before is None or answer_due(last, want, written=written, now=now)
            answers[want.key] = self._answer(source, want, before) if before is None or due else before
        if not snapshot_due(last, version=version, now=now):
            return replace(last, checked_at=now, answers=answers)
        return View(
            snapshot=source.snapshot(job_limit=JOB_LIMIT),
            upcoming=source.upcoming(count=FIRES),
            answers=answers,
            checked_at=now,
            version=version,
        )

    def _answer(self, source: Operations, want: Want[Any], before: Answer[Any] | None) -> Answer[Any]:
        now = self._clock.now()
        try:
            value = want.read(source)
        except OperationError as error:
            return Answer(problem=clean(str(error), limit=_LONGEST_PROBLEM), read_at=now)
        if before is not None and before.value == value:
            value = before.value  # the same object tells the screen that nothing is to be drawn anew
        return Answer(value=value, read_at=now)
