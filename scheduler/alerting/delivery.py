"""The delivery loop: takes what is due from the outbox, one call each, and writes down what became of it.

It is the one layer that retries. A lease and a fence keep two processes from saying the same thing; what may have
arrived is looked for before it is said again.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from scheduler.domain.outbox import (
    Absent,
    Ambiguous,
    Answer,
    Delivery,
    Found,
    Permanent,
    Sent,
    Transient,
    backoff_s,
)
from scheduler.ports.outbox import OutboxStore, Sender
from scheduler.ports.store import StoreError

log = structlog.get_logger("predawn.outbox")

POLL_S = 1.0
"""Seconds between looks for rows that another process has put in."""
SPARE_S = 15.0
"""Seconds that a lease lasts longer than a call may take: time to write down what became of it."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A channel and how fast it may go.

    Attributes:
        sender: says things over it.
        interval_s: seconds between two calls, over all processes (Slack: one message a second a channel).
        parallel: calls at once; with 1 never more than one is in flight, over all processes.
        call_s: seconds a call may take; after it what became of it is doubtful.
        first_s: pause after a first failure, doubling with each further one.
        most_s: never a longer pause.
    """

    sender: Sender
    interval_s: float = 0.0
    parallel: int = 1
    call_s: float = 15.0
    first_s: float = 2.0
    most_s: float = 60.0


class DeliveryLoop:
    """Delivers over its lanes until told to stop.

    Args:
        store: the outbox.
        lanes: the channels that are set up here; rows of others wait for a process that has them.
        owner: this process, unique.
        rng: spreads retries.
        blocking: runs a store call off the event loop.
        poll_s: seconds between looks for what others have put in.
    """

    def __init__(
        self,
        store: OutboxStore,
        lanes: Sequence[Lane],
        owner: str,
        *,
        rng: random.Random,
        blocking: Callable[..., Awaitable[Any]] = asyncio.to_thread,
        poll_s: float = POLL_S,
    ) -> None:
        self._store = store
        self._lanes = tuple(lanes)
        self._owner = owner
        self._rng = rng
        self._blocking = blocking
        self._poll_s = poll_s
        self._woken = {lane.sender.channel: asyncio.Event() for lane in lanes}
        self._turned: dict[str, float] = dict.fromkeys(self._woken, time.monotonic())

    @property
    def channels(self) -> frozenset[str]:
        """The channels that are set up here."""
        return frozenset(self._woken)

    @property
    def turned_at(self) -> float:
        """When the lane that has been silent for longest last turned (``time.monotonic``)."""
        return min(self._turned.values(), default=time.monotonic())

    def wake(self) -> None:
        """Something was put in by this process: look now. To be called in the event loop."""
        for event in self._woken.values():
            event.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until ``stop`` is set; a call that is under way is finished and written down."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                for number in range(lane.parallel):
                    group.create_task(self._work(lane, f"{self._owner}/{number}", stop))

    async def _work(self, lane: Lane, owner: str, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                pause = await self.step(lane, owner)
            except StoreError as error:
                log.warning("the outbox cannot be read or written; trying again", error=str(error))
                pause = self._poll_s
            if pause > 0:
                await self._rest(lane.sender.channel, pause, stop)

    async def _rest(self, channel: str, pause: float, stop: asyncio.Event) -> None:
        woken = self._woken[channel]
        waits = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(woken.wait())]
        try:
            await asyncio.wait(waits, timeout=min(pause, self._poll_s), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        woken.clear()

    async def step(self, lane: Lane, owner: str | None = None) -> float:
        """Deliver one row of a lane if one is due; seconds to wait before the next look.

        Raises:
            StoreError: the outbox cannot be used.
        """
        channel, owner = lane.sender.channel, owner or self._owner
        self._turned[channel] = time.monotonic()
        due_in: float | None = await self._blocking(self._store.next_delivery_in, channel)
        if due_in is None or due_in > 0:
            return self._poll_s if due_in is None else due_in
        delivery: Delivery | None = await self._blocking(
            self._store.claim_delivery,
            channel,
            owner,
            lease_s=lane.call_s + SPARE_S,
            interval_s=lane.interval_s,
            only_once=lane.parallel == 1,
        )
        if delivery is None:
            return self._poll_s
        await self._deliver(lane, delivery)
        return 0.0

    async def _deliver(self, lane: Lane, delivery: Delivery) -> None:
        answer = await (_look(lane, delivery) if delivery.doubtful else _say(lane, delivery))
        retry_in_s, pause_s = self._pauses(lane, delivery, answer)
        while True:
            try:
                kept = await self._blocking(
                    self._store.record_delivery, delivery, answer, retry_in_s=retry_in_s, pause_s=pause_s
                )
                break
            except StoreError as error:
                # What was said must be written down while the lease lasts, or it becomes doubtful.
                log.warning("what became of a delivery is not written; trying again", error=str(error))
                await asyncio.sleep(self._poll_s)
        _tell(delivery, answer, kept=kept)

    def _pauses(self, lane: Lane, delivery: Delivery, answer: Answer | Found) -> tuple[float, float]:
        """Seconds until the row is tried again, and seconds for which its channel rests."""
        pause = backoff_s(
            max(delivery.attempts, 1), first_s=lane.first_s, most_s=lane.most_s, chance=self._rng.random()
        )
        match answer:
            case Transient(_, retry_after_s, whole_channel):
                pause = max(pause, retry_after_s) if retry_after_s is not None and not whole_channel else pause
                wait = retry_after_s if retry_after_s is not None else pause
                return (0.0, wait) if whole_channel else (pause, 0.0)
            case Ambiguous(_, whole_channel):
                return (0.0, pause) if whole_channel else (pause, 0.0)
            case Sent() | Permanent() | Absent():
                return 0.0, 0.0


async def _say(lane: Lane, delivery: Delivery) -> Answer:
    try:
        async with asyncio.timeout(lane.call_s):
            return await lane.sender.send(delivery)
    except TimeoutError:
        return Ambiguous(f"no answer within {lane.call_s:g} s")
    except Exception as error:  # a sender's mistake must not end the loop, nor be tried for ever
        log.exception("a sender failed", channel=delivery.channel, delivery=delivery.id)
        return Permanent(f"{type(error).__name__}: {error}")


async def _look(lane: Lane, delivery: Delivery) -> Found:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(lane.call_s):
            try:
                return await lane.sender.find(delivery)
            except TimeoutError:
                raise
            except Exception as error:  # as above; looked for again later
                log.exception("a sender failed to look", channel=delivery.channel, delivery=delivery.id)
                return Transient(f"{type(error).__name__}: {error}")
    return Transient(f"it could not be looked for: no answer within {lane.call_s:g} s")


def _tell(delivery: Delivery, answer: Answer | Found, *, kept: bool) -> None:
    told = {"channel": delivery.channel, "kind": delivery.kind, "delivery": delivery.id, "attempt": delivery.attempts}
    if not kept:
        log.warning("a delivery's lease was lost before its end was written", **told)
        return
    match answer:
        case Sent():
            log.info("delivered", **told, looked=delivery.doubtful)
        case Absent():
            log.info("looked for a doubtful delivery: it is not there", **told)
        case Permanent(error):
            log.error("delivery refused for good", **told, error=error)
        case Transient(error) | Ambiguous(error):
            log.warning("not delivered", **told, error=error, doubtful=isinstance(answer, Ambiguous))
