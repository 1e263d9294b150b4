"""Alerts over every store: a change and what is said of it in one transaction, one writer at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from store_world import World

from scheduler.domain.alert import Alert, AlertEvent, AlertState, Facts, Rule, Severity
from scheduler.domain.outbox import DeliveryState, NewDelivery, Permanent, Sent
from scheduler.ports.alert_store import AlertNotFoundError, AlertPlan, Fold

AT = datetime(2026, 11, 20, 3, 0, 0, 123456, tzinfo=UTC)


def an_alert(number: int = 1, state: AlertState = AlertState.FIRING, **values: object) -> Alert:
    fields = {
        "id": f"{number:08d}-a",
        "fingerprint": f"service_down|s{number}|",
        "rule": Rule.SERVICE_DOWN,
        "subject": f"s{number}",
        "period": "",
        "severity": Severity.WARNING,
        "state": state,
        "facts": Facts("मैनिम is down", ("one", "two"), "predawn services", "job-1"),
        "created_at": AT,
        "updated_at": AT,
        "began_at": AT,
        "fired_at": AT,
        "unacked_since": AT,
        "count": 1,
        "announced": "firing:warning:service_down:1",
    }
    return Alert(**fields | values)  # type: ignore[arg-type]


def say(alert: Alert, **values: object) -> NewDelivery:
    return NewDelivery("slack", "state", alert.id, alert_id=alert.id, **values)  # type: ignore[arg-type]


def stored(world: World, alert: Alert | None = None, *rows: NewDelivery) -> Alert:
    alert = alert or an_alert()
    event = AlertEvent(alert.id, AT, "fired", alert.facts.title)
    assert world.store.apply_alerts(AlertPlan((alert,), events=(event,), deliveries=rows))
    return world.store.alert(alert.id)


def test_all_of_an_alert_comes_back(world: World) -> None:
    alert = an_alert(ack_until=AT + timedelta(hours=2), acked_by="ann", deadline_at=AT, zone="Asia/Kolkata", level=1)
    kept = stored(world, alert)
    assert kept == replace(alert, seq=kept.seq, version=1)
    assert world.store.alert_events(alert.id) == [AlertEvent(alert.id, AT, "fired", alert.facts.title)]
    assert world.store.watched_alerts(resolved_within_s=0) == [kept]


def test_who_writes_over_an_older_version_is_refused_with_all_that_goes_with_it(world: World) -> None:
    read = stored(world)
    assert world.store.apply_alerts(AlertPlan((replace(read, level=1),)))
    late = AlertPlan((replace(read, level=2), an_alert(2)), deliveries=(say(read),))
    assert not world.store.apply_alerts(late)
    assert world.store.alert(read.id).level == 1
    assert world.store.deliveries().items == ()
    assert len(world.store.watched_alerts(resolved_within_s=0)) == 1


def test_one_trouble_has_one_open_alert(world: World) -> None:
    first = stored(world)
    twin = replace(an_alert(2), fingerprint=first.fingerprint)
    assert not world.store.apply_alerts(AlertPlan((twin,)))
    assert world.store.apply_alerts(AlertPlan((replace(first, state=AlertState.RESOLVED, resolved_at=AT),)))
    assert world.store.apply_alerts(AlertPlan((twin,)))


def test_pending_ones_can_be_dropped_and_are_not_listed(world: World) -> None:
    pending = stored(world, an_alert(1, AlertState.PENDING, fired_at=None))
    assert world.store.alerts().items == ()
    assert len(world.store.alerts(states=[AlertState.PENDING]).items) == 1
    assert world.store.apply_alerts(AlertPlan(dropped=(pending,)))
    assert world.store.watched_alerts(resolved_within_s=0) == []


def test_resolved_ones_are_watched_for_a_while(world: World) -> None:
    alert = stored(world)
    now = world.store.set_mute("x", actor="a", for_s=60).since
    world.store.apply_alerts(AlertPlan((replace(alert, state=AlertState.RESOLVED, resolved_at=now),)))
    assert len(world.store.watched_alerts(resolved_within_s=100)) == 1
    world.advance(101)
    assert world.store.watched_alerts(resolved_within_s=100) == []
    assert len(world.store.alerts().items) == 1


def test_what_came_and_went_unsaid_is_folded_into_one_summary(world: World) -> None:
    for number in (1, 2):
        alert = stored(world, an_alert(number), say(an_alert(number)))
        done = replace(alert, state=AlertState.RESOLVED, resolved_at=AT)
        fold = Fold("slack", alert.id, f"line {number}", (say(alert),))
        assert world.store.apply_alerts(AlertPlan((done,), folds=(fold,)))
    [row] = world.store.deliveries(states=[DeliveryState.QUEUED]).items
    assert (row.kind, row.payload) == ("summary", {"lines": ["line 1", "line 2"], "count": 2})


def test_what_was_said_is_followed_by_its_end(world: World) -> None:
    alert = stored(world, an_alert(), say(an_alert()))
    claimed = world.store.claim_delivery("slack", "me", lease_s=30)
    assert claimed is not None
    world.store.record_delivery(claimed, Sent("17.1"))
    fold = Fold("slack", alert.id, "line", (say(alert, payload={"end": 1}),))
    assert world.store.apply_alerts(AlertPlan(folds=(fold,)))
    [row] = world.store.deliveries(states=[DeliveryState.QUEUED]).items
    assert (row.kind, row.payload) == ("state", {"end": 1})


def test_alerts_that_a_channel_does_not_take_are_known(world: World) -> None:
    waits, refused = stored(world, an_alert(1), say(an_alert(1))), stored(world, an_alert(2), say(an_alert(2)))
    world.store.claim_delivery("slack", "gone", lease_s=1000)
    claimed = world.store.claim_delivery("slack", "me", lease_s=1000)
    assert claimed is not None
    world.store.record_delivery(claimed, Permanent("no"))
    assert world.store.stuck_alerts("slack", older_than_s=120) == {refused.id}
    world.advance(121)
    assert world.store.stuck_alerts("slack", older_than_s=120) == {waits.id, refused.id}
    assert world.store.stuck_alerts("email", older_than_s=0) == frozenset()


def test_a_thread_that_an_open_alert_hangs_on_is_not_pruned(world: World) -> None:
    alert = stored(world, an_alert(), say(an_alert()))
    claimed = world.store.claim_delivery("slack", "me", lease_s=30)
    assert claimed is not None
    world.store.record_delivery(claimed, Sent("17.1"))
    world.advance(100)
    assert world.store.prune_deliveries(older_than_s=10) == 0
    world.store.apply_alerts(AlertPlan((replace(alert, state=AlertState.RESOLVED, resolved_at=AT),)))
    assert world.store.prune_deliveries(older_than_s=10) == 1


def test_mutes_end_by_themselves_or_by_hand(world: World) -> None:
    mute = world.store.set_mute("f", actor="ann", for_s=60)
    assert (mute.until - mute.since).total_seconds() == pytest.approx(60)
    assert world.store.mutes() == [mute]
    world.store.set_mute("f", actor="bob", for_s=120)
    assert [m.actor for m in world.store.mutes()] == ["bob"]
    world.advance(121)
    assert world.store.mutes() == []
    assert not world.store.unmute("f")
    world.store.set_mute("f", actor="ann", for_s=60)
    assert world.store.unmute("f")
    assert world.store.mutes() == []


def test_a_press_counts_once(world: World) -> None:
    assert world.store.press("a", "acknowledge", "1.1", actor="ann")
    assert not world.store.press("a", "acknowledge", "1.1", actor="ann")
    assert world.store.press("a", "acknowledge", "1.2", actor="ann")
    world.store.pressed("a", "acknowledge", "1.1", "done")


def test_pages_and_prefixes(world: World) -> None:
    for number in range(1, 6):
        stored(world, an_alert(number))
    page = world.store.alerts(limit=2)
    assert [alert.subject for alert in page.items] == ["s5", "s4"]
    assert [alert.subject for alert in world.store.alerts(limit=9, cursor=page.next_cursor).items] == ["s3", "s2", "s1"]
    assert world.store.alert("00000003").subject == "s3"
    for wrong in ("", "0000000", "nope"):
        with pytest.raises(AlertNotFoundError):
            world.store.alert(wrong)
