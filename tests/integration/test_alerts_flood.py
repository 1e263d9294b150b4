"""A thousand alerts at once: grouped, the rate held, memory flat, order kept for each alert."""

from __future__ import annotations

import gc
import os
import tracemalloc
from itertools import pairwise

import pytest
from alerts_world import START, alert_world

from scheduler.domain.alert import AlertState
from scheduler.domain.outbox import LIVE, Delivery, DeliveryState, NewDelivery
from scheduler.domain.service import Probe, ServiceHealth, ServiceState

PROBE = Probe("s", START, ok=False, error="connection refused")
MANY = 1000


def services(down: int) -> tuple[ServiceHealth, ...]:
    return tuple(ServiceHealth(f"s{n:04}", "http://s", ServiceState.DOWN, START, PROBE) for n in range(down))


@pytest.mark.timeout(600)
async def test_a_thousand_alerts_at_once_are_six_messages_and_one_summary() -> None:
    async with alert_world() as world:
        world.observe(services=services(MANY))
        await world.run(60)
        assert len(world.store.alerts(states=[AlertState.FIRING], limit=2000).items) == MANY
        assert len(world.slack.messages) == 6
        assert "995 more alerts at once" in world.slack.messages[-1].header
        gc.collect()
        tracemalloc.start()
        await world.run(60, every_s=10)
        before = tracemalloc.get_traced_memory()[0]
        await world.run(180, every_s=10)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert grown < 3_000_000
        assert len(world.slack.messages) == 6
        world.observe(services=())
        await world.run(180)
        assert all(alert.state is AlertState.RESOLVED for alert in world.store.alerts(limit=2000).items)
        top = [message for message in world.slack.messages if message.thread_ts is None]
        assert len(top) == 7
        assert "995 alerts came and went" in top[-1].header
        assert sum("Resolved" in message.header for message in top[:5]) == 5
        times = [at for at, method, _ in world.slack.calls if method.startswith("chat.")]
        assert min(later - sooner for sooner, later in pairwise(times)) >= 1
        assert world.box.mails == []


async def test_rows_of_many_alerts_go_in_order_and_the_rate_is_held() -> None:
    alerts, turns = (1000, 3) if os.environ.get("PREDAWN_TEST_CHAOS") == "long" else (20, 8)
    async with alert_world(email=False) as world:
        for turn in range(turns):
            world.store.enqueue_deliveries(
                [NewDelivery("slack", "test", f"a{n}", payload={"text": f"a{n} {turn}"}) for n in range(alerts)]
            )
        faults = iter(["503", "drop", "429:3"] * 3)
        world.slack.fault = lambda _m, _v: next(faults, "ok")
        gc.collect()
        tracemalloc.start()
        await world.run(0.2 * alerts * turns)
        before = tracemalloc.get_traced_memory()[0]
        await world.run(1.0 * alerts * turns + 60)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert grown < 3_000 * alerts * turns  # what the server keeps of what it was told; the loop keeps nothing
        said = [message.text.split() for message in world.slack.messages]
        assert len(said) == alerts * turns
        for number in range(alerts):
            assert [turn for alert, turn in said if alert == f"a{number}"] == [str(turn) for turn in range(turns)]
        times = [at for at, method, _ in world.slack.calls if method == "chat.postMessage"]
        assert min(later - sooner for sooner, later in pairwise(times)) >= 1
        rows: tuple[Delivery, ...] = world.store.deliveries(limit=4000).items
        assert len(rows) == alerts * turns
        assert not any(row.state in LIVE for row in rows)
        assert all(row.state is DeliveryState.SENT for row in rows)
