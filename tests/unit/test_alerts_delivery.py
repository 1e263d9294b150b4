"""The delivery loop over a store in memory and a clock that moves when told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from scheduler.alerting.delivery import DeliveryLoop, Lane
from scheduler.domain.outbox import (
    Absent,
    Ambiguous,
    Answer,
    Delivery,
    DeliveryState,
    Found,
    NewDelivery,
    Permanent,
    Sent,
    Transient,
    backoff_s,
)
from scheduler.testing import FakeClock, Faults, MemoryStore, faulty


class Script:
    """A sender that answers what it is told to, and remembers what it was asked."""

    channel = "slack"

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str]] = []
        self.done = asyncio.Event()

    async def send(self, delivery: Delivery) -> Answer:
        self.asked.append(("send", delivery.subject))
        return await self._next()

    async def find(self, delivery: Delivery) -> Found:
        self.asked.append(("find", delivery.subject))
        return await self._next()

    async def _next(self) -> Any:
        answer = self.answers.pop(0) if self.answers else Sent("ts")
        if not self.answers:
            self.done.set()
        if isinstance(answer, Exception):
            raise answer
        if answer == "hang":
            await asyncio.Event().wait()
        return answer


async def at_once(work: Callable[..., Any], *args: Any, **values: Any) -> Any:
    return work(*args, **values)


def scene(*answers: Any, **lane: Any) -> tuple[FakeClock, MemoryStore, Script, Callable[[], Awaitable[float]]]:
    clock = FakeClock()
    store, script = MemoryStore(clock), Script(*answers)
    one = Lane(script, **lane)
    loop = DeliveryLoop(store, [one], "me", rng=random.Random(1), blocking=at_once)
    return clock, store, script, lambda: loop.step(one)


async def test_an_unclear_end_is_looked_for_and_said_again_only_if_absent() -> None:
    clock, store, script, step = scene(Ambiguous("dropped"), Absent(), Sent("17.1"))
    [one] = store.enqueue_deliveries([NewDelivery("slack", "state", "a")])
    await step()
    assert store.delivery(one).state is DeliveryState.AMBIGUOUS
    clock.advance(60)
    await step()
    await step()
    assert script.asked == [("send", "a"), ("find", "a"), ("send", "a")]
    assert store.delivery(one).reference == "17.1"


async def test_a_call_that_hangs_is_cut_off_and_doubtful() -> None:
    clock, store, script, step = scene("hang", "hang", Sent("17.1"), call_s=0.01)
    [one] = store.enqueue_deliveries([NewDelivery("slack", "state", "a")])
    await step()
    assert "no answer within" in (store.delivery(one).error or "")
    clock.advance(60)
    await step()
    assert store.delivery(one).state is DeliveryState.AMBIGUOUS
    clock.advance(60)
    await step()
    assert store.delivery(one).state is DeliveryState.SENT
    assert [what for what, _ in script.asked] == ["send", "find", "find"]


async def test_retry_after_closes_the_channel_for_exactly_so_long() -> None:
    clock, store, script, step = scene(Transient("429", retry_after_s=7), interval_s=1)
    store.enqueue_deliveries([NewDelivery("slack", "state", str(n)) for n in range(3)])
    await step()
    clock.advance(6.9)
    await step()
    assert len(script.asked) == 1
    clock.advance(0.2)
    await step()
    await step()
    assert len(script.asked) == 2
    clock.advance(1)
    await step()
    assert [subject for _, subject in script.asked] == ["0", "0", "1"]


async def test_a_mistake_of_the_sender_is_told_and_not_tried_for_ever() -> None:
    _, store, _, step = scene(KeyError("blocks"))
    [one] = store.enqueue_deliveries([NewDelivery("slack", "state", "a")])
    await step()
    assert (store.delivery(one).state, store.delivery(one).error) == (DeliveryState.DEAD, "KeyError: 'blocks'")


async def test_what_was_sent_is_written_down_when_the_database_is_back() -> None:
    store, script, faults = MemoryStore(), Script(), Faults()
    lane = Lane(script)
    loop = DeliveryLoop(faulty(store, faults), [lane], "me", rng=random.Random(1), blocking=at_once, poll_s=0.001)
    [one] = store.enqueue_deliveries([NewDelivery("slack", "state", "a")])
    faults.fail("record_delivery", times=3)
    await loop.step(lane)
    assert store.delivery(one).state is DeliveryState.SENT
    assert len(script.asked) == 1


async def test_runs_until_told_and_finishes_what_it_says() -> None:
    store, script = MemoryStore(), Script(Permanent("no"), Sent("x"))
    loop = DeliveryLoop(store, [Lane(script)], "me", rng=random.Random(1), poll_s=0.01)
    stop = asyncio.Event()
    running = asyncio.create_task(loop.run(stop))
    [_, second] = store.enqueue_deliveries([NewDelivery("slack", "state", "a"), NewDelivery("slack", "state", "a")])
    loop.wake()
    async with asyncio.timeout(20):
        await script.done.wait()
        stop.set()
        await running
    assert store.delivery(second).state is DeliveryState.SENT
    assert len(script.asked) == 2


def test_backoff_doubles_is_bounded_and_spread() -> None:
    assert [backoff_s(n, first_s=2, most_s=60, chance=1.0) for n in range(1, 7)] == [2, 4, 8, 16, 32, 60]
    assert backoff_s(3, first_s=2, most_s=60, chance=0.0) == 4
    assert backoff_s(10_000, first_s=2, most_s=60, chance=1.0) == 60
