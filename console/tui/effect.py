"""What a command means for tonight's finish, told before it is given: what it changes, and how that is said. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from console import format as fmt
from console.tui.jobactions import STEPS, stepped
from scheduler.domain.job import DepthPart, Job, JobStatus, Priority
from scheduler.domain.snapshot import Snapshot
from scheduler.domain.whatif import Change, Foretold

_NEWS_S = 60
"""Seconds of difference that are worth telling."""


def change_of(action: str, jobs: Iterable[Job], mine: Job | None) -> Change:
    """What an action on jobs would change for tonight's.

    Args:
        action: a name of ``JOB_ACTIONS``.
        jobs: what it would touch.
        mine: tonight's job, None: it is not queued yet.
    """
    counts: Counter[tuple[JobStatus, str, Priority]] = Counter()
    priority = None
    for job in jobs:
        to = stepped(job.priority, STEPS[action]) if action in STEPS else None
        if mine is not None and job.id == mine.id:
            priority = to
            continue
        kind = job.job_type
        if action == "cancel" and job.status in {JobStatus.QUEUED, JobStatus.PROCESSING}:
            counts[job.status, kind, job.priority] -= 1
        elif action in {"retry", "rerender"}:
            counts[JobStatus.QUEUED, kind, job.priority] += 1
        elif to is not None:
            counts[JobStatus.QUEUED, kind, job.priority] -= 1
            counts[JobStatus.QUEUED, kind, to] += 1
    return Change(tuple(DepthPart(*key, count) for key, count in counts.items() if count), priority)


def effect_of_jobs(action: str, jobs: Sequence[Job], mine: Job | None, told: Foretold, now: datetime) -> str | None:
    """What an action on jobs means for tonight: a sentence or two; None where there is nothing to be on time for."""
    if told.deadline_at is None:
        return None
    own = _on_its_own_job(action, mine) if mine is not None and any(job.id == mine.id for job in jobs) else None
    if own is not None and action not in STEPS:
        return own
    return " ".join(part for part in (own, effect(told, now)) if part)


def effect(told: Foretold, now: datetime) -> str | None:
    """P90 before and after, or that it stays; None where there is nothing to be on time for."""
    if told.deadline_at is None:
        return None
    before = told.before.p90_at if told.before is not None else None
    after = told.after.p90_at if told.after is not None else None
    if before is None or after is None:
        return "Tonight's finish is not touched."
    moved = (after - before).total_seconds()
    first = fmt.moment(before, now, told.timezone)
    if abs(moved) < _NEWS_S:
        late = " (after the deadline already)" if before > told.deadline_at else ""
        return f"Tonight's finish stays: P90 {first}{late}."
    side = "later" if moved > 0 else "earlier"
    late = " That is AFTER the deadline." if after > told.deadline_at else ""
    by = fmt.duration(int(abs(moved)) // 60 * 60)
    return f"Tonight's finish: P90 {first} -> {fmt.moment(after, now, told.timezone)}, {by} {side}.{late}"


def effect_of_pause(job_type: str, snapshot: Snapshot | None) -> str:
    """What pausing a job type means for tonight."""
    mine = None if snapshot is None else snapshot.tonight.job
    if snapshot is None or snapshot.tonight.deadline_at is None or (mine is not None and mine.is_final):
        return ""
    made = {one.definition.name: one.definition.job_type for one in snapshot.schedules}
    if (made.get(snapshot.tonight.schedule or "") if mine is None else mine.job_type) != job_type:
        return "Tonight's job is of another type."
    if mine is not None and mine.status is JobStatus.PROCESSING:
        return "Tonight's job runs already and runs on; should it fail, it is not tried again."
    return "TONIGHT'S JOB IS OF THIS TYPE: it does not start until the type is resumed."


def _on_its_own_job(action: str, mine: Job) -> str:
    match action:
        case "cancel":
            return "THIS IS TONIGHT'S JOB: without it there will be no video at the deadline."
        case "retry":
            return "This is tonight's job: its render goes on from the stages that are kept."
        case "rerender" if mine.status is JobStatus.COMPLETED:
            return "This is tonight's job: its video is out and stays until the new one replaces it."
        case "rerender":
            return "This is tonight's job: it begins at the first stage again."
        case _:
            return "This is tonight's job."
