"""From samples to states: one step of all alerts. Pure.

What a step does depends on nothing but the alerts as they are kept and what was just found, so a restart goes on where
the last process was and tells nothing again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scheduler.domain.alert import (
    Alert,
    AlertEvent,
    AlertState,
    Change,
    Limits,
    Mute,
    Rule,
    Sample,
    Severity,
)

INHIBITED_BY: Mapping[Rule, frozenset[Rule]] = {
    Rule.CONSECUTIVE_FAILURES: frozenset({Rule.SERVICE_DOWN, Rule.WORKER_LOST}),
    Rule.QUEUE_DEPTH: frozenset({Rule.SERVICE_DOWN, Rule.WORKER_LOST, Rule.CONSECUTIVE_FAILURES}),
    Rule.SOCKET_DOWN: frozenset({Rule.DELIVERY_FAILING}),
}
"""Which alerts are kept quiet while one of another rule is open: they follow from it. Nothing about a deadline is."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one look changes.

    Attributes:
        changes: every alert that matters now, changed or not.
        dropped: pending alerts that went away before they fired: nobody was told, nothing is kept.
    """

    changes: tuple[Change, ...]
    dropped: tuple[Alert, ...]


def step(
    alerts: Sequence[Alert],
    samples: Iterable[Sample],
    *,
    now: datetime,
    limits: Limits,
    new_id: Callable[[], str],
    mutes: Sequence[Mute] = (),
    maintenance: Mapping[str, datetime] | None = None,
    endings: Mapping[str, str] | None = None,
) -> Step:
    """One look.

    Args:
        alerts: the unresolved ones, and those resolved within ``limits.reopen_s``.
        samples: what the rules found.
        now: aware.
        limits: times of the states.
        new_id: makes ids.
        mutes: fingerprints that are kept quiet.
        maintenance: subjects (services) under maintenance, and until when.
        endings: by fingerprint, how a trouble ended that is found no more.
    """
    worst: dict[str, Sample] = {}
    for sample in samples:
        had = worst.get(sample.fingerprint)
        if had is None or _badness(sample) > _badness(had):
            worst[sample.fingerprint] = sample
    known = _by_fingerprint(alerts, now, limits)
    changes: dict[str, Change] = {}
    dropped: list[Alert] = []
    for name, sample in worst.items():
        found = known.get(name)
        change = _new(sample, now, new_id) if found is None else _seen(found, sample, now)
        if change is None:
            if found is not None and found.state is AlertState.PENDING:
                _drop(found, dropped, changes, now)
        else:
            changes[change.after.id] = change
    for name, alert in known.items():
        if name in worst or alert.state is AlertState.RESOLVED:
            continue
        if alert.state is AlertState.PENDING:
            _drop(alert, dropped, changes, now)
        else:
            ended = (endings or {}).get(name, "")
            changes[alert.id] = _unseen(alert, ended, now)
    gone = {alert.id for alert in dropped}
    every = {a.id: changes[a.id] if a.id in changes else Change(a, a) for a in known.values() if a.id not in gone}
    every |= changes
    lapsed = [_lapse(change, now) for change in every.values()]
    quiet = _quieten(lapsed, mutes, maintenance or {}, now)
    return Step(tuple(quiet), tuple(dropped))


def _badness(sample: Sample) -> tuple[bool, int, int]:
    return not sample.holds, sample.severity.rank, list(Rule).index(sample.rule)


def _by_fingerprint(alerts: Sequence[Alert], now: datetime, limits: Limits) -> dict[str, Alert]:
    """Of each trouble the unresolved alert, else the newest that may be re-opened."""
    found: dict[str, Alert] = {}
    for alert in sorted(alerts, key=lambda a: (a.state is not AlertState.RESOLVED, a.seq)):
        resolved = alert.resolved_at if alert.state is AlertState.RESOLVED else None
        if resolved is None or now - resolved <= timedelta(seconds=limits.reopen_s):
            found[alert.fingerprint] = alert
    return found


def _new(sample: Sample, now: datetime, new_id: Callable[[], str]) -> Change | None:
    if sample.holds:
        return None
    alert = Alert(
        id=new_id(),
        fingerprint=sample.fingerprint,
        rule=sample.rule,
        subject=sample.subject,
        period=sample.period,
        severity=sample.severity,
        state=AlertState.PENDING,
        facts=sample.facts,
        created_at=now,
        updated_at=now,
        began_at=sample.since or now,
        bad=1,
        clears=sample.clears,
        deadline_at=sample.deadline_at,
        zone=sample.zone,
    )
    return _fire(Change(None, alert), now) if sample.needs <= 1 else Change(None, alert)


def _fire(change: Change, now: datetime) -> Change:
    alert, again = change.after, change.after.count > 0
    fired = replace(
        alert,
        state=AlertState.FIRING,
        fired_at=now,
        resolved_at=None,
        acked_at=None,
        acked_by=None,
        ack_until=None,
        unacked_since=now,
        level=0,
        count=alert.count + 1,
        bad=0,
        clear=0,
        updated_at=now,
        facts=replace(alert.facts, ended=""),
    )
    event = AlertEvent(alert.id, now, "back" if again else "fired", alert.facts.title)
    return Change(change.before, fired, (*change.events, event))


def _seen(alert: Alert, sample: Sample, now: datetime) -> Change | None:
    """The alert after it was found again; None: nothing is left of it."""
    if sample.holds:
        if alert.state is AlertState.PENDING:
            return None
        held = replace(alert, clear=0) if alert.is_open else alert
        return Change(alert, held)
    told = replace(
        alert,
        rule=sample.rule,
        facts=sample.facts,
        clears=sample.clears,
        deadline_at=sample.deadline_at,
        zone=sample.zone,
    )
    if alert.state is AlertState.RESOLVED:
        back = replace(told, severity=sample.severity, state=AlertState.PENDING, bad=1, clear=0, began_at=now)
        return _fire(Change(alert, back), now) if sample.needs <= 1 else Change(alert, back)
    if alert.state is AlertState.PENDING:
        more = replace(told, severity=sample.severity, bad=alert.bad + 1)
        return _fire(Change(alert, more), now) if more.bad >= sample.needs else Change(alert, more)
    return _worsened(alert, replace(told, clear=0), sample, now)


def _worsened(alert: Alert, told: Alert, sample: Sample, now: datetime) -> Change:
    """An open alert goes on: growing worse it needs attention anew, growing better it keeps its severity."""
    worse = sample.severity.rank > alert.severity.rank
    missed = sample.rule is Rule.DEADLINE_MISSED and alert.rule is not Rule.DEADLINE_MISSED
    if not worse and not missed:
        milder = sample.severity.rank < alert.severity.rank
        same = replace(told, severity=alert.severity, rule=alert.rule if milder else told.rule, bad=0)
        return Change(alert, same)
    if not missed and alert.bad + 1 < sample.needs:
        # As many looks for worse as for bad.
        return Change(alert, replace(told, severity=alert.severity, rule=alert.rule, bad=alert.bad + 1))
    after = replace(
        told,
        severity=sample.severity,
        state=AlertState.FIRING,
        acked_at=None,
        acked_by=None,
        ack_until=None,
        unacked_since=now,
        level=0,
        bad=0,
        updated_at=now,
    )
    return Change(alert, after, (AlertEvent(alert.id, now, "worse", sample.facts.title),))


def _unseen(alert: Alert, ended: str, now: datetime) -> Change:
    clear = alert.clear + 1
    if clear < alert.clears:
        return Change(alert, replace(alert, clear=clear))
    after = replace(
        alert,
        state=AlertState.RESOLVED,
        resolved_at=now,
        updated_at=now,
        clear=clear,
        bad=0,
        level=0,
        facts=replace(alert.facts, ended=ended),
    )
    return Change(alert, after, (AlertEvent(alert.id, now, "resolved", ended or alert.facts.title),))


def _drop(alert: Alert, dropped: list[Alert], changes: dict[str, Change], now: datetime) -> None:
    """A pending alert went away: one that had fired before is resolved again as it was, another leaves nothing."""
    if alert.count == 0:
        dropped.append(alert)
    else:
        again = replace(alert, state=AlertState.RESOLVED, resolved_at=alert.resolved_at or now, bad=0)
        changes[alert.id] = Change(alert, again)


def _lapse(change: Change, now: datetime) -> Change:
    alert = change.after
    if alert.state is not AlertState.ACKED or alert.ack_until is None or now < alert.ack_until:
        return change
    after = replace(
        alert, state=AlertState.FIRING, acked_at=None, acked_by=None, ack_until=None, unacked_since=now, updated_at=now
    )
    event = AlertEvent(alert.id, now, "lapsed", f"nobody has seen to it since {alert.acked_by} said so")
    return Change(change.before, after, (*change.events, event))


def _quieten(
    changes: Sequence[Change], mutes: Sequence[Mute], maintenance: Mapping[str, datetime], now: datetime
) -> list[Change]:
    """Derive what keeps each open alert quiet: a mute, maintenance, or another alert that it follows from."""
    muted = {mute.fingerprint: mute for mute in mutes if mute.until > now}
    causes: dict[Rule, list[str]] = {}
    for change in changes:
        if change.after.is_open:
            causes.setdefault(change.after.rule, []).append(change.after.id)
    found: list[Change] = []
    for change in changes:
        alert = change.after
        if not alert.is_open:
            found.append(change)
            continue
        until, why = None, None
        if alert.fingerprint in muted:
            mute = muted[alert.fingerprint]
            until, why = mute.until, f"muted by {mute.actor}"
        elif maintenance.get(alert.subject, now) > now:
            until, why = maintenance[alert.subject], "under maintenance"
        over = _cause_of(alert, causes)
        was_quiet = alert.quiet_until is not None or alert.inhibited_by is not None
        loud_again = was_quiet and until is None and over is None
        after = replace(
            alert,
            quiet_until=until,
            quiet_why=why,
            inhibited_by=over,
            unacked_since=now if loud_again else alert.unacked_since,
        )
        found.append(Change(change.before, after, change.events))
    return found


def _cause_of(alert: Alert, causes: Mapping[Rule, Sequence[str]]) -> str | None:
    """The open alert that this one follows from."""
    for rule in sorted(INHIBITED_BY.get(alert.rule, frozenset())):
        if rule in causes:
            return causes[rule][0]
    return None


def is_quiet(alert: Alert, now: datetime) -> bool:
    """Whether nothing is to be told about it now."""
    return alert.inhibited_by is not None or (alert.quiet_until is not None and alert.quiet_until > now)


def is_critical(alert: Alert) -> bool:
    """Whether it wakes people up."""
    return alert.severity is Severity.CRITICAL
