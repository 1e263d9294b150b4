"""The daily report as text, Markdown and JSON. Pure. Times are told in the deadline's zone, by its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime, time
from enum import Enum
from typing import Any, cast
from zoneinfo import ZoneInfo

from scheduler.domain.night import Night, NightOutcome
from scheduler.domain.report import DailyReport
from scheduler.domain.sla import OnTime

MOST_FAILURES = 5
"""Groups of failures that text and Markdown tell of; JSON has all."""
_MINUTE, _HOUR = 60, 3_600

Sections = list[tuple[str, list[str]]]


def report_text(report: DailyReport) -> str:
    """For a terminal or a plain e-mail."""
    lines = [headline(report), ""]
    for title, told in sections(report):
        lines += [f"{title if n == 0 else '':<10}{line}" for n, line in enumerate(told)]
    return "\n".join(lines) + "\n"


def report_markdown(report: DailyReport) -> str:
    """For a page or a message."""
    lines = [f"# {headline(report)}", ""]
    for title, told in sections(report):
        lines += [f"## {title.capitalize()}", "", *(f"- {_escaped(line)}" for line in told), ""]
    return "\n".join(lines)


def report_json(report: DailyReport) -> dict[str, Any]:
    """Everything, for programs: times ISO 8601 with offset, durations seconds, shares 0–1."""
    sla = report.sla
    value = {
        "day": report.day,
        "at": report.at,
        "timezone": report.timezone,
        "headline": headline(report),
        "nights": [asdict(night) | {"margin_s": night.margin_s} for night in report.nights],
        "verdict": report.tonight.verdict,
        "note": report.tonight.note,
        "next_deadline_at": report.tonight.deadline_at,
        "windows": [
            {
                "days": window.days,
                "n": window.n,
                "enough": window.enough,
                "rate": window.rate,
                "target": window.target,
                "budget_left": window.budget_left,
                "degraded": window.degraded,
            }
            for window in sla.windows
        ],
        "success_rate": sla.success.rate,
        "failures": [asdict(group) for group in sla.failures],
        "stages": [asdict(times) for times in sla.stages],
        "calibration": asdict(sla.calibration),
        "services": {health.service: health.state for health in report.services},
    }
    return cast("dict[str, Any]", _plain(value))


FORMATS: Mapping[str, Callable[[DailyReport], str]] = {
    "text": report_text,
    "md": report_markdown,
    "json": lambda report: json.dumps(report_json(report), ensure_ascii=False, indent=2) + "\n",
}
"""How a report can be written, by the word of ``--format``."""


def headline(report: DailyReport) -> str:
    """``predawn, Sat 21 Nov 2026: ready 03:08 IST, 2 h 52 min before the deadline``."""
    told = "; ".join(night_words(night) for night in report.nights) or "no video was due"
    return f"predawn, {report.day:%a} {report.day.day} {report.day:%b %Y}: {told}"


def night_words(night: Night) -> str:
    """How one night went, in words."""
    zone = ZoneInfo(night.timezone)
    due = f"{night.due_at.astimezone(zone):%H:%M %Z}"
    match night.outcome:
        case NightOutcome.ON_TIME | NightOutcome.LATE if night.ready_at is not None:
            side = "before" if night.outcome is NightOutcome.ON_TIME else "AFTER"
            made = "degraded, full since" if night.upgraded_at else "degraded" if night.degraded else "full"
            if night.upgraded_at is not None:
                made += f" {night.upgraded_at.astimezone(zone):%H:%M}"
            margin = _length(abs(night.margin_s or 0.0))
            return f"ready {night.ready_at.astimezone(zone):%H:%M %Z}, {margin} {side} the deadline ({made})"
        case NightOutcome.SKIPPED:
            return f"skipped ({night.note})"
        case NightOutcome.OPEN:
            return f"not ready yet, due {due}"
        case _:
            return f"MISSED, due {due}: {night.note}"


def sections(report: DailyReport) -> Sections:
    """Title and lines of each part."""
    return [(title, lines) for title, lines in _sections(report) if lines]


def _sections(report: DailyReport) -> Iterator[tuple[str, list[str]]]:
    sla = report.sla
    yield "nights", [f"{night.schedule}: {night_words(night)}" for night in report.nights] or ["none was due"]
    yield "on time", [window_words(window) for window in sla.windows]
    figures: list[str] = []
    if sla.success.rate is not None:
        ended = sla.success.completed + sla.success.failed
        figures.append(f"{sla.success.rate:.1%} of {ended} succeeded in {sla.days} days")
    if sla.calibration.n:
        figures.append(f"{sla.calibration.under_p90} of {sla.calibration.n} finishes came before the P90 foretold")
    yield "renders", figures
    yield (
        "failures",
        [
            f"{group.count} x {group.kind} in {group.stage or '-'} by {group.provider or '-'}: {group.message[:120]}"
            for group in sla.failures[:MOST_FAILURES]
        ],
    )
    if report.services:
        yield "services", [", ".join(f"{health.service} {health.state}" for health in report.services)]
    tonight = report.tonight
    if tonight.deadline_at is not None:
        due = f"{tonight.deadline_at.astimezone(ZoneInfo(report.timezone)):%a %d %b %H:%M %Z}"
        yield "now", [f"{tonight.verdict}: {tonight.note} (due {due})"]


def window_words(window: OnTime) -> str:
    """``30 days: 96.7 % (29 of 30), budget left 0.5 misses``."""
    if window.rate is None:
        return f"{window.days} days: no nights yet"
    text = f"{window.days} days: {window.rate:.1%} ({window.on_time} of {window.n})"
    if not window.enough:
        return f"{text}, n = {window.n} is too small to judge"
    if window.budget_left < 0:
        return f"{text}, below {window.target:.0%}: budget overdrawn by {-window.budget_left:.1f} misses"
    return f"{text}, budget left {window.budget_left:.1f} misses"


def _length(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min"
    return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:.0f} min"


def _escaped(line: str) -> str:
    """What could be markup in text that others wrote is shown as it stands."""
    for sign in "\\`*_[]<>|":
        line = line.replace(sign, f"\\{sign}")
    return " ".join(line.split())


def _plain(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case datetime() | date() | time():
            return value.isoformat()
        case Mapping():
            return {str(key): _plain(item) for key, item in cast("Mapping[Any, Any]", value).items()}
        case list() | tuple():
            return [_plain(item) for item in cast("list[Any]", value)]
        case _:
            return value
