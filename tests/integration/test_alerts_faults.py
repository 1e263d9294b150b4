"""The ten fault scenarios, each ending in what every channel received.

``make alerts-table`` prints them as a table (``PREDAWN_TEST_ALERTS_TABLE`` names the file that the lines go to).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from alerts_world import AlertWorld, a_job, a_run, alert_world, depth, failures

from scheduler.alerting.delivery import Lane
from scheduler.domain.alert import AlertState
from scheduler.domain.job import JobStatus
from scheduler.domain.outbox import DeliveryState, NewDelivery


def tell(number: int, scenario: str, world: AlertWorld | None, extra: str = "") -> None:
    """A line of the table, where one is asked for."""
    slack = mail = "-"
    if world is not None:
        top = [m for m in world.slack.messages if m.thread_ts is None]
        replies = len(world.slack.messages) - len(top)
        slack = f"{len(top)} message(s), {replies} repl{'y' if replies == 1 else 'ies'}"
        mail = f"{len(world.box.mails)} e-mail(s)"
    target = os.environ.get("PREDAWN_TEST_ALERTS_TABLE")
    if target:
        with Path(target).open("a", encoding="utf-8") as table:
            table.write(f"| {number} | {scenario} | {slack} | {mail} | {extra} |\n")


async def outage(fault: str, label: str) -> None:
    async with alert_world() as world:
        down_until = world.clock.now() + timedelta(minutes=10)

        def misbehave(_method: str, _values: object) -> str:
            return fault if world.clock.now() < down_until else "ok"

        world.slack.fault = misbehave
        world.slack.history_fault = lambda: misbehave("", None)
        world.observe(ended=failures(3))
        await world.run(119, every_s=5 if fault == "hang" else 1)
        assert world.box.mails == []
        await world.run(61, every_s=5 if fault == "hang" else 1)
        assert len(world.box.mails) == 1
        assert "3 daily_ca jobs failed in a row" in world.box.text()
        assert "slack does not take messages" in world.box.text()
        await world.run(400, every_s=10)
        assert len(world.box.mails) == 1
        assert world.slack.messages == []
        await world.run(120, every_s=5)
        [message] = [m for m in world.slack.messages if m.thread_ts is None]
        assert "3 daily_ca jobs failed in a row" in message.header
        await world.run(300, every_s=5)
        assert len([m for m in world.slack.messages if m.thread_ts is None]) == 1
        assert len(world.box.mails) <= 1
        tell(1, label, world, "e-mail at +2 min, Slack when it is back")


async def test_1_slack_answers_503_for_ten_minutes() -> None:
    await outage("503", "Slack answers 503 for 10 min during 3 failures")


async def test_1_slack_hangs_for_ten_minutes() -> None:
    await outage("hang", "Slack hangs for 10 min during 3 failures")


async def test_2_slack_accepts_and_then_drops_the_connection() -> None:
    async with alert_world() as world:
        drops = iter(["drop"])
        world.slack.fault = lambda _m, _v: next(drops, "ok")
        world.observe(ended=failures(3))
        await world.run(5)
        [row] = world.store.deliveries(channels=["slack"]).items
        assert row.state in {DeliveryState.AMBIGUOUS, DeliveryState.SENT}
        await world.run(90)
        assert len(world.slack.messages) == 1
        [row] = world.store.deliveries(channels=["slack"]).items
        assert (row.state, row.reference) == (DeliveryState.SENT, world.slack.messages[0].ts)
        tell(2, "Slack accepts, then drops the connection", world, "found by its metadata, not posted again")


async def test_3_too_many_requests_with_thirty_queued() -> None:
    async with alert_world() as world:
        first = iter(["429:7"])
        world.slack.fault = lambda _m, _v: next(first, "ok")
        world.store.enqueue_deliveries(
            [NewDelivery("slack", "test", f"s{n}", payload={"text": str(n)}) for n in range(30)]
        )
        began = world.clock.now().timestamp()
        await world.run(45, every_s=0.25)
        times = [at - began for at, method, _ in world.slack.calls if method == "chat.postMessage"]
        assert times[0] == 0
        assert times[1] >= 7
        assert [m.text for m in world.slack.messages] == [str(n) for n in range(30)]
        gaps = [later - sooner for sooner, later in pairwise(times[1:])]
        assert min(gaps) >= 1
        tell(
            3,
            "429 with Retry-After: 7 and 30 queued",
            world,
            f"first at {times[1]:.0f} s, gaps of 1 s and more, in order",
        )


async def test_5_restart_while_firing_and_recovery_while_down() -> None:
    async with alert_world() as world:
        world.observe(ended=failures(3))
        await world.run(60)
        assert len(world.slack.messages) == 1
        for _ in range(3):
            world.restart()
            await world.run(60)
        assert (len(world.slack.messages), world.slack.messages[0].edits) == (1, 0)
        world.clock.advance(600)
        world.observe(ended=(a_job(9, JobStatus.COMPLETED, at=world.clock.now()), *failures(3)))
        world.restart()
        await world.run(120)
        world.restart()
        await world.run(60)
        message, reply = world.slack.messages
        assert "Resolved" in message.header
        assert reply.thread_ts == message.ts
        assert reply.text.startswith("Resolved after")
        assert world.box.mails == []
        tell(5, "restarts while firing, recovery while down", world, "nothing again; one resolved")


async def test_6_flapping_makes_no_noise() -> None:
    async with alert_world() as world:
        ok, bad = JobStatus.COMPLETED, JobStatus.FAILED
        for states in ((bad,), (ok, bad), (bad, ok, bad), (ok, bad, ok, bad), (bad, bad, ok, bad)):
            world.observe(ended=tuple(a_job(n, state) for n, state in enumerate(states)))
            await world.run(30)
        assert world.slack.messages == []
        for number in range(40):
            world.observe(ended=(), depth=depth(20 + number % 2))
            await world.run(30, every_s=5)
        assert [m for m in world.slack.messages if m.thread_ts is None] == []
        world.observe(depth=depth(21))
        await world.run(60)
        for number in range(40):
            world.observe(depth=depth(20 + number % 2))
            await world.run(30, every_s=5)
        assert len(world.slack.messages) == 1
        for _ in range(2):
            world.observe(depth=depth(15))
            await world.run(30)
            world.observe(depth=depth(16))
            await world.run(30)
        assert len(world.slack.messages) == 1
        assert "Resolved" not in world.slack.messages[0].header
        world.observe(depth=depth(15))
        await world.run(120)
        assert "Resolved" in world.slack.messages[0].header
        tell(6, "fail-ok-fail; queue at 20 and 21 by turns", world, "one for the depth that really was too great")


async def test_9_a_slowed_render_warns_before_0545_and_is_critical_before_0600() -> None:
    async with alert_world() as world:
        job = a_job(1, JobStatus.PROCESSING)
        # Twice as slow: every 30 minutes the end moves by as much. At first it should be out at 05:00, P90 at 05:20.
        critical_at = warned_at = None
        for minute in range(180):
            now = world.clock.now()
            slip = timedelta(minutes=minute / 2)
            base = a_run().tonight.deadline_at
            assert base is not None
            p50 = base - timedelta(minutes=60) + slip
            world.observe(runs=(a_run(p50, p50 + timedelta(minutes=20), job=job),))
            await world.run(60, every_s=10)
            [alert] = world.store.alerts().items or [None]
            if alert is not None and warned_at is None:
                warned_at = now
                assert alert.severity == "warning"
            if alert is not None and alert.severity == "critical" and critical_at is None:
                critical_at = now
        deadline = a_run().tonight.deadline_at
        assert deadline is not None
        assert warned_at is not None
        assert critical_at is not None
        assert warned_at < deadline - timedelta(minutes=15)
        assert critical_at < deadline
        world.observe(runs=(a_run(job=job, note="rendering: manim · late"),))
        await world.run(60, every_s=10)
        assert len(world.store.alerts().items) == 1
        assert any("has missed 06:00 IST" in subject for subject in world.box.subjects)
        top = [m for m in world.slack.messages if m.thread_ts is None]
        assert len(top) == 1
        assert [m.broadcast for m in world.slack.messages if "Worse" in m.text] == [True, True]
        early = (deadline - warned_at).total_seconds() / 60
        tell(
            9,
            "render slowed twofold",
            world,
            f"warning {early:.0f} min before the deadline, one thread, missed by both",
        )


async def test_9_a_missed_start() -> None:
    async with alert_world() as world:
        on_track = world.clock.now() + timedelta(minutes=20)
        world.observe(runs=(a_run(on_track, on_track),))
        await world.run(270, every_s=10)
        assert world.slack.messages == []
        await world.run(90, every_s=10)
        [message] = world.slack.messages
        assert "has not started" in message.header
        world.observe(runs=(a_run(on_track, on_track, job=a_job(1, JobStatus.PROCESSING)),))
        await world.run(120, every_s=10)
        assert "Resolved" in message.header
        tell(9, "a missed start", world, "late after 5 min, resolved when it starts")


def world_says(world: AlertWorld) -> Callable[[], list[str]]:
    return lambda: [alert.facts.title for alert in world.store.alerts().items if alert.state is not AlertState.RESOLVED]


async def test_4_a_kill_between_claim_and_record_leaves_a_doubt_that_is_looked_into() -> None:
    """The boundaries one by one, in process; ``tests/chaos`` kills real processes at them."""
    async with alert_world() as world:
        world.observe(ended=failures(3))
        await world.evaluator.tick()  # transition and row are in
        world.restart()
        claimed = world.store.claim_delivery("slack", "killed", lease_s=30)  # killed with the lease
        assert claimed is not None
        await world.run(40)
        assert len(world.slack.messages) == 1
        lane = next(lane for lane in world.lanes if lane.sender.channel == "slack")
        [row] = world.store.enqueue_deliveries([NewDelivery("slack", "test", "x", payload={"text": "hello"})])
        again = world.store.claim_delivery("slack", "killed", lease_s=30)
        assert again is not None
        await Lane(lane.sender).sender.send(again)  # killed after the send
        world.restart()
        await world.run(40)
        assert len(world.slack.messages) == 2
        assert world.store.delivery(row).state is DeliveryState.SENT
        tell(4, "kill -9 at lease and send (200 real kills: make chaos-alerts)", world, "nothing lost, nothing twice")
