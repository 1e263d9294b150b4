"""What is said once: the daily report, and the outside check of the night. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from scheduler.alerting.observation import Observation
from scheduler.alerting.words import clock
from scheduler.domain.alert import Alert
from scheduler.domain.job import JobStatus
from scheduler.domain.notice import REPORT
from scheduler.domain.outbox import NewDelivery
from scheduler.domain.report import DailyReport
from scheduler.nights.report import headline, sections

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


def daily_report(report: DailyReport, look: Observation, open_alerts: tuple[Alert, ...]) -> dict[str, Any]:
    """The morning's report as ``predawn report`` tells it, with what is open and muted and how delivery fares."""
    lines = [f"{title}: {line}" for title, told in sections(report) for line in told]
    loud = [alert for alert in open_alerts if alert.quiet_until is None and alert.inhibited_by is None]
    quiet = [alert for alert in open_alerts if alert not in loud]
    lines.append(f"open alerts: {len(loud) or 'none'}")
    lines += [f"• {alert.facts.title} (since {clock(alert.began_at, look.zone, look.now)})" for alert in loud[:10]]
    if quiet:
        lines.append(f"kept quiet: {len(quiet)}")
        lines += [f"• {a.facts.title} ({a.quiet_why or 'follows from another'})" for a in quiet[:5]]
    failing = [health for health in look.channels if health.failing_since is not None]
    lines.append("delivery: " + ("fine" if not failing else ", ".join(f"{h.channel} failing" for h in failing)))
    return {"title": headline(report), "lines": lines, "date": str(report.day)}


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
