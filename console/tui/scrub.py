"""Looking back: which past moment is shown, and how to get to another one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from console.text import clean
from console.tui.background import Background
from scheduler.domain.recording import Mark, Past
from scheduler.ports.operations import Operations

MARKS = 200
"""Newest moments that are offered to jump to."""
_JUST_S = 0.001
_LONGEST = 300


class ScrubHost(Protocol):
    """What looking back needs of the app."""

    @property
    def operations(self) -> Operations:
        """Those of the present."""
        ...

    def say(self, text: str, *, good: bool = True) -> None:
        """Put a notice at the foot of the screen."""
        ...

    def start(self, work: Callable[[], object]) -> None:
        """Run a coroutine function beside everything else."""
        ...

    def time(self) -> datetime:
        """The time of day, aware UTC."""
        ...

    def show_past(self, past: Past | None) -> None:
        """Show this moment; None: the present."""
        ...

    def offer(self, marks: Sequence[Mark]) -> None:
        """Let the reader choose a moment."""
        ...


class Scrubber:
    """Goes to past moments. Only the newest wish is carried out: a key held down does not queue up work."""

    def __init__(self, host: ScrubHost) -> None:
        self._host = host
        self._background = Background("console-past")
        self._wish = 0
        self._target: datetime | None = None
        self.past: Past | None = None

    @property
    def refusal(self) -> str | None:
        """Why nothing can be done now; None: the present is shown."""
        return None if self.past is None else "you are looking at the past: esc goes back to now, then act"

    def close(self) -> None:
        """Let the thread go."""
        self._background.close()

    def step(self, seconds: float) -> None:
        """Go back or forward in time; past the present is the present."""
        at = (self._target or self._host.time()) + timedelta(seconds=seconds)
        if at >= self._host.time():
            self.leave()
        else:
            self.to(at)

    def to(self, at: datetime) -> None:
        """Show a moment."""
        self._target = at
        self._find(lambda operations: operations.replay(at))

    def to_mark(self, direction: int) -> None:
        """Show the moment worth a look before (-1) or after (1) this one."""
        at = self._target or self._host.time()

        def find(operations: Operations) -> Past | str:
            found = (
                operations.moments(before=at - timedelta(seconds=_JUST_S), limit=1)
                if direction < 0
                else operations.moments(after=at + timedelta(seconds=_JUST_S), limit=1)
            )
            if not found:
                return "nothing worth a look is recorded " + ("before this" if direction < 0 else "after this")
            self._target = found[0].at
            return operations.replay(found[0].at)

        if direction < 0 or self._target is not None:
            self._find(find)

    def leave(self) -> None:
        """Back to the present."""
        self._wish += 1
        self._target = None
        if self.past is not None:
            self.past = None
            self._host.show_past(None)

    def choose(self) -> None:
        """Offer the moments worth a look."""

        async def ask() -> None:
            try:
                marks = await self._background.run(lambda: self._host.operations.moments(limit=MARKS))
            except Exception as error:  # noqa: BLE001 - a recording out of reach: the reader is told, no more
                self._complain(error)
            else:
                self._host.offer(marks)

        self._host.start(ask)

    def _find(self, find: Callable[[Operations], Past | str]) -> None:
        self._wish += 1
        wish = self._wish

        async def go() -> None:
            if wish != self._wish:
                return
            try:
                found = await self._background.run(lambda: find(self._host.operations))
            except Exception as error:  # noqa: BLE001 - nothing recorded, or out of reach: the reader is told, no more
                self._target = None if self.past is None else self.past.asked
                self._complain(error)
                return
            if wish != self._wish:
                return
            if isinstance(found, str):
                self._host.say(found, good=False)
                return
            self.past = found
            self._host.show_past(found)

        self._host.start(go)

    def _complain(self, error: Exception) -> None:
        self._host.say(clean(str(error), limit=_LONGEST) or type(error).__name__, good=False)
