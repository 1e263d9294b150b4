"""What the screens read: the poller's view, lists beside it, and from where: the present or a past moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from console.tui.background import Background
from console.tui.poller import Poller
from console.tui.view import View, Want
from scheduler.domain.recording import Past
from scheduler.ports.clock import Clock
from scheduler.ports.operations import Operations

T = TypeVar("T")


class Feed:
    """Where everything on the screen comes from.

    Args:
        operations: those of the present.
        clock: the time of day.
        refresh_s: seconds between looks.
        changed: called on the event loop when there is something else to show than time.

    Attributes:
        view: the newest view; while a past moment is shown, that moment's.
    """

    def __init__(self, operations: Operations, *, clock: Clock, refresh_s: float, changed: Callable[[], None]) -> None:
        self.view = View()
        self._live = View()
        self._present = operations
        self._source = operations
        self._changed = changed
        self._poller = Poller(operations, clock=clock, refresh_s=refresh_s, publish=self._publish)
        self._lists, self._slow = Background("console-lists"), Background("console-counts")

    @property
    def source(self) -> Operations:
        """Where what is on the screen comes from."""
        return self._source

    async def run(self) -> None:
        """Look at the database until cancelled."""
        await self._poller.run()

    def want(self, wants: Iterable[Want[Any]]) -> None:
        """What the screen in sight wants read beside the snapshot."""
        self._poller.want(wants)

    def poke(self) -> None:
        """Look at the database now."""
        self._poller.poke()

    def show(self, past: Past | None) -> None:
        """Read from a past moment from now on, or from the present again."""
        if self._source is self._present:
            self._live = self.view
        if past is None:
            self._source, view = self._present, self._live
        else:
            self._source = self._present.as_of(past)
            view = View(snapshot=past.snapshot, upcoming=self.view.upcoming, answers=self.view.answers)
        self._poller.source(self._source)
        self.view = view

    def fetch(self, call: Callable[[], T]) -> Awaitable[T]:
        """Do a read on the reading thread of lists."""
        return self._lists.run(call)

    def fetch_slowly(self, call: Callable[[], T]) -> Awaitable[T]:
        """Do a read that may take long, where nobody waits for it."""
        return self._slow.run(call)

    def close(self) -> None:
        """Let the threads go; the poller's goes when its task is cancelled."""
        for background in (self._lists, self._slow):
            background.close()

    def _publish(self, view: View) -> None:
        """A new view. What only time has changed waits for the tick."""
        last, self.view = self.view, view
        if not view.shows_the_same(last):
            self._changed()
