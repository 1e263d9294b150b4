"""How long a job that is queued now takes, asked of the database at most once a second."""

from __future__ import annotations

import asyncio

from scheduler.ports.api import HttpOperations

FRESH_S = 1.0


class WaitEstimate:
    """The estimate for new jobs. Used on one event loop."""

    def __init__(self, operations: HttpOperations) -> None:
        self._operations = operations
        self._at: float | None = None
        self._seconds = 0.0
        self._reading: asyncio.Task[float] | None = None

    async def seconds(self) -> float:
        """Seconds from now to its end."""
        now = asyncio.get_running_loop().time()
        if self._at is not None and now - self._at < FRESH_S:
            return self._seconds
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(asyncio.to_thread(self._operations.waiting_s))
        self._seconds = await asyncio.shield(self._reading)
        self._at = now
        return self._seconds
