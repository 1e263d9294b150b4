"""Alerts in plain text: what e-mail and apprise send. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from scheduler.domain.alert import AlertState
from scheduler.domain.notice import ALERTS, REPORT, Notice, notice_from

SUBJECT = 150


@dataclass(frozen=True, slots=True)
class Letter:
    """A subject of one line, and a text."""

    subject: str
    text: str


def letter_of(kind: str, payload: Mapping[str, Any], *, link: str | None = None) -> Letter:
    """What a delivery says."""
    if kind == ALERTS:
        return _alerts(payload, link)
    if kind == REPORT:
        return Letter(
            _line(f"predawn {payload['title']}"), "\n".join([str(payload["title"]), "", *payload["lines"], ""])
        )
    return Letter(_line(str(payload.get("subject", "predawn"))), str(payload["text"]) + "\n")


def _line(text: str) -> str:
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= SUBJECT else line[: SUBJECT - 1] + "…"


def _alerts(payload: Mapping[str, Any], link: str | None) -> Letter:
    values: list[Mapping[str, Any]] = list(payload["alerts"])
    told = [(notice_from(value), str(value.get("why", ""))) for value in values]
    first, more = told[0][0], len(told) - 1 + int(payload["more"])
    subject = f"[predawn] {_headline(first)}" + (f" (and {more} more)" if more else "")
    parts = [_one(notice, why, link) for notice, why in told]
    if payload["more"]:
        parts.append(f"… and {payload['more']} more: predawn alerts list")
    return Letter(_line(subject), ("\n\n" + "-" * 60 + "\n\n").join(parts) + "\n")


def _headline(notice: Notice) -> str:
    word = "RESOLVED" if notice.state is AlertState.RESOLVED else notice.severity.value.upper()
    return f"{word}: {notice.title}"


def _one(notice: Notice, why: str, link: str | None) -> str:
    lines = [_headline(notice)]
    if notice.state is AlertState.RESOLVED and notice.ended:
        lines.append(notice.ended)
    lines += ["", *notice.lines, ""]
    times = f"Since {_clock(notice.began_at, notice)}, as of {_clock(notice.at, notice)}"
    lines.append(f"{times}; alert {notice.alert_id[:8]}.")
    if why:
        lines.append(f"This comes by e-mail because: {why}.")
    if notice.state is not AlertState.RESOLVED:
        if notice.command:
            lines += ["", f"Go on with:   {notice.command}"]
        lines.append(f"See to it:    predawn alerts ack {notice.alert_id[:8]}")
        if link is not None:
            lines.append(f"Look:         {link}/alerts/{notice.alert_id}")
    return "\n".join(lines)


def _clock(at: datetime, notice: Notice) -> str:
    local, now = (moment.astimezone(ZoneInfo(notice.zone)) for moment in (at, notice.at))
    return f"{local:%H:%M %Z}" if local.date() == now.date() else f"{local:%a %d %b %H:%M %Z}"
