"""What is said of an alert, as JSON in the outbox: every channel makes its own words of the same notice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scheduler.domain.alert import Alert, AlertState, Severity

STATE, REPLY, GROUP, SUMMARY, REPORT, ALERTS, TEST = (
    "state",
    "reply",
    "group",
    "summary",
    "report",
    "alerts",
    "test",
)
"""The kinds of deliveries: an alert's own message (posted once, then edited); a reply in its thread; many alerts in
one; what came and went while nothing got through; the daily report; alerts by e-mail; a test."""


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert as it is told.

    Attributes:
        at: when this was put together.
        times: in its time zone.
    """

    alert_id: str
    fingerprint: str
    rule: str
    severity: Severity
    state: AlertState
    title: str
    lines: tuple[str, ...]
    command: str
    count: int
    zone: str
    at: datetime
    began_at: datetime
    fired_at: datetime | None
    resolved_at: datetime | None
    deadline_at: datetime | None
    acked_by: str | None
    ack_until: datetime | None
    job_id: str | None
    ended: str


def notice_of(alert: Alert, now: datetime) -> dict[str, Any]:
    """An alert as JSON."""
    return {
        "alert_id": alert.id,
        "fingerprint": alert.fingerprint,
        "rule": alert.rule.value,
        "severity": alert.severity.value,
        "state": alert.state.value,
        "title": alert.facts.title,
        "lines": list(alert.facts.lines),
        "command": alert.facts.command,
        "job_id": alert.facts.job_id,
        "ended": alert.facts.ended,
        "count": alert.count,
        "zone": alert.zone,
        "at": now.isoformat(),
        "began_at": alert.began_at.isoformat(),
        "fired_at": _text(alert.fired_at),
        "resolved_at": _text(alert.resolved_at),
        "deadline_at": _text(alert.deadline_at),
        "acked_by": alert.acked_by if alert.state is AlertState.ACKED else None,
        "ack_until": _text(alert.ack_until) if alert.state is AlertState.ACKED else None,
    }


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def notice_from(value: Mapping[str, Any]) -> Notice:
    """A notice from its JSON."""
    return Notice(
        alert_id=value["alert_id"],
        fingerprint=value["fingerprint"],
        rule=value["rule"],
        severity=Severity(value["severity"]),
        state=AlertState(value["state"]),
        title=value["title"],
        lines=tuple(value["lines"]),
        command=value["command"],
        count=value["count"],
        zone=value["zone"],
        at=datetime.fromisoformat(value["at"]),
        began_at=datetime.fromisoformat(value["began_at"]),
        fired_at=_time(value["fired_at"]),
        resolved_at=_time(value["resolved_at"]),
        deadline_at=_time(value["deadline_at"]),
        acked_by=value["acked_by"],
        ack_until=_time(value["ack_until"]),
        job_id=value["job_id"],
        ended=value["ended"],
    )


def notices_from(values: Sequence[Mapping[str, Any]]) -> list[Notice]:
    """Several notices from their JSON."""
    return [notice_from(value) for value in values]
