"""Leadership of a daemon: a lease on the role ``schedule``, so that of several on one database only one schedules.

It saves work and noise; correctness does not rest on it: a double fire is a conflict that does nothing (engine.md).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from scheduler.domain.leader import Leader
from scheduler.ports.clock import Clock
from scheduler.ports.store import LeaderStore, StoreError
from scheduler.queue.owner import is_dead_here

log = structlog.get_logger("predawn.leader")

ROLE = "schedule"
_STANDING_BY = 0
RENEWALS = 3
"""How often a leader renews within its time to live, and how often a stand-by looks."""


class Leadership:
    """Takes the role when it is free, keeps it while it lives, and gives it up when it stops.

    Args:
        store: where the role is kept.
        holder: this process (``scheduler.queue.owner``).
        clock: its counter bounds how long a leader believes in itself without the database's word.
        ttl_s: seconds after which a silent leader's role is free.
        blocking: runs a store call off the event loop.
    """

    def __init__(
        self,
        store: LeaderStore,
        holder: str,
        clock: Clock,
        *,
        ttl_s: float,
        blocking: Callable[..., Awaitable[Any]] = asyncio.to_thread,
    ) -> None:
        self._store = store
        self._holder = holder
        self._clock = clock
        self._ttl_s = ttl_s
        self._blocking = blocking
        self._until: float | None = None
        self._fence: int | None = None

    @property
    def leads(self) -> bool:
        """Whether the role is ours now; a process that was stopped for too long (SIGSTOP) knows that it is not."""
        return self._until is not None and self._clock.monotonic() < self._until

    async def renew(self) -> bool:
        """Take or keep the role; whether it was gained by this call. A database in trouble is logged."""
        led, asked_at = self.leads, self._clock.monotonic()
        try:
            won: Leader | None = await self._blocking(_lead, self._store, self._holder, self._ttl_s)
        except StoreError as error:
            log.warning("who schedules is not known; trying again", error=str(error))
            return False
        if won is None:
            if self._fence != _STANDING_BY:
                log.info("standing by: another daemon schedules")
            self._until, self._fence = None, _STANDING_BY
            return False
        self._until = asked_at + self._ttl_s
        if won.fence != self._fence:
            self._fence = won.fence
            log.info("this daemon schedules", fence=won.fence)
        return not led

    async def run(self, stop: asyncio.Event, *, gained: Callable[[], Awaitable[None]]) -> None:
        """Renew, or wait for the role, until ``stop`` is set; then give it up.

        Args:
            stop: ends it.
            gained: called whenever the role has become ours.
        """
        try:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._ttl_s / RENEWALS)
                if not stop.is_set() and await self.renew():
                    await gained()
        finally:
            if self.leads:
                self._until = None
                with contextlib.suppress(StoreError):
                    await self._blocking(self._store.resign, ROLE, self._holder)


def _lead(store: LeaderStore, holder: str, ttl_s: float) -> Leader | None:
    won = store.lead(ROLE, holder, ttl_s=ttl_s)
    if won is None:
        other = store.leader(ROLE)
        if other is not None and is_dead_here(other.holder) and store.resign(ROLE, other.holder):
            log.warning("the daemon that scheduled has died; taking over", holder=other.holder)
            return store.lead(ROLE, holder, ttl_s=ttl_s)
    return won
