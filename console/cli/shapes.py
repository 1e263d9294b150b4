"""Domain values as the JSON objects that ``--json`` prints. Times are ISO 8601, durations seconds, ids strings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from scheduler.domain.job import Job
from scheduler.domain.recording import Mark, Past
from scheduler.domain.render import Attempt, Render
from scheduler.domain.schedule import ScheduleState
from scheduler.domain.service import ServiceHealth, ServiceHistory
from scheduler.domain.snapshot import Snapshot, StageView
from scheduler.ports.operations import JobDetail, UpcomingFire


def job_json(job: Job) -> dict[str, Any]:
    """A job."""
    return dataclasses.asdict(job) | {"run_date": job.run_date}


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """A row of ``render_logs``."""
    return dataclasses.asdict(attempt)


def render_json(render: Render) -> dict[str, Any]:
    """A render."""
    return dataclasses.asdict(render)


def detail_json(detail: JobDetail) -> dict[str, Any]:
    """A job with its renders, attempts, failures and the stages that are done."""
    return job_json(detail.job) | {
        "renders": [render_json(render) for render in detail.renders],
        "attempts": [attempt_json(attempt) for attempt in detail.attempts],
        "failures": [dataclasses.asdict(failure) for failure in detail.failures],
        "checkpoints": [
            {"stage": kept.stage, "part": kept.part or None, "provider": kept.output.provider}
            for kept in detail.checkpoints
        ],
    }


def schedule_json(state: ScheduleState) -> dict[str, Any]:
    """A schedule: what the config says and what has become of it."""
    definition = dataclasses.asdict(state.definition)
    return definition | {
        "paused": state.paused,
        "skip_dates": list(state.skip_dates),
        "last_fire": state.last_fire,
        "last_job_id": state.last_job_id,
    }


def upcoming_json(upcoming: UpcomingFire) -> dict[str, Any]:
    """A coming start."""
    return dataclasses.asdict(upcoming.fire) | {
        "skipped": upcoming.skipped,
        "why": upcoming.why or None,
        "starts_at": upcoming.starts_at,
    }


def service_json(health: ServiceHealth, history: ServiceHistory | None = None) -> dict[str, Any]:
    """How a service stands, and with ``history`` what it did."""
    last, out = health.last_probe, health.maintenance
    more = {} if history is None else history_json(history)
    return {
        "service": health.service,
        "url": health.url,
        "state": health.state,
        "since": health.since,
        "checked_at": last.at if last else None,
        "latency_ms": last.latency_ms if last else None,
        "error": last.error if last else None,
        "reason": health.reason,
        "p50_ms": health.p50_ms,
        "p95_ms": health.p95_ms,
        "maintenance": {"until": out.until, "since": out.since, "by": out.by} if out else None,
        **more,
    }


def history_json(history: ServiceHistory) -> dict[str, Any]:
    """Hourly figures oldest first, changes of state newest first."""
    probes = sum(hour.probes for hour in history.hours)
    failures = sum(hour.failures for hour in history.hours)
    return {
        "service": history.service,
        "availability": (probes - failures) / probes if probes else None,
        "hours": [
            {
                "start": hour.start,
                "probes": hour.probes,
                "failures": hour.failures,
                "p50_ms": hour.p50_ms,
                "p95_ms": hour.p95_ms,
                "p99_ms": hour.p99_ms,
                "max_ms": hour.max_ms,
            }
            for hour in history.hours
        ],
        "transitions": [
            {"at": change.at, "before": change.before, "after": change.after, "reason": change.reason}
            for change in history.transitions
        ],
    }


def stage_json(view: StageView) -> dict[str, Any]:
    """A stage of a render."""
    return {
        "stage": view.stage,
        "state": view.state,
        "provider": view.provider,
        "degraded": view.degraded,
        "attempts": len(view.attempts),
        "started_at": view.started_at,
        "finished_at": view.finished_at,
    }


def snapshot_json(snapshot: Snapshot) -> dict[str, Any]:
    """What ``predawn status`` tells."""
    tonight = snapshot.tonight
    return {
        "taken_at": snapshot.taken_at,
        "verdict": tonight.verdict,
        "note": tonight.note,
        "schedule": tonight.schedule,
        "run_date": tonight.run_date,
        "timezone": tonight.timezone,
        "deadline_at": tonight.deadline_at,
        "starts_at": tonight.starts_at,
        "p50_at": tonight.prediction.p50_at if tonight.prediction else None,
        "p90_at": tonight.prediction.p90_at if tonight.prediction else None,
        "slack_s": tonight.slack_s,
        "latest_start_at": tonight.latest_start_at,
        "early_s": tonight.early_s,
        "missing": tonight.missing or None,
        "wait_s": tonight.prediction.wait_s if tonight.prediction else None,
        "critical_path": [
            {"stage": step.stage, "p50_s": step.p50_s, "p90_s": step.p90_s}
            for step in (tonight.prediction.path if tonight.prediction else ())
        ],
        "job": job_json(tonight.job) if tonight.job else None,
        "stages": [stage_json(view) for view in tonight.stages],
        "queue": {status.value: count for status, count in snapshot.depth.by_status.items()},
        "oldest_queued_age_s": snapshot.depth.oldest_queued_age_s,
        "services": [service_json(health) for health in snapshot.services],
        "daemon": dataclasses.asdict(snapshot.daemon) if snapshot.daemon else None,
    }


def mark_json(mark: Mark) -> dict[str, Any]:
    """A moment worth a look."""
    return dataclasses.asdict(mark)


def past_json(past: Past, before: Sequence[Mark] = ()) -> dict[str, Any]:
    """A past moment: the snapshot as ``predawn status`` tells it, how sure it is, and what happened before it."""
    return {
        "asked": past.asked,
        "recorded_at": past.recorded_at,
        "in_gap": past.in_gap,
        "gap_until": past.gap_until,
        "coarse": past.coarse,
        "before": [mark_json(mark) for mark in before],
        "snapshot": snapshot_json(past.snapshot) | {"jobs": [job_json(job) for job in past.snapshot.jobs]},
    }
