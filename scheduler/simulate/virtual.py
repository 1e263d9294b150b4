"""Virtual time: an event loop that jumps to the next thing to happen instead of waiting for it."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

LEAST_STEP_S = 1e-6
"""Seconds by which time moves at least when something is waited for: what floats can tell apart over weeks."""


class NothingWillHappenError(RuntimeError):
    """Everything waits for something that no timer brings about."""


class _JumpingSelector(selectors.SelectSelector):
    """Lets time pass instead of waiting for sockets; there are none."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Move time by ``timeout``."""
        if timeout is None:
            raise NothingWillHappenError("nothing is due any more, and something still waits")
        if timeout > 0:
            self.seconds += max(timeout, LEAST_STEP_S)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is virtual. It has no sockets and no threads."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        # The loop takes timers as due that are nearer than this.
        self._clock_resolution = LEAST_STEP_S

    def time(self) -> float:
        """Seconds since the last ``rewind``."""
        return self._jumping.seconds

    def rewind(self) -> None:
        """Begin at zero again; nothing may be waited for."""
        self._jumping.seconds = 0.0

    def done(self, value: Any) -> asyncio.Future[Any]:
        """A future that has its value already: to await it costs nothing."""
        future = self.create_future()
        future.set_result(value)
        return future

    def inline(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.Future[Any]:
        """Do a store call here and now: what ``asyncio.to_thread`` is in a daemon."""
        future = self.create_future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - whoever awaits it gets it
            future.set_exception(error)
        return future


class LoopClock:
    """A ``Clock`` that shows a loop's virtual time.

    Args:
        loop: whose time it is.
        begin: the time of day at the loop's zero, aware.
    """

    def __init__(self, loop: VirtualLoop, begin: datetime) -> None:
        self._loop = loop
        self._begin = begin.astimezone(UTC)

    def jump(self, to: datetime) -> None:
        """Set the time of day: what lies between is not lived through."""
        self._begin = to.astimezone(UTC) - timedelta(seconds=self._loop.time())

    def now(self) -> datetime:
        """The time of day, aware UTC."""
        return self._begin + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        """Seconds on a counter that never steps."""
        return self._loop.time()
