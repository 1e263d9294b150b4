"""Waits that a question from outside cuts short: somebody wants to know how remote work stands, so it is looked at now.

Only what waits in this process hears it; ``scheduler.queue.looks`` carries the question from other processes here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Collection, Generator

_waiting: defaultdict[str, set[Waiting]] = defaultdict(set)


class Waiting:
    """One who waits for remote work, and looks at it between two rests."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._asking: list[asyncio.Future[None]] = []
        self._answering: list[asyncio.Future[None]] = []

    async def rest(self, seconds: float, *, deaf_s: float = 0.0) -> None:
        """Wait so many seconds, or until somebody asks. Who cut the rest before short hears that a look was had.

        Args:
            seconds: at the longest.
            deaf_s: seconds of them in which nothing is heard: the service has said that it wants to be left alone.
        """
        self._answer()
        if deaf_s > 0:
            await asyncio.sleep(min(deaf_s, seconds))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), max(seconds - deaf_s, 0.0))
        self._woken.clear()
        self._answering, self._asking = self._asking, []

    def wake(self) -> asyncio.Future[None]:
        """Let it look; done when it has. Who asks during a look hears of the one after it."""
        asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asking.append(asked)
        self._woken.set()
        return asked

    def end(self) -> None:
        """There is nothing to wait for any more."""
        self._answering += self._asking
        self._answer()

    def _answer(self) -> None:
        for asked in self._answering:
            if not asked.done():
                asked.set_result(None)
        self._answering = []


@contextlib.contextmanager
def waiting(keys: Collection[str]) -> Generator[Waiting]:
    """Wait under these keys while the body runs."""
    one = Waiting()
    for key in keys:
        _waiting[key].add(one)
    try:
        yield one
    finally:
        for key in keys:
            _waiting[key].discard(one)
            if not _waiting[key]:
                del _waiting[key]
        one.end()


def nudge(key: str) -> bool:
    """Let those look who wait under this key; whether there was anybody. To be called on their event loop."""
    found = _waiting.get(key, set())
    for one in found:
        one.wake()
    return bool(found)


async def look(key: str) -> bool:
    """Let those look who wait under this key, and return when they have; False: there was nobody."""
    asked = [one.wake() for one in _waiting.get(key, set())]
    if asked:
        await asyncio.wait(asked)
    return bool(asked)
