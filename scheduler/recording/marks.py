"""Which changes are worth a look later. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from scheduler.domain.alert import Alert
from scheduler.domain.job import Job, JobStatus
from scheduler.domain.recording import Mark, MarkKind
from scheduler.domain.service import ServiceState
from scheduler.domain.snapshot import Snapshot

LONGEST = 200
"""Characters of a mark's text."""


def marks_between(before: Snapshot | None, after: Snapshot) -> tuple[Mark, ...]:
    """What happened between two looks, worth a look later; ``before`` None: this is the first."""
    at = after.taken_at
    return tuple(
        Mark(mark.at, mark.kind, mark.text[:LONGEST], mark.subject)
        for found in (
            _verdict(before, after, at),
            _job(before, after, at),
            _fallbacks(before, after, at),
            _services(before, after, at),
        )
        for mark in found
    )


def _verdict(before: Snapshot | None, after: Snapshot, at: datetime) -> Iterable[Mark]:
    old, new = before.tonight if before else None, after.tonight
    if old is None or (old.verdict, old.run_date) != (new.verdict, new.run_date):
        came = (
            f"{old.verdict} → {new.verdict}" if old is not None and old.run_date == new.run_date else new.verdict.value
        )
        yield Mark(at, MarkKind.VERDICT, f"{came}: {new.note}", new.verdict.value)


def _job(before: Snapshot | None, after: Snapshot, at: datetime) -> Iterable[Mark]:
    old = before.tonight.job if before else None
    new = after.tonight.job
    if before is None or new is None:
        return
    same = old is not None and old.id == new.id
    if same and old is not None and old.status is new.status:
        return
    yield Mark(at, MarkKind.JOB, f"{new.job_type} {_word(new)}", new.id)


def _word(job: Job) -> str:
    match job.status:
        case JobStatus.FAILED:
            return f"failed: {job.error.message}" if job.error is not None else "failed"
        case JobStatus.COMPLETED:
            return "completed, degraded" if job.degraded else "completed"
        case JobStatus.PROCESSING:
            return "began to render"
        case JobStatus.QUEUED | JobStatus.CANCELLED:
            return job.status.value


def _fallbacks(before: Snapshot | None, after: Snapshot, at: datetime) -> Iterable[Mark]:
    if before is None:
        return
    known = {call.id for view in before.tonight.stages for call in view.attempts}
    for view in after.tonight.stages:
        for call in view.attempts:
            if call.fallback_position and call.id not in known and not call.resumed:
                yield Mark(at, MarkKind.FALLBACK, f"{view.stage} falls back to {call.provider}", view.stage.value)
                break


def _services(before: Snapshot | None, after: Snapshot, at: datetime) -> Iterable[Mark]:
    if before is None:
        return
    old = {health.service: health.state for health in before.services}
    for health in after.services:
        was = old.get(health.service, ServiceState.UNKNOWN)
        if health.state is was:
            continue
        why = f": {health.last_probe.error}" if health.last_probe is not None and health.last_probe.error else ""
        yield Mark(at, MarkKind.SERVICE, f"{health.service} {was} → {health.state}{why}", health.service)


def alert_marks(before: Sequence[Alert] | None, after: Sequence[Alert], at: datetime) -> tuple[Mark, ...]:
    """Alerts that began to fire, and that are open no more, between two looks; ``before`` None: this is the first."""
    if before is None:
        return ()
    old, new = {one.id for one in before}, {one.id for one in after}
    told = [(one, f"{one.severity}: {one.facts.title}") for one in after if one.id not in old]
    told += [(one, f"over: {one.facts.title}") for one in before if one.id not in new]
    return tuple(Mark(at, MarkKind.ALERT, text[:LONGEST], one.id) for one, text in told)
