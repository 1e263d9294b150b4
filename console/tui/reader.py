"""Reading from the database beside the poller: what a list needs while one moves in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from scheduler.ports.operations import Operations

T = TypeVar("T")


class Reader(Protocol):
    """Reads off the event loop."""

    @property
    def reading(self) -> Operations:
        """Where what is on the screen comes from."""
        ...

    def fetch(self, call: Callable[[], T]) -> Awaitable[T]:
        """Do a read on the reading thread of lists."""
        ...

    def fetch_slowly(self, call: Callable[[], T]) -> Awaitable[T]:
        """Do a read that may take long, where nobody waits for it."""
        ...

    def monotonic(self) -> float:
        """Seconds on a counter that never steps."""
        ...
