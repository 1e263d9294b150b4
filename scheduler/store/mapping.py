"""From rows to the values of ``scheduler.domain``, and the JSON kept inside columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, cast

from scheduler.domain.codec import output_from_json
from scheduler.domain.failure import FailureClass, FailureRecord, JobError
from scheduler.domain.job import Job, JobStatus, Priority, QueueConfig
from scheduler.domain.render import Attempt, AttemptStatus, Checkpoint, Render, RenderStatus, StageName
from scheduler.domain.schedule import ScheduleDefinition, ScheduleState
from scheduler.domain.service import Probe
from scheduler.store.plain import json_text, parse_time, utc_text

Values = Mapping[Any, Any]


def error_to_text(error: JobError) -> str:
    """``jobs.error_message``."""
    return json_text(
        {
            "message": error.message,
            "type": error.type.value,
            "timestamp": utc_text(error.timestamp),
            "stack": error.stack,
            "stage": error.stage,
            "provider": error.provider,
        }
    )


def error_from_text(text: str | None, *, at: datetime) -> JobError | None:
    """The error in ``jobs.error_message``; what another application wrote in its own form is kept as the message."""
    if not text:
        return None
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        return JobError(message=text, type=FailureClass.UNKNOWN, timestamp=at)
    fields = cast("dict[str, Any]", value)
    kind = str(fields.get("type", ""))
    try:
        timestamp = parse_time(str(fields.get("timestamp")))
    except ValueError:
        timestamp = at
    return JobError(
        message=str(fields.get("message") or text),
        type=FailureClass(kind) if kind in set(FailureClass) else FailureClass.UNKNOWN,
        timestamp=timestamp,
        stack=_text_or_none(fields.get("stack")),
        stage=_text_or_none(fields.get("stage")),
        provider=_text_or_none(fields.get("provider")),
    )


def _text_or_none(value: Any) -> str | None:
    return None if value is None else str(value)


def job_of(row: Values, max_retries: int) -> Job:
    """A job; ``max_retries`` is the type's setting, for rows that have none of their own."""
    own = row["max_retries"]
    return Job(
        id=row["id"],
        seq=row["seq"],
        job_type=row["job_type"],
        priority=Priority(row["priority"]),
        status=JobStatus(row["status"]),
        payload=row["payload"],
        retry_count=row["retry_count"],
        max_retries=max_retries if own is None else own,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        error=error_from_text(row["error_message"], at=row["updated_at"]),
        idempotency_key=row["idempotency_key"],
        schedule_name=row["schedule_name"],
        run_date=row["run_date"],
        deadline_at=row["deadline_at"],
        retry_at=row["retry_at"],
        lease_owner=row["lease_owner"],
        lease_expires_at=row["lease_expires_at"],
        attempt=row["attempt"],
        crash_count=row["crash_count"],
        time_limit_at=row["time_limit_at"],
        cancel_requested_at=row["cancel_requested_at"],
        progress=float(row["progress"]),
        stage=row["stage"],
        degraded=bool(row["degraded"]),
        reason=row["reason"],
    )


def config_of(row: Values) -> QueueConfig:
    """The limits of a job type."""
    return QueueConfig(
        job_type=row["job_type"],
        concurrency=row["concurrency"],
        timeout_s=row["timeout_s"],
        max_retries=row["max_retries"],
        retry_delay_s=row["retry_delay_s"],
        paused=bool(row["paused"]),
    )


def render_of(row: Values) -> Render:
    """A render."""
    return Render(
        id=row["id"],
        job_id=row["job_id"],
        number=row["number"],
        attempt=row["attempt"],
        status=RenderStatus(row["status"]),
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        degraded=bool(row["degraded"]),
        video_url=row["video_url"],
        thumbnail_url=row["thumbnail_url"],
        duration_s=row["duration_s"],
        correlation_id=row["correlation_id"],
    )


def attempt_of(row: Values) -> Attempt:
    """One call of one provider."""
    kind = row["error_class"]
    return Attempt(
        id=row["id"],
        render_id=row["render_id"],
        job_id=row["job_id"],
        stage=StageName(row["step_name"]),
        provider=row["provider"],
        status=AttemptStatus(row["status"]),
        started_at=row["created_at"],
        retry_count=row["retry_count"],
        fallback_position=row["fallback_position"],
        resumed=bool(row["resumed"]),
        duration_ms=row["duration_ms"],
        error_class=None if kind is None else FailureClass(kind),
        error_message=row["error_message"],
        detail=row["detail"],
    )


def attempt_values(attempt: Attempt) -> dict[str, Any]:
    """The columns of one call."""
    return {
        "id": attempt.id,
        "render_id": attempt.render_id,
        "job_id": attempt.job_id,
        "step_name": attempt.stage.value,
        "provider": attempt.provider,
        "status": attempt.status.value,
        "retry_count": attempt.retry_count,
        "fallback_position": attempt.fallback_position,
        "resumed": attempt.resumed,
        "duration_ms": attempt.duration_ms,
        "error_class": None if attempt.error_class is None else attempt.error_class.value,
        "error_message": attempt.error_message,
        "detail": attempt.detail,
        "created_at": attempt.started_at,
    }


def checkpoint_of(row: Values) -> Checkpoint:
    """A kept output."""
    return Checkpoint(
        job_id=row["job_id"],
        stage=StageName(row["stage"]),
        part=row["part"],
        output=output_from_json(row["output"]),
        attempt=row["attempt"],
        created_at=row["created_at"],
    )


def failure_of(row: Values) -> FailureRecord:
    """A failure of a render."""
    details: dict[str, Any] = row["error_details"]
    reason = str(row["failure_reason"])
    return FailureRecord(
        render_id=row["render_id"],
        failure_reason=FailureClass(reason) if reason in set(FailureClass) else FailureClass.UNKNOWN,
        message=str(details.get("message", reason)),
        stage=details.get("stage"),
        provider=details.get("provider"),
        retryable=bool(details.get("retryable", False)),
        details=details.get("details") or {},
    )


def failure_details(failure: FailureRecord) -> dict[str, Any]:
    """``render_failures.error_details``."""
    return {
        "message": failure.message,
        "stage": failure.stage,
        "provider": failure.provider,
        "retryable": failure.retryable,
        "details": failure.details,
    }


def definition_values(definition: ScheduleDefinition) -> dict[str, Any]:
    """The columns that the config decides."""
    return {
        "job_type": definition.job_type,
        "cron": definition.cron,
        "timezone": definition.timezone,
        "deadline": None if definition.deadline is None else definition.deadline.isoformat(),
        "catch_up_s": definition.catch_up_s,
        "payload": definition.payload,
        "priority": definition.priority,
        "enabled": definition.enabled,
        "one_off": [at.isoformat() for at in definition.at],
        "holidays": [day.isoformat() for day in definition.holidays],
        "latest_start": None if definition.latest_start is None else definition.latest_start.isoformat(),
        "start_early": definition.start_early,
        "payload_file": definition.payload_file,
    }


def schedule_of(row: Values) -> ScheduleState:
    """A schedule and what has become of it."""
    return ScheduleState(
        definition=ScheduleDefinition(
            name=row["name"],
            job_type=row["job_type"],
            cron=row["cron"],
            timezone=row["timezone"],
            deadline=None if row["deadline"] is None else time.fromisoformat(row["deadline"]),
            catch_up_s=row["catch_up_s"],
            payload=row["payload"],
            priority=row["priority"],
            enabled=bool(row["enabled"]),
            at=tuple(datetime.fromisoformat(at) for at in row["one_off"]),
            holidays=tuple(date.fromisoformat(day) for day in row["holidays"]),
            latest_start=None if row["latest_start"] is None else time.fromisoformat(row["latest_start"]),
            start_early=bool(row["start_early"]),
            payload_file=row["payload_file"],
        ),
        last_fire=row["last_fire"],
        paused=bool(row["paused"]),
        skip_dates=tuple(sorted(date.fromisoformat(day) for day in row["skip_dates"])),
        last_job_id=row["last_job_id"],
    )


def probe_of(row: Values) -> Probe:
    """One health check."""
    return Probe(
        service=row["service"],
        at=row["at"],
        ok=bool(row["ok"]),
        degraded=bool(row["degraded"]),
        latency_ms=row["latency_ms"],
        http_status=row["http_status"],
        error=row["error"],
        doubtful=bool(row["doubtful"]),
    )
