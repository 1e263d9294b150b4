"""Who looks when: kept while the console is open, so that the next visit begins with what has happened since."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from console.text import clean
from console.tui.background import Background
from scheduler.brief import MorningBrief, morning_brief
from scheduler.ports.operations import Operations

AWAY_S = 600.0
"""Seconds after which somebody who comes back is told what has happened."""
EVERY_S = 60.0
"""Seconds between two notes that somebody still looks."""


class VisitHost(Protocol):
    """What visits need of the app."""

    @property
    def operations(self) -> Operations:
        """What is read, and where the visit is noted."""
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

    def tell(self, brief: MorningBrief) -> None:
        """Show the brief."""
        ...


class Visits:
    """Notes a reader's visit, and tells what has happened since the last one.

    Args:
        host: the app.
        name: the reader's.
    """

    def __init__(self, host: VisitHost, name: str) -> None:
        self._host = host
        self._name = name
        self._background = Background("console-visits")
        self.since: datetime | None = None

    def begin(self) -> None:
        """The reader is here: note it, and tell what has happened if they were away for long enough."""

        async def welcome() -> None:
            try:
                brief = await self._background.run(self._welcome)
            except Exception:  # noqa: BLE001 - a brief is a courtesy; what is wrong with the database stands in red already
                return
            if brief is not None and brief:
                self._host.tell(brief)

        self._host.start(welcome)

    def still_here(self) -> None:
        """The reader still looks."""

        async def note() -> None:
            try:
                await self._background.run(lambda: self._host.operations.seen(self._name))
            except Exception:  # noqa: BLE001 - see above
                return

        self._host.start(note)

    def ask(self) -> None:
        """The reader wants the brief (again): since their last visit, or of the last day."""
        since, now = self.since, self._host.time()

        async def tell() -> None:
            try:
                brief = await self._background.run(lambda: self._read(since or _a_day_before(now), now))
            except Exception as error:  # noqa: BLE001 - the reader is told
                self._host.say(clean(str(error), limit=300) or type(error).__name__, good=False)
            else:
                self._host.tell(brief)

        self._host.start(tell)

    def close(self) -> None:
        """Let the thread go."""
        self._background.close()

    def _welcome(self) -> MorningBrief | None:
        operations, now = self._host.operations, self._host.time()
        self.since = operations.last_seen(self._name)
        operations.seen(self._name)
        if self.since is None or (now - self.since).total_seconds() < AWAY_S:
            return None
        return self._read(self.since, now)

    def _read(self, since: datetime, now: datetime) -> MorningBrief:
        return morning_brief(self._host.operations, since=since, now=now, reader=self._name)


def _a_day_before(now: datetime) -> datetime:
    return datetime.fromtimestamp(now.timestamp() - 86_400, now.tzinfo)
