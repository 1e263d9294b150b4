"""Alerts: their rules, states and how each may change. Pure.

``pending → firing → acked → resolved``. Muted, inhibited and under maintenance are derived, each with an end. The
fingerprint names the trouble (family of rules, subject, period); values and severity are not part of it, so that a
warning that grows critical stays one alert.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo


class Rule(StrEnum):
    """What is watched."""

    CONSECUTIVE_FAILURES = "consecutive_failures"
    QUEUE_DEPTH = "queue_depth"
    START_LATE = "start_late"
    DEADLINE_AT_RISK = "deadline_at_risk"
    DEADLINE_MISSED = "deadline_missed"
    OUTPUT_INVALID = "output_invalid"
    SLA = "sla"
    SERVICE_DOWN = "service_down"
    WORKER_LOST = "worker_lost"
    DELIVERY_FAILING = "delivery_failing"
    SOCKET_DOWN = "socket_down"

    @property
    def family(self) -> str:
        """The first part of the fingerprint: rules about one run's deadline are one trouble that grows."""
        return "deadline" if self in DEADLINE_RULES else self.value


DEADLINE_RULES = frozenset({Rule.START_LATE, Rule.DEADLINE_AT_RISK, Rule.DEADLINE_MISSED})


class Severity(StrEnum):
    """How bad."""

    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """The greater is worse."""
        return list(Severity).index(self)


class AlertState(StrEnum):
    """Where an alert is."""

    PENDING = "pending"
    """Seen, but not often enough yet to tell anyone."""
    FIRING = "firing"
    """It is trouble, and nobody has said that they see to it."""
    ACKED = "acked"
    """Somebody sees to it: no repeats and no escalation until the ack lapses."""
    RESOLVED = "resolved"
    """The trouble has gone."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What people are told of the trouble.

    Attributes:
        title: the verdict, one line.
        lines: what failed since when, what predawn did already, what is left; one sentence each.
        command: what to type to go on.
        job_id: the job it is about, for the buttons.
        ended: how it ended, once it is resolved.
    """

    title: str
    lines: tuple[str, ...] = ()
    command: str = ""
    job_id: str | None = None
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one look found about one trouble.

    Attributes:
        needs: looks in a row until it fires.
        clears: looks in a row without it until it is resolved.
        holds: neither bad enough to fire nor good enough to clear (hysteresis): all counts stay.
        since: when the trouble began, as far as is known.
        deadline_at: the deadline it is about.
        zone: in which its times are told.
    """

    rule: Rule
    subject: str
    severity: Severity
    facts: Facts
    period: str = ""
    needs: int = 1
    clears: int = 1
    holds: bool = False
    since: datetime | None = None
    deadline_at: datetime | None = None
    zone: str = "UTC"

    @property
    def fingerprint(self) -> str:
        """``deadline|nightly|2026-11-20``."""
        return fingerprint(self.rule, self.subject, self.period)


def fingerprint(rule: Rule, subject: str, period: str = "") -> str:
    """The name of a trouble."""
    return f"{rule.family}|{subject}|{period}"


@dataclass(frozen=True, slots=True)
class Alert:
    """A row of ``alerts``. Times are aware UTC.

    Attributes:
        seq: grows by insertion; 0 before it is stored.
        version: one more with every write; a write over an older one is refused.
        count: how many times it has fired (more than 1: it came back within half an hour).
        bad: looks in a row that found it.
        clear: looks in a row that did not.
        clears: looks it takes to resolve it.
        began_at: since when the trouble is, as far as is known.
        ack_until: when the acknowledgement lapses.
        announced: what has last been put into the outbox about it; None: nothing yet.
        unacked_since: since when nobody sees to it, at its present severity: escalation counts from here.
        level: 0 not escalated, 1 mentioned, 2 e-mailed.
        emailed_at: when an e-mail about it was put into the outbox.
        inhibited_by: the alert because of which it is kept quiet.
        quiet_until: until when it is kept quiet (muted, maintenance).
        quiet_why: the reason for that.
    """

    id: str
    fingerprint: str
    rule: Rule
    subject: str
    period: str
    severity: Severity
    state: AlertState
    facts: Facts
    created_at: datetime
    updated_at: datetime
    began_at: datetime
    seq: int = 0
    version: int = 0
    count: int = 0
    bad: int = 0
    clear: int = 0
    clears: int = 1
    fired_at: datetime | None = None
    acked_at: datetime | None = None
    acked_by: str | None = None
    ack_until: datetime | None = None
    resolved_at: datetime | None = None
    deadline_at: datetime | None = None
    zone: str = "UTC"
    announced: str | None = None
    unacked_since: datetime | None = None
    level: int = 0
    emailed_at: datetime | None = None
    inhibited_by: str | None = None
    quiet_until: datetime | None = None
    quiet_why: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether people should know of it."""
        return self.state in {AlertState.FIRING, AlertState.ACKED}

    @property
    def telling(self) -> str:
        """What is to be told; the same again is not told again."""
        return f"{self.state}:{self.severity}:{self.rule}:{self.count}"


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """A row of ``alert_events``: one thing that happened.

    Attributes:
        kind: ``fired``, ``worse``, ``back``, ``acked``, ``lapsed``, ``muted``, ``unmuted``, ``escalated``,
            ``resolved``, ``pressed``.
        actor: who did it; None: predawn.
    """

    alert_id: str
    at: datetime
    kind: str
    text: str
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class Mute:
    """A row of ``alert_mutes``: a fingerprint that is kept quiet until a time."""

    fingerprint: str
    until: datetime
    actor: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """What the states need to know; seconds.

    Attributes:
        reopen_s: firing again within this time of its resolution re-opens the alert.
        ack_s: an acknowledgement lapses after it.
        ack_near_s: and after this near the deadline.
        near_s: that is how near.
        mention_s: critical and not acknowledged for this long: people are mentioned in the thread.
        email_s: and for this long: e-mail.
    """

    reopen_s: float = 1800.0
    ack_s: float = 7200.0
    ack_near_s: float = 1200.0
    near_s: float = 3600.0
    mention_s: float = 600.0
    email_s: float = 1200.0


@dataclass(frozen=True, slots=True)
class Change:
    """An alert before and after, and what happened in between."""

    before: Alert | None
    after: Alert
    events: tuple[AlertEvent, ...] = field(default=())


def acknowledge(alert: Alert, *, actor: str, now: datetime, limits: Limits) -> Change:
    """Somebody sees to it. A resolved one cannot be acknowledged; the caller looks.

    Raises:
        ValueError: the alert is not open.
    """
    if not alert.is_open:
        raise ValueError(f"alert {alert.id[:8]} is {alert.state}: there is nothing to acknowledge")
    near = alert.deadline_at is not None and timedelta(0) <= alert.deadline_at - now <= timedelta(seconds=limits.near_s)
    until = now + timedelta(seconds=limits.ack_near_s if near else limits.ack_s)
    after = replace(
        alert, state=AlertState.ACKED, acked_at=now, acked_by=actor, ack_until=until, updated_at=now, level=0
    )
    return Change(
        alert,
        after,
        (AlertEvent(alert.id, now, "acked", f"until {until.astimezone(ZoneInfo(alert.zone)):%H:%M %Z}", actor),),
    )


DETAIL_TIMES = (
    "created_at",
    "began_at",
    "acked_at",
    "ack_until",
    "deadline_at",
    "emailed_at",
    "unacked_since",
    "quiet_until",
)


def alert_detail(alert: Alert) -> dict[str, Any]:
    """What ``alerts.detail`` holds: all that has no column of its own."""
    values: dict[str, Any] = {
        name: None if (at := getattr(alert, name)) is None else at.isoformat() for name in DETAIL_TIMES
    }
    values |= {
        name: getattr(alert, name)
        for name in (
            "subject",
            "period",
            "count",
            "bad",
            "clear",
            "clears",
            "acked_by",
            "zone",
            "announced",
            "level",
            "inhibited_by",
            "quiet_why",
        )
    }
    facts = alert.facts
    values["facts"] = {
        "title": facts.title,
        "lines": list(facts.lines),
        "command": facts.command,
        "job_id": facts.job_id,
        "ended": facts.ended,
    }
    return values


def alert_from(columns: Mapping[str, Any], detail: Mapping[str, Any]) -> Alert:
    """An alert from its columns and its detail."""
    facts = detail["facts"]
    times = {name: None if (text := detail[name]) is None else datetime.fromisoformat(text) for name in DETAIL_TIMES}
    plain = {name: value for name, value in detail.items() if name not in DETAIL_TIMES and name != "facts"}
    return Alert(
        **columns,
        **times,  # type: ignore[arg-type] - created_at and began_at are always there
        **plain,
        facts=Facts(facts["title"], tuple(facts["lines"]), facts["command"], facts["job_id"], facts["ended"]),
    )
