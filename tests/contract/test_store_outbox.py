"""The outbox over every store: order, leases, rate, doubt."""

from __future__ import annotations

import threading

import pytest
from store_world import World

from scheduler.domain.outbox import (
    Absent,
    Ambiguous,
    Delivery,
    DeliveryState,
    NewDelivery,
    Permanent,
    Sent,
    Transient,
)
from scheduler.ports.outbox import DeliveryNotFoundError
from scheduler.ports.store import Store


def new(subject: str = "a", channel: str = "slack", **values: object) -> NewDelivery:
    return NewDelivery(channel, "state", subject, **({"payload": {"n": 1}} | values))  # type: ignore[arg-type]


def claim(world: World, channel: str = "slack", owner: str = "me", interval_s: float = 0) -> Delivery:
    found = world.store.claim_delivery(channel, owner, lease_s=30, interval_s=interval_s)
    assert found is not None
    return found


def test_what_is_put_in_comes_out_in_order_and_is_kept_with_its_reference(world: World) -> None:
    ids = world.store.enqueue_deliveries([new("a", payload={"text": "१"}), new("b"), new("c", channel="email")])
    first = claim(world)
    assert (first.id, first.payload, first.attempts, first.doubtful) == (ids[0], {"text": "१"}, 1, False)
    assert world.store.record_delivery(first, Sent("17.1"))
    assert claim(world).id == ids[1]
    assert world.store.claim_delivery("slack", "me", lease_s=30) is None
    kept = world.store.delivery(ids[0][:8])
    assert (kept.state, kept.reference, kept.error) == (DeliveryState.SENT, "17.1", None)
    assert kept.ended_at is not None


def test_rows_of_one_subject_wait_for_each_other_and_others_do_not(world: World) -> None:
    ids = world.store.enqueue_deliveries([new("a"), new("a"), new("b")])
    first = claim(world)
    assert claim(world).id == ids[2]
    assert world.store.claim_delivery("slack", "me", lease_s=30) is None
    world.store.record_delivery(first, Sent("17.1"))
    second = claim(world)
    assert (second.id, second.thread) == (ids[1], "17.1")


def test_a_dead_row_does_not_hold_back_those_behind_it(world: World) -> None:
    ids = world.store.enqueue_deliveries([new("a"), new("a")])
    world.store.record_delivery(claim(world), Permanent("channel_not_found"))
    assert claim(world).id == ids[1]
    assert world.store.delivery(ids[0]).state is DeliveryState.DEAD


def test_a_transient_failure_waits_and_the_channel_with_it(world: World) -> None:
    world.store.enqueue_deliveries([new("a"), new("b")])
    world.store.record_delivery(claim(world), Transient("503", whole_channel=True), pause_s=7)
    assert world.store.claim_delivery("slack", "me", lease_s=30) is None
    due = world.store.next_delivery_in("slack")
    assert due is not None
    assert 5 < due <= 7
    world.advance(7.1)
    assert world.store.next_delivery_in("slack") == 0
    again = claim(world)
    assert (again.subject, again.attempts, again.error) == ("a", 2, "503")


def test_a_row_that_fails_alone_lets_others_pass(world: World) -> None:
    world.store.enqueue_deliveries([new("a"), new("b")])
    world.store.record_delivery(claim(world), Transient("500", whole_channel=False), retry_in_s=60)
    assert claim(world).subject == "b"


def test_rate_of_a_channel_holds_over_processes(world: World) -> None:
    other = world.another() if world.name != "memory" else world.store
    world.store.enqueue_deliveries([new("a"), new("b")])
    claim(world, interval_s=1)
    assert other.claim_delivery("slack", "other", lease_s=30, interval_s=1) is None
    world.advance(1.1)
    assert other.claim_delivery("slack", "other", lease_s=30, interval_s=1) is not None


def test_a_lease_that_ran_out_leaves_a_doubt_and_its_holder_nothing_to_write(world: World) -> None:
    world.store.enqueue_deliveries([new("a")])
    lost = claim(world, owner="frozen")
    assert world.store.claim_delivery("slack", "other", lease_s=30) is None
    world.advance(31)
    taken = claim(world, owner="other")
    assert (taken.id, taken.doubtful) == (lost.id, True)
    assert not world.store.record_delivery(lost, Sent("17.1"))
    assert world.store.record_delivery(taken, Absent())
    assert world.store.delivery(lost.id).state is DeliveryState.QUEUED
    again = claim(world)
    assert not again.doubtful


def test_doubt_stays_until_it_was_looked_for(world: World) -> None:
    world.store.enqueue_deliveries([new("a"), new("a")])
    world.store.record_delivery(claim(world), Ambiguous("time-out"), retry_in_s=5)
    assert world.store.claim_delivery("slack", "me", lease_s=30) is None
    world.advance(6)
    looked = claim(world)
    assert looked.doubtful
    world.store.record_delivery(looked, Transient("503"), retry_in_s=0)
    looked = claim(world)
    assert looked.doubtful
    world.store.record_delivery(looked, Sent("17.3"))
    assert world.store.delivery(looked.id).reference == "17.3"


def test_a_key_is_put_in_once(world: World) -> None:
    [one] = world.store.enqueue_deliveries([new("a", key="report:2026-11-20")])
    assert world.store.enqueue_deliveries([new("b", key="report:2026-11-20")]) == [one]
    assert len(world.store.deliveries().items) == 1


def test_a_newer_row_replaces_those_that_still_wait_but_not_how_long_they_do(world: World) -> None:
    [first] = world.store.enqueue_deliveries([new("a")])
    since = world.store.delivery(first).waiting_since
    world.advance(50)
    [second] = world.store.enqueue_deliveries([new("a", supersedes=True)])
    assert world.store.delivery(first).state is DeliveryState.SUPERSEDED
    assert world.store.delivery(second).waiting_since == since
    claim(world)
    [third] = world.store.enqueue_deliveries([new("a", supersedes=True)])
    assert world.store.delivery(second).state is DeliveryState.LEASED
    assert world.store.delivery(third).waiting_since > since


def test_what_is_too_late_dies(world: World) -> None:
    [late, fine] = world.store.enqueue_deliveries([new("a", expires_s=60), new("a")])
    world.advance(61)
    assert claim(world).id == fine
    assert world.store.delivery(late).state is DeliveryState.DEAD
    assert "too late" in (world.store.delivery(late).error or "")


def test_delayed_rows_wait(world: World) -> None:
    world.store.enqueue_deliveries([new("a", delay_s=10)])
    assert world.store.claim_delivery("slack", "me", lease_s=30) is None
    world.advance(11)
    claim(world)


def test_health_of_a_channel_tells_since_when_it_fails_and_forgets_at_the_first_success(world: World) -> None:
    world.store.enqueue_deliveries([new("a"), new("b"), new("c")])
    world.store.record_delivery(claim(world), Transient("503 a"))
    world.advance(30)
    world.store.record_delivery(claim(world), Ambiguous("hang b"), retry_in_s=100)
    world.store.record_delivery(claim(world), Permanent("refused"))
    [health] = world.store.channel_health()
    assert (health.channel, health.failures, health.waiting, health.dead) == ("slack", 3, 2, 1)
    assert health.failing_since is not None
    assert health.oldest_waiting is not None
    assert health.last_error == "refused"
    world.store.record_delivery(claim(world), Sent())
    [health] = world.store.channel_health()
    assert (health.failures, health.failing_since, health.last_error, health.dead) == (0, None, None, 0)


def test_an_operator_tries_a_dead_one_again_and_not_one_that_was_sent(world: World) -> None:
    [dead, sent] = world.store.enqueue_deliveries([new("a", expires_s=5), new("b")])
    world.advance(6)
    world.store.record_delivery(claim(world), Sent())
    assert world.store.retry_delivery(dead)
    assert not world.store.retry_delivery(sent)
    assert claim(world).id == dead


def test_lists_go_by_pages_and_by_state(world: World) -> None:
    ids = world.store.enqueue_deliveries([new(str(n), alert_id="x" if n % 2 else None) for n in range(5)])
    world.store.record_delivery(claim(world), Sent())
    page = world.store.deliveries(limit=2)
    assert [row.id for row in page.items] == ids[:2:-1]
    rest = world.store.deliveries(limit=5, cursor=page.next_cursor)
    assert [row.id for row in rest.items] == ids[2::-1]
    assert rest.next_cursor is None
    assert [r.id for r in world.store.deliveries(states=[DeliveryState.SENT]).items] == ids[:1]
    assert {r.id for r in world.store.deliveries(alert_id="x").items} == {ids[1], ids[3]}
    assert world.store.deliveries(channels=["email"]).items == ()


def test_an_unknown_or_ambiguous_id_is_an_error(world: World) -> None:
    world.store.enqueue_deliveries([new("a"), new("b")])
    for wrong in ("", "no-such"):
        with pytest.raises(DeliveryNotFoundError):
            world.store.delivery(wrong)


def test_old_rows_are_pruned_and_waiting_ones_are_not(world: World) -> None:
    world.store.enqueue_deliveries([new("a"), new("b")])
    world.store.record_delivery(claim(world), Sent())
    assert world.store.prune_deliveries(older_than_s=10) == 0
    world.advance(11)
    assert world.store.prune_deliveries(older_than_s=10) == 1
    assert [row.subject for row in world.store.deliveries().items] == ["b"]


def test_processes_that_claim_at_once_never_share_a_row(sql_world: World) -> None:
    sql_world.store.enqueue_deliveries([new(str(n)) for n in range(24)])
    claimed: list[str] = []

    def work(store: Store, owner: str) -> None:
        while (found := store.claim_delivery("slack", owner, lease_s=60)) is not None:
            claimed.append(found.id)

    stores = [sql_world.store, sql_world.another(), sql_world.another()]
    threads = [threading.Thread(target=work, args=(store, str(n))) for n, store in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 24
