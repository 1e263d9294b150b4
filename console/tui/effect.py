"""What a command means for tonight's finish, told before it is given. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from console import format as fmt
from scheduler.domain.job import Job, JobStatus
from scheduler.domain.snapshot import Snapshot

AT_ONCE = 10
"""Jobs processed at once over all workers (design.md)."""


def effect_on_tonight(action: str, jobs: Sequence[Job], snapshot: Snapshot | None, now: datetime) -> str | None:
    """One sentence: P90 before and after, or that it does not change; None where there is nothing to be on time for.

    Only waiting can change for another job than tonight's: what renders side by side has a slot of its own. So the
    sum counts who would be claimed before tonight's job, and how long a slot is taken by one.

    Args:
        action: a name of ``JOB_ACTIONS``.
        jobs: what it would touch.
        snapshot: how things stand.
        now: aware UTC.
    """
    deadline = None if snapshot is None else snapshot.tonight.deadline_at
    if snapshot is None or deadline is None:
        return None
    tonight, mine = snapshot.tonight, snapshot.tonight.job
    if mine is not None and any(job.id == mine.id for job in jobs):
        return _on_its_own_job(action, mine)
    prediction = tonight.prediction
    if prediction is None or prediction.p90_at is None:
        return "Tonight's finish is not touched."
    before = fmt.moment(prediction.p90_at, now, tonight.timezone)
    if mine is None or mine.status is not JobStatus.QUEUED:
        return f"Tonight's finish stays: P90 {before} (its render has a slot of its own)."
    ahead = _ahead(snapshot, mine)
    shift = _shift(action, jobs, mine)
    taken_s = max((prediction.p90_at - now).total_seconds(), 0.0)
    waits = max(ahead + shift + _running(snapshot) - AT_ONCE + 1, 0)
    waited = max(ahead + _running(snapshot) - AT_ONCE + 1, 0)
    moved = (waits - waited) / AT_ONCE * taken_s
    if abs(moved) < 60:  # noqa: PLR2004 - less than a minute is no news
        return f"Tonight's finish stays: P90 {before}."
    after = prediction.p90_at + timedelta(seconds=moved)
    late = " That is AFTER the deadline." if after > deadline else ""
    return f"Tonight's finish: P90 {before} -> about {fmt.moment(after, now, tonight.timezone)}.{late}"


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


def _ahead(snapshot: Snapshot, mine: Job) -> int:
    """Queued jobs that are claimed before tonight's, by priority; within its own priority the list says."""
    parts = [part for part in snapshot.depth.parts if part.status is JobStatus.QUEUED]
    higher = sum(part.count for part in parts if part.priority.rank < mine.priority.rank)
    same = [job for job in snapshot.jobs if job.status is JobStatus.QUEUED and job.priority is mine.priority]
    return higher + sum(job.seq < mine.seq for job in same)


def _running(snapshot: Snapshot) -> int:
    return snapshot.depth.of(JobStatus.PROCESSING)


def _shift(action: str, jobs: Sequence[Job], mine: Job) -> int:
    """How many more (or fewer) stand before tonight's job afterwards."""
    before = [job for job in jobs if job.status is JobStatus.QUEUED and (job.priority.rank, job.seq) < _place(mine)]
    running = sum(job.status is JobStatus.PROCESSING for job in jobs)
    match action:
        case "cancel":
            return -len(before) - running
        case "retry" | "rerender":
            return sum(job.priority.rank < mine.priority.rank for job in jobs)
        case "raise":
            after = [job for job in jobs if (max(job.priority.rank - 1, 0), job.seq) < _place(mine)]
            return len(after) - len(before)
        case "lower":
            after = [job for job in before if (min(job.priority.rank + 1, 2), job.seq) < _place(mine)]
            return len(after) - len(before)
        case _:
            return 0


def _place(job: Job) -> tuple[int, int]:
    return (job.priority.rank, job.seq)
