"""``predawn sla``: the on-time record."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.cli.context import cli_of
from console.cli.output import print_json, print_table, say
from console.format import clock_time, day, short_duration
from console.text import clean
from scheduler.domain.night import Night, NightOutcome
from scheduler.domain.sla import FailureGroup, OnTime, SlaReport, StageTimes

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
MOST_LINES = 14
"""Nights that are listed for people; all are in the JSON."""


def sla(
    ctx: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=3_660, help="Days looked at.")] = 30,
    schedule: Annotated[str | None, typer.Option(help="Only this schedule's nights.", metavar="NAME")] = None,
    as_json: Json = False,
) -> None:
    """How often the video was there in time, against 95 %; what failed, and how long stages take.

    Example: predawn sla --days 90
    """
    report = cli_of(ctx).operations.sla(days=days, schedule=schedule)
    if as_json:
        print_json(sla_json(report))
        return
    for window in report.windows:
        typer.echo(window_line(window))
    for line in figure_lines(report):
        typer.echo(line)
    if not report.nights:
        say("no nights yet: a night is recorded once its start has come while a daemon runs")
        return
    typer.echo("")
    print_table(
        ("run date", "outcome", "ready", "margin", "made", "note"), [_row(n) for n in report.nights[:MOST_LINES]]
    )
    if len(report.nights) > MOST_LINES:
        say(f"{len(report.nights) - MOST_LINES} more with --json")
    if report.stages:
        typer.echo("")
        print_table(
            ("stage", "provider", "calls", "average", "P50", "P90"),
            [
                (s.stage, s.provider, s.n, short_duration(s.mean_s), short_duration(s.p50_s), short_duration(s.p90_s))
                for s in report.stages
            ],
        )
    if report.failures:
        typer.echo("")
        print_table(
            ("failures", "class", "stage", "provider", "newest", "message"),
            [
                (f.count, f.kind, f.stage, f.provider, f"{f.last_at:%Y-%m-%d}", clean(f.message, limit=80))
                for f in report.failures
            ],
        )


def window_line(window: OnTime) -> str:
    """``30 nights  96.7 % on time (29 of 30)  budget left 0.5 misses``, and whether there are enough nights. Pure."""
    if window.rate is None:
        return f"{window.days:>3} days  no nights yet"
    of = f"{window.on_time} of {window.n}, target {window.target:.0%}"
    text = f"{window.days:>3} days  {window.rate:6.1%} on time ({of})"
    if not window.enough:
        return f"{text}  n = {window.n} is too small to judge"
    word = "left" if window.budget_left >= 0 else "overdrawn"
    return f"{text}  {'met' if window.met else 'BREACHED'}, budget {word} {abs(window.budget_left):.1f} misses"


def figure_lines(report: SlaReport) -> list[str]:
    """Success of renders, degraded nights, calibration. Pure."""
    success, held = report.success, report.calibration
    window = report.window(report.days)
    lines: list[str] = []
    if success.rate is not None:
        lines.append(
            f"renders   {success.rate:.1%} succeeded ({success.completed} of {success.completed + success.failed})"
        )
    if window is not None and window.on_time:
        lines.append(f"degraded  {window.degraded} of {window.on_time} nights on time")
    if held.n:
        lines.append(f"predicted {held.under_p90} of {held.n} finishes before P90, {held.under_p50} before P50")
    return lines


def _row(night: Night) -> tuple[object, ...]:
    ready = "" if night.ready_at is None else clock_time(night.ready_at, night.timezone)
    margin = ""
    if night.margin_s is not None:
        margin = short_duration(abs(night.margin_s)) + (" late" if night.margin_s < 0 else "")
    made = ""
    if night.degraded is not None:
        made = "upgraded" if night.upgraded_at else "degraded" if night.degraded else "full"
    mark = night.outcome.upper() if night.outcome in {NightOutcome.MISSED, NightOutcome.LATE} else night.outcome.value
    return day(night.run_date), mark, ready, margin, made, clean(night.note, limit=80)


def sla_json(report: SlaReport) -> dict[str, Any]:
    """The whole record. Shares are 0–1, durations seconds."""
    return {
        "at": report.at,
        "days": report.days,
        "timezone": report.timezone,
        "windows": [window_json(window) for window in report.windows],
        "success": {
            "completed": report.success.completed,
            "failed": report.success.failed,
            "cancelled": report.success.cancelled,
            "interrupted": report.success.interrupted,
            "rate": report.success.rate,
        },
        "failures": [failure_json(group) for group in report.failures],
        "stages": [stage_times_json(times) for times in report.stages],
        "calibration": {
            "n": report.calibration.n,
            "under_p50": report.calibration.under_p50,
            "under_p90": report.calibration.under_p90,
        },
        "nights": [night_json(night) for night in report.nights],
    }


def window_json(window: OnTime) -> dict[str, Any]:
    """One on-time rate."""
    return {
        "days": window.days,
        "n": window.n,
        "enough": window.enough,
        "rate": window.rate,
        "target": window.target,
        "met": window.met,
        "on_time": window.on_time,
        "late": window.late,
        "missed": window.missed,
        "degraded": window.degraded,
        "skipped": window.skipped,
        "allowed_misses": round(window.allowed, 6),
        "budget_left": round(window.budget_left, 6),
    }


def night_json(night: Night) -> dict[str, Any]:
    """One night."""
    return {
        "schedule": night.schedule,
        "run_date": night.run_date,
        "timezone": night.timezone,
        "outcome": night.outcome,
        "nominal_at": night.nominal_at,
        "due_at": night.due_at,
        "started_at": night.started_at,
        "ready_at": night.ready_at,
        "margin_s": night.margin_s,
        "degraded": night.degraded,
        "upgraded_at": night.upgraded_at,
        "p50_at": night.p50_at,
        "p90_at": night.p90_at,
        "job_id": night.job_id,
        "note": night.note,
    }


def failure_json(group: FailureGroup) -> dict[str, Any]:
    """Failures with one fingerprint."""
    return {
        "fingerprint": group.fingerprint,
        "class": group.kind,
        "stage": group.stage,
        "provider": group.provider,
        "count": group.count,
        "last_at": group.last_at,
        "message": group.message,
    }


def stage_times_json(times: StageTimes) -> dict[str, Any]:
    """Durations of one provider in one stage."""
    return {
        "stage": times.stage,
        "provider": times.provider,
        "n": times.n,
        "mean_s": round(times.mean_s, 3),
        "p50_s": times.p50_s,
        "p90_s": times.p90_s,
    }
