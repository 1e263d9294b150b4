"""The till: where a worker's jobs begin and end, one transaction at a time.

Whatever has ended and whatever is asked for since the last one goes into the next (engine rule 6): with many small
jobs, one commit for all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from config.settings import QueueSettings
from scheduler.domain.job import Lease
from scheduler.domain.settlement import Released, Settlement
from scheduler.ports.clock import Clock
from scheduler.ports.store import JobStore, StoreError
from scheduler.queue.running import Running

log = structlog.get_logger("predawn.worker")

Blocking = Callable[..., Awaitable[Any]]

RETRY_S = 1.0
"""Seconds between tries while the database is in trouble."""
TURNS = 4
"""Turns of the event loop before a transaction: quick jobs that are ending come along, instead of each half of the
slots waiting for the commit of the other half for ever."""
RELEASE_WORDS = "its worker was stopped"


Heard = Callable[[bool | StoreError], None]
"""Told how a settlement went: whether its lease still held, or that the database could not be written."""


@dataclass(slots=True)
class _End:
    settlement: Settlement
    heard: Heard
    give_up_at: float


@dataclass(frozen=True, slots=True)
class _Take:
    job_id: str
    answer: asyncio.Future[Running | None]


class Till:
    """Settles and claims for one worker.

    Args:
        store: the queue.
        owner: the worker's name in leases.
        room: slots that are free now.
        start: begins to work on a lease.
        blocking: runs a store call off the event loop.
    """

    def __init__(
        self,
        store: JobStore,
        owner: str,
        settings: QueueSettings,
        clock: Clock,
        *,
        room: Callable[[], int],
        start: Callable[[Lease], Running],
        blocking: Blocking,
    ) -> None:
        self._store = store
        self._owner = owner
        self._settings = settings
        self._clock = clock
        self._room = room
        self._start = start
        self._blocking = blocking
        self._asked = asyncio.Event()
        self._looking = False
        self._closed = False
        self._ends: list[_End] = []
        self._takes: list[_Take] = []

    @property
    def asked_for(self) -> int:
        """Jobs that are asked for by name and not claimed yet."""
        return len(self._takes)

    def look(self) -> None:
        """Claim as much as there is room for."""
        self._looking = True
        self._asked.set()

    def room_made(self) -> None:
        """A slot has become free."""
        self._asked.set()

    def open(self) -> None:
        """Claims are welcome."""
        self._closed = False

    def close(self) -> None:
        """Claim no more; what ends is still written."""
        self._closed = True
        for take in self._takes:
            if not take.answer.done():
                take.answer.set_result(None)

    async def take(self, job_id: str) -> Running | None:
        """Claim and start this job; None: it cannot be claimed. When there is no room, wait for it."""
        if self._closed:
            return None
        take = _Take(job_id, asyncio.get_running_loop().create_future())
        self._takes.append(take)
        self._asked.set()
        try:
            return await take.answer
        finally:
            with contextlib.suppress(ValueError):
                self._takes.remove(take)

    def put(self, settlement: Settlement, heard: Heard) -> None:
        """Write how a lease ended, and tell ``heard``. A database that is away is tried again while the lease lasts."""
        self._ends.append(_End(settlement, heard, self._clock.monotonic() + self._settings.lease_s))
        self._asked.set()

    async def settle(self, settlement: Settlement) -> bool:
        """Write how a lease ended; False: it was lost.

        Raises:
            StoreError: the database did not come back in time.
        """
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def heard(found: bool | StoreError) -> None:  # noqa: FBT001 - see Heard
            if answer.done():  # nobody waits any more
                return
            if isinstance(found, StoreError):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        self.put(settlement, heard)
        return await answer

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                while self._ends or (self._claims_wanted() and self._room() > 0):
                    for _ in range(TURNS):
                        await asyncio.sleep(0)
                    await self._once()
            except StoreError as error:
                log.warning("the queue cannot be used; trying again", error=str(error), ends=len(self._ends))
                self._give_up(error)
                await asyncio.sleep(RETRY_S)
                self._asked.set()

    def _claims_wanted(self) -> bool:
        return not self._closed and (self._looking or bool(self._takes))

    async def _once(self) -> None:
        """One transaction: what has ended, and claims for what is asked, into the slots that are free after it."""
        ends, self._ends = self._ends, []
        room = self._room() + len(ends)
        takes = [take for take in self._takes if not take.answer.done()][: max(room, 0)] if not self._closed else []
        looking = self._looking and not takes and not self._closed and room > 0
        if looking:
            self._looking = False
        limit = len(takes) if takes else room if looking else 0
        settings = self._settings
        try:
            answers, leases = await self._blocking(
                self._store.settle_and_claim,
                [end.settlement for end in ends],
                self._owner,
                limit=limit,
                lease_s=settings.lease_s,
                cap=settings.concurrency,
                only=[take.job_id for take in takes] if takes else None,
            )
        except StoreError:
            self._ends = ends + self._ends
            self._looking = self._looking or looking
            raise
        self._hand_out(takes, leases)
        for end, answer in zip(ends, answers, strict=True):
            end.heard(answer)
        self._looking = self._looking or (looking and len(leases) == limit)

    def _hand_out(self, takes: list[_Take], leases: list[Lease]) -> None:
        left = {lease.job.id: lease for lease in leases}
        for take in takes:
            if take in self._takes:
                self._takes.remove(take)
            if take.answer.done():
                continue
            # A job that was asked for twice goes to the first who asked.
            lease = None if self._closed else left.pop(take.job_id, None)
            take.answer.set_result(None if lease is None else self._start(lease))
        for lease in left.values():
            if self._closed or takes:  # stopped in the middle of it, or nobody waits for it any more
                self._ends.append(_End(Released(lease, RELEASE_WORDS), _unheard, self._clock.monotonic()))
            else:
                self._start(lease)

    def _give_up(self, error: StoreError) -> None:
        now = self._clock.monotonic()
        late = [end for end in self._ends if self._closed or end.give_up_at <= now]
        self._ends = [end for end in self._ends if end not in late]
        for end in late:
            end.heard(error)


def _unheard(_answer: bool | StoreError) -> None:  # noqa: FBT001 - see Heard
    """Nobody waits for it."""
