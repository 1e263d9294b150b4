"""Dispatchers: they say who should look at which job now. What may be claimed is the store's alone (engine.md)."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Hands(Protocol):
    """A worker, as its dispatcher drives it. To be called on the event loop."""

    @property
    def slots(self) -> int:
        """Jobs that it can have in hand at once."""
        ...

    @property
    def free(self) -> int:
        """Slots that are neither in use nor asked for."""
        ...

    def look(self) -> None:
        """There may be something to claim: claim as much as there is room for."""
        ...

    async def take(self, job_id: str) -> bool:
        """Claim this job and work on it to its end.

        Cancelled, it stops waiting; a job that was claimed goes on.

        Returns:
            False when it could not be claimed: someone else has it, it has ended, or its type is paused or full.
        """
        ...


class Dispatcher(Protocol):
    """Wakes one worker. Losing a wake-up, or giving one too many, may cost time and never correctness."""

    async def run(self, hands: Hands, stop: asyncio.Event) -> None:
        """Hand out work until ``stop`` is set; what was handed out has ended when it returns.

        A database out of reach is logged and tried again.

        Raises:
            StoreError: it cannot work on this database at all; the message names the remedy.
        """
        ...

    def wake(self) -> None:
        """Something may be claimable that was not before: a job was queued in this process, or one has ended."""
        ...
