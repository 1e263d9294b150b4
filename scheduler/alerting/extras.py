"""What is said once: the daily report, and the outside check of the night. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from scheduler.alerting.observation import Observation, RunLook
from scheduler.alerting.words import clock, span
from scheduler.domain.alert import Alert
from scheduler.domain.deadline import Verdict
from scheduler.domain.job import JobStatus
from scheduler.domain.notice import REPORT
from scheduler.domain.outbox import NewDelivery

REPORT_LATE = timedelta(hours=3)
"""A report that could not be put together for so long is left out."""
PING_EXPIRES_S = 6 * 3600.0
DEADMAN = "deadman"


def report_rows(
    look: Observation,
    open_alerts: tuple[Alert, ...],
    targets: Sequence[str],
    *,
    at: time,
    text: Callable[[Observation, tuple[Alert, ...]], Mapping[str, Any]],
    told: set[str],
) -> list[NewDelivery]:
    """The daily report, if it is time for it; by its key it is put in once for each channel and day."""
    local = look.now.astimezone(ZoneInfo(look.zone))
    due = datetime.combine(local.date(), at, tzinfo=local.tzinfo)
    keys = {channel: f"report:{local.date()}:{channel}" for channel in targets}
    if not due <= local < due + REPORT_LATE or set(keys.values()) <= told:
        return []
    payload = text(look, open_alerts)
    return [
        NewDelivery(channel, REPORT, REPORT, payload=payload, key=key, expires_s=REPORT_LATE.total_seconds())
        for channel, key in keys.items()
    ]


def daily_report(look: Observation, open_alerts: tuple[Alert, ...]) -> dict[str, Any]:
    """Verdict and margin, the record, what is open and muted, how delivery fares; the worst first."""
    lines: list[str] = []
    title = "no run with a deadline"
    for number, run in enumerate(look.runs):
        told = _verdict(run, look.now)
        if number == 0:
            title = told
        else:
            lines.append(told)
    for record in look.sla:
        if record.samples == 0:
            lines.append(f"{record.schedule}: no night yet")
            continue
        rate = 1 - record.misses / record.samples
        left = record.allowed - record.misses
        budget = f"room for {left:.1f} more" if left >= 0 else "target broken"
        if record.windows:
            rates = ", ".join(f"{days} days {_rate(share)}" for days, share in record.windows)
            lines.append(f"on time: {rates}")
        few = "; too few days to judge" if record.samples < 20 else ""  # noqa: PLR2004 - alerts.md: below 20 samples
        lines.append(
            f"{record.schedule}, last {record.days} days: {rate:.0%} on time ({record.misses} missed of "
            f"{record.samples}; {budget}{few})"
        )
    loud = [alert for alert in open_alerts if alert.quiet_until is None and alert.inhibited_by is None]
    quiet = [alert for alert in open_alerts if alert not in loud]
    lines.append(f"open alerts: {len(loud) or 'none'}")
    lines += [f"• {alert.facts.title} (since {clock(alert.began_at, look.zone, look.now)})" for alert in loud[:10]]
    if quiet:
        lines.append(f"kept quiet: {len(quiet)}")
        lines += [f"• {a.facts.title} ({a.quiet_why or 'follows from another'})" for a in quiet[:5]]
    failing = [health for health in look.channels if health.failing_since is not None]
    lines.append("delivery: " + ("fine" if not failing else ", ".join(f"{h.channel} failing" for h in failing)))
    return {"title": title, "lines": lines, "date": str(look.now.astimezone(ZoneInfo(look.zone)).date())}


def _rate(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _verdict(run: RunLook, now: datetime) -> str:
    tonight = run.tonight
    if tonight.deadline_at is None:
        return str(Verdict.IDLE)
    name = f"{tonight.schedule} {tonight.run_date}"
    if run.ready_at is None:
        return f"{tonight.verdict}: {name}, {tonight.note}"
    margin = (tonight.deadline_at - run.ready_at).total_seconds()
    word = "before" if margin >= 0 else "after"
    degraded = ", degraded" if tonight.job is not None and tonight.job.degraded else ""
    at = clock(run.ready_at, tonight.timezone, now)
    return f"{tonight.verdict}: {name} was out {at}, {span(margin)} {word} the deadline{degraded}"


def nightly_pings(look: Observation) -> list[NewDelivery]:
    """The outside check of the night's run: started, out, or failed; each once by its key."""
    if not look.runs:
        return []
    run = look.runs[0]
    tonight, job = run.tonight, run.tonight.job
    if tonight.schedule is None or tonight.deadline_at is None:
        return []
    name = f"nightly:{tonight.schedule}:{tonight.run_date}"
    found: list[tuple[str, str]] = []
    if job is not None and job.started_at is not None and job.job_type:
        found.append(("start", f"job {job.id} started"))
    failed = job is not None and job.is_final and job.status is not JobStatus.COMPLETED
    if run.ready_at is not None:
        found.append(("success", f"published at {run.ready_at.isoformat()}"))
    elif failed or (look.now >= tonight.deadline_at and not run.held):
        found.append(("fail", tonight.note))
    return [
        NewDelivery(DEADMAN, what, name, payload={"text": text}, key=f"deadman:{name}:{what}", expires_s=PING_EXPIRES_S)
        for what, text in found
    ]
