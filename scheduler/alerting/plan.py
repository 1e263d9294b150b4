"""From changes of state to what is said where: one plan for one look. Pure.

What has been announced is kept with each alert, so the same is not told twice, whoever evaluates and however often the
process is started anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from scheduler.alerting.machine import Step, is_critical, is_quiet
from scheduler.alerting.words import clock, span
from scheduler.domain.alert import Alert, AlertEvent, AlertState, Change, Limits, Rule
from scheduler.domain.notice import ALERTS, GROUP, REPLY, STATE, notice_of
from scheduler.domain.outbox import NewDelivery
from scheduler.ports.alert_store import AlertPlan, Fold

SLACK, EMAIL, APPRISE = "slack", "email", "apprise"
MAIL_LINES = 30
"""Alerts told in one e-mail; of more only the number is."""
GROUP_LINES = 15
"""Alerts named in one group message."""
PATIENT = frozenset({Rule.SLA})
"""Rules that nobody can put right tonight: told once, neither repeated nor escalated (the daily report has them)."""


@dataclass(frozen=True, slots=True)
class Channels:
    """Where people can be told.

    Attributes:
        slack: it is set up.
        plain: channels that get what e-mail gets: ``email``, ``apprise``.
        slack_failing: it has not taken anything for a while.
        stuck: alerts whose messages Slack has not taken for a while, or refused.
        group_above: alerts at one look that get a message of their own.
    """

    slack: bool = False
    plain: tuple[str, ...] = ()
    slack_failing: bool = False
    stuck: frozenset[str] = frozenset()
    group_above: int = 5


@dataclass(slots=True)
class _Said:
    """What one look says, while it is put together."""

    mail: dict[str, tuple[Alert, str]] = field(default_factory=dict[str, tuple[Alert, str]])
    first: list[Alert] = field(default_factory=list[Alert])
    rows: list[NewDelivery] = field(default_factory=list[NewDelivery])
    mentions: list[Alert] = field(default_factory=list[Alert])
    folds: list[Fold] = field(default_factory=list[Fold])
    events: list[AlertEvent] = field(default_factory=list[AlertEvent])


def plan(step: Step, *, now: datetime, limits: Limits, channels: Channels) -> AlertPlan:
    """Everything that one look writes."""
    said = _Said()
    written: list[Alert] = []
    for change in step.changes:
        said.events += change.events
        after = _tell(change, said, now, limits, channels)
        if change.before is None or after != change.before:
            written.append(replace(after, updated_at=now))
    return AlertPlan(
        alerts=tuple(written),
        dropped=step.dropped,
        events=tuple(said.events),
        deliveries=(*_slack_rows(said, now, channels), *_mail_rows(said, now, channels)),
        folds=tuple(said.folds),
    )


def command_plan(change: Change, *, now: datetime, channels: Channels) -> AlertPlan:
    """What an operator's command writes: the message in Slack is brought up to date, nobody is called."""
    alert = change.after
    rows: tuple[NewDelivery, ...] = ()
    if channels.slack and alert.announced is not None:
        rows = (_state(alert, now),)
        alert = replace(alert, announced=alert.telling)
    return AlertPlan(alerts=(alert,), events=change.events, deliveries=rows)


def _tell(change: Change, said: _Said, now: datetime, limits: Limits, channels: Channels) -> Alert:
    alert = change.after
    if alert.state is AlertState.PENDING:
        return alert
    if alert.state is AlertState.RESOLVED:
        return _tell_end(alert, said, now, channels)
    if is_quiet(alert, now):
        return alert
    in_slack = channels.slack and not (_about_slack(alert) and channels.plain)
    if alert.telling != alert.announced:
        alert = _tell_state(alert, change, said, channels, in_slack=in_slack, now=now)
    elif in_slack and alert.id in channels.stuck and (alert.emailed_at is None or _before(alert.emailed_at, alert)):
        alert = _mail(alert, "Slack has not taken it", said, now, channels)
    return _escalate(alert, said, now, limits, in_slack=in_slack, channels=channels)


def _before(at: datetime, alert: Alert) -> bool:
    return alert.fired_at is not None and at < alert.fired_at


def _about_slack(alert: Alert) -> bool:
    """Trouble with Slack is not told in Slack."""
    return alert.rule is Rule.SOCKET_DOWN or (alert.rule is Rule.DELIVERY_FAILING and alert.subject == SLACK)


def _tell_state(
    alert: Alert, change: Change, said: _Said, channels: Channels, *, in_slack: bool, now: datetime
) -> Alert:
    first = alert.announced is None
    kinds = {event.kind for event in change.events}
    if in_slack:
        if first:
            said.first.append(alert)
        else:
            said.rows.append(_state(alert, now))
            said.rows += _replies(alert, kinds, now)
    news = first or bool(kinds & {"fired", "worse", "back", "lapsed"})
    missed = alert.rule is Rule.DEADLINE_MISSED and (first or "worse" in kinds)
    if alert.state is AlertState.FIRING and news and (not in_slack or missed or channels.slack_failing):
        why = "" if not in_slack else ("the deadline is missed" if missed else "Slack takes no messages")
        alert = _mail(alert, why, said, now, channels)
    return replace(alert, announced=alert.telling)


def _replies(alert: Alert, kinds: set[str], now: datetime) -> list[NewDelivery]:
    told: list[NewDelivery] = []
    if "worse" in kinds:
        told.append(_reply(alert, f"Worse: {alert.facts.title}", now, broadcast=True))
    if "back" in kinds:
        told.append(
            _reply(alert, f"Back again ({_ordinal(alert.count)} time): {alert.facts.title}", now, broadcast=True)
        )
    if "lapsed" in kinds:
        told.append(_reply(alert, "It was acknowledged, but nobody has put it right since.", now))
    return told


def _ordinal(count: int) -> str:
    return {2: "second", 3: "third"}.get(count, f"{count}th")


def _tell_end(alert: Alert, said: _Said, now: datetime, channels: Channels) -> Alert:
    if alert.announced is None or alert.announced == alert.telling:
        return alert
    ended = alert.facts.ended
    lasted = span(((alert.resolved_at or now) - alert.began_at).total_seconds())
    line = f"Resolved after {lasted}" + (f": {ended}" if ended else "")
    in_slack = channels.slack and not (_about_slack(alert) and channels.plain)
    if in_slack:
        summary = f"{alert.facts.title} ({clock(alert.began_at, alert.zone)}, {lasted})"
        said.folds.append(Fold(SLACK, alert.id, summary, (_state(alert, now), _reply(alert, line, now))))
    told_by_mail = alert.emailed_at is not None and alert.rule is not Rule.DELIVERY_FAILING
    if told_by_mail and (not in_slack or channels.slack_failing or alert.rule is Rule.DEADLINE_MISSED):
        alert = _mail(alert, line, said, now, channels)
    return replace(alert, announced=alert.telling)


def _escalate(alert: Alert, said: _Said, now: datetime, limits: Limits, *, in_slack: bool, channels: Channels) -> Alert:
    if alert.state is not AlertState.FIRING or not is_critical(alert) or alert.rule in PATIENT:
        return alert
    alone = now - (alert.unacked_since or now)
    if alert.level < 1 and alone >= timedelta(seconds=limits.mention_s):
        alert = replace(alert, level=1)
        if in_slack:
            said.mentions.append(alert)
            said.events.append(AlertEvent(alert.id, now, "escalated", "people were mentioned in Slack"))
    if alert.level == 1 and alone >= timedelta(seconds=limits.email_s):
        alert = replace(alert, level=2)
        if channels.plain:
            why = f"nobody has acknowledged it for {span(alone.total_seconds())}"
            alert = _mail(alert, why, said, now, channels)
            said.events.append(AlertEvent(alert.id, now, "escalated", "e-mail: " + why))
    return alert


def _mail(alert: Alert, why: str, said: _Said, now: datetime, channels: Channels) -> Alert:
    if not channels.plain:
        return alert
    alert = replace(alert, emailed_at=now)
    said.mail[alert.id] = (alert, why)
    return alert


def _state(alert: Alert, now: datetime) -> NewDelivery:
    return NewDelivery(
        SLACK, STATE, alert.id, payload={"alert": notice_of(alert, now)}, alert_id=alert.id, supersedes=True
    )


def _reply(alert: Alert, text: str, now: datetime, *, broadcast: bool = False, mention: bool = False) -> NewDelivery:
    payload: Mapping[str, Any] = {
        "alert": notice_of(alert, now),
        "text": text,
        "broadcast": broadcast,
        "mention": mention,
    }
    return NewDelivery(SLACK, REPLY, alert.id, payload=payload, alert_id=alert.id)


def _worst_first(alerts: Sequence[Alert]) -> list[Alert]:
    return sorted(alerts, key=lambda alert: (-alert.severity.rank, alert.began_at, alert.fingerprint))


def _slack_rows(said: _Said, now: datetime, channels: Channels) -> list[NewDelivery]:
    first = _worst_first(said.first)
    rows = [_state(alert, now) for alert in first[: channels.group_above]]
    rest = first[channels.group_above :]
    if rest:
        rows.append(_group(rest, f"and {len(rest)} more alerts at once", now))
    rows += said.rows
    if len(said.mentions) <= channels.group_above:
        rows += [
            _reply(alert, f"Nobody has acknowledged this for {_alone(alert, now)}.", now, mention=True)
            for alert in said.mentions
        ]
    else:
        title = f"nobody has acknowledged {len(said.mentions)} critical alerts"
        rows.append(_group(_worst_first(said.mentions), title, now, mention=True))
    return rows


def _alone(alert: Alert, now: datetime) -> str:
    return span((now - (alert.unacked_since or now)).total_seconds())


def _group(alerts: Sequence[Alert], title: str, now: datetime, *, mention: bool = False) -> NewDelivery:
    by_rule: dict[str, int] = {}
    for alert in alerts:
        by_rule[alert.rule.value] = by_rule.get(alert.rule.value, 0) + 1
    payload: Mapping[str, Any] = {
        "title": title,
        "counts": by_rule,
        "lines": [alert.facts.title for alert in alerts[:GROUP_LINES]],
        "more": max(0, len(alerts) - GROUP_LINES),
        "mention": mention,
        "at": now.isoformat(),
    }
    return NewDelivery(SLACK, GROUP, f"group:{alerts[0].id}:{int(mention)}", payload=payload)


def _mail_rows(said: _Said, now: datetime, channels: Channels) -> list[NewDelivery]:
    if not said.mail:
        return []
    told = _worst_first([alert for alert, _ in said.mail.values()])
    # What is resolved comes last: the verdict is what still burns.
    told.sort(key=lambda alert: alert.state is AlertState.RESOLVED)
    payload: Mapping[str, Any] = {
        "alerts": [notice_of(alert, now) | {"why": said.mail[alert.id][1]} for alert in told[:MAIL_LINES]],
        "more": max(0, len(told) - MAIL_LINES),
    }
    return [NewDelivery(channel, ALERTS, ALERTS, payload=payload) for channel in channels.plain]
