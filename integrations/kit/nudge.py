"""Waits that a message from outside can cut short: a service told that a job is done, so it is looked at now.

Only what waits in this process hears it; everybody else finds out by polling as before.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Collection

_waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)


async def rest(seconds: float, keys: Collection[str]) -> None:
    """Wait so many seconds, or until one of the keys is nudged."""
    woken = asyncio.Event()
    for key in keys:
        _waiting[key].add(woken)
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(woken.wait(), seconds)
    finally:
        for key in keys:
            _waiting[key].discard(woken)
            if not _waiting[key]:
                del _waiting[key]


def nudge(key: str) -> bool:
    """Let those go on who wait under this key; whether there was anybody. To be called on their event loop."""
    found = _waiting.get(key, set())
    for woken in found:
        woken.set()
    return bool(found)
