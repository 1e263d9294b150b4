"""Jobs as the Orchestrator contract tells of them. Pure.

predawn's ``queued`` is the contract's ``pending``; so is a failed job that will be tried again by itself: it has not
ended.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from scheduler.domain.audit import AuditLine
from scheduler.domain.callback import address, error_document, public
from scheduler.domain.job import Job, JobStatus
from scheduler.domain.render import Attempt
from scheduler.ports.api import JobOutlook

WORDS = {
    JobStatus.QUEUED: "pending",
    JobStatus.PROCESSING: "processing",
    JobStatus.COMPLETED: "completed",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "cancelled",
}
RESULT = ("video_url", "thumbnail_url", "duration", "degraded")


def word_of(job: Job) -> str:
    """The contract's word for a job's state."""
    if job.status is JobStatus.FAILED and job.retry_at is not None:
        return WORDS[JobStatus.QUEUED]
    return WORDS[job.status]


def time(value: datetime | None) -> str | None:
    """ISO 8601 with offset."""
    return None if value is None else value.isoformat()


def job_view(job: Job, *, remaining_s: float | None = None) -> dict[str, Any]:
    """A job, without what was done for it."""
    done = job.status is JobStatus.COMPLETED
    return {
        "job_id": job.id,
        "job_type": job.job_type,
        "status": word_of(job),
        "priority": job.priority.value,
        "progress": 100.0 if done else round(job.progress * 100, 1),
        "stage": job.stage,
        "estimated_time_remaining": None if remaining_s is None else round(remaining_s, 1),
        "created_at": time(job.created_at),
        "updated_at": time(job.updated_at),
        "started_at": time(job.started_at),
        "completed_at": time(job.completed_at),
        "deadline_at": time(job.deadline_at),
        "retry_at": time(job.retry_at),
        "retry_count": job.retry_count,
        **result_view(job),
        "error": error_view(job),
        "reason": job.reason,
    }


def result_view(job: Job) -> dict[str, Any]:
    """What a completed job has made; nothing of it before."""
    done = job.status is JobStatus.COMPLETED
    return {
        "video_url": video_url(job) if done else None,
        "thumbnail_url": thumbnail_url(job) if done else None,
        "duration": job.payload.get("duration") if done else None,
        "degraded": job.degraded,
    }


def video_url(job: Job) -> str | None:
    """Where the video can be fetched: its public address, or this API where it lies on this machine."""
    url = job.payload.get("video_url")
    return address(job.id, url) if isinstance(url, str) else None


def thumbnail_url(job: Job) -> str | None:
    """The picture's public address; None where it only lies on this machine (see ``/jobs/{id}/outputs``)."""
    url = job.payload.get("thumbnail_url")
    return public(url) if isinstance(url, str) else None


def error_view(job: Job) -> dict[str, Any] | None:
    """Why it failed: class, message, place and time; stacks stay in predawn's own tools."""
    return error_document(job.error) if job.status is JobStatus.FAILED else None


def attempt_view(attempt: Attempt) -> dict[str, Any]:
    """One call of one provider."""
    return {
        "id": attempt.id,
        "render_id": attempt.render_id,
        "stage": attempt.stage.value,
        "provider": attempt.provider,
        "status": attempt.status.value,
        "started_at": time(attempt.started_at),
        "duration_ms": attempt.duration_ms,
        "retry_count": attempt.retry_count,
        "fallback_position": attempt.fallback_position,
        "resumed": attempt.resumed,
        "error_class": attempt.error_class.value if attempt.error_class is not None else None,
        "error_message": attempt.error_message,
    }


def outlook_view(outlook: JobOutlook) -> dict[str, Any]:
    """A job with everything done for it."""
    view = job_view(outlook.job, remaining_s=outlook.remaining_s)
    return {**view, "attempts": [attempt_view(attempt) for attempt in outlook.attempts]}


def audit_view(line: AuditLine) -> dict[str, Any]:
    """A line of the audit trail."""
    entry = line.entry
    return {
        "line": line.seq,
        "at": time(line.at),
        "actor": entry.actor,
        "role": entry.role.value,
        "via": entry.via,
        "origin": entry.origin,
        "command": entry.command,
        "target": entry.target,
        "outcome": entry.outcome.value,
        "message": entry.message or None,
        "detail": entry.detail,
        "hash": line.hash,
    }
