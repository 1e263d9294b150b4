"""Nights: what became of each run date that a schedule with a deadline owed a video. Pure.

A night is told from its job and that job's renders; once told it is kept, also when the job is pruned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from scheduler.domain.deadline import Prediction
from scheduler.domain.job import Job, JobStatus, upgraded_at
from scheduler.domain.render import Render, RenderStatus
from scheduler.domain.schedule import Fire


class NightOutcome(StrEnum):
    """How a night stands against its deadline."""

    OPEN = "open"
    """The deadline is still ahead and no video is out."""
    ON_TIME = "on time"
    LATE = "late"
    """A video came, but after the deadline."""
    MISSED = "missed"
    """The deadline has gone by and there is no video."""
    SKIPPED = "skipped"
    """Nothing was owed: an operator skipped the date or paused the schedule, or it is a holiday."""

    @property
    def counts(self) -> bool:
        """Whether it is a sample of the on-time rate."""
        return self in {NightOutcome.ON_TIME, NightOutcome.LATE, NightOutcome.MISSED}


@dataclass(frozen=True, slots=True)
class Night:
    """A row of ``nights``: one run date of one schedule. All times are aware UTC.

    Attributes:
        timezone: IANA name, the deadline's.
        nominal_at: when the schedule said that it starts.
        due_at: its deadline.
        started_at: when its first render began.
        ready_at: when its first video was out; what is made anew later only replaces it.
        degraded: whether that first video was; None: there is none.
        upgraded_at: when a full video took the place of a degraded one.
        p50_at: what was predicted when the run began, for the calibration.
        note: why there is no video, or none in time.
    """

    schedule: str
    run_date: date
    timezone: str
    nominal_at: datetime
    due_at: datetime
    outcome: NightOutcome
    job_id: str | None = None
    started_at: datetime | None = None
    ready_at: datetime | None = None
    degraded: bool | None = None
    upgraded_at: datetime | None = None
    p50_at: datetime | None = None
    p90_at: datetime | None = None
    note: str = ""

    @property
    def margin_s(self) -> float | None:
        """Seconds between the video and the deadline; negative: late; None: there is no video."""
        return None if self.ready_at is None else (self.due_at - self.ready_at).total_seconds()


NOTE_CHARS = 500
"""Characters of a night's note that are kept."""


def night_of(
    fire: Fire,
    timezone: str,
    *,
    job: Job | None,
    renders: Sequence[Render],
    held: str | None,
    now: datetime,
    known: Night | None = None,
    prediction: Prediction | None = None,
) -> Night | None:
    """The record of one fire as it stands now; None: it has no deadline.

    Args:
        fire: the nominal start.
        timezone: the deadline's, IANA.
        job: its job, or None when there is none (any more).
        renders: the job's renders.
        held: why nothing was owed (``skipped``, ``paused``, ``holiday``), or None.
        now: aware.
        known: what was recorded before; what can no longer be told from the job is taken from it.
        prediction: when the run will be out, as foretold now; the first one is kept.
    """
    if fire.deadline_at is None:
        return None
    due_at = job.deadline_at if job is not None and job.deadline_at and known is None else fire.deadline_at
    night = known or Night(fire.schedule, fire.run_date, timezone, fire.nominal, due_at, NightOutcome.OPEN)
    if job is not None:
        night = _with_job(night, job, renders)
    if night.p90_at is None and night.ready_at is None and prediction is not None:
        night = replace(night, p50_at=prediction.p50_at, p90_at=prediction.p90_at)
    outcome = _outcome(night, held, now)
    return replace(night, outcome=outcome, note=_note(night, outcome, job, held)[:NOTE_CHARS])


def _with_job(night: Night, job: Job, renders: Sequence[Render]) -> Night:
    done = sorted(
        ((render.finished_at, render) for render in renders if _is_out(render) and render.finished_at is not None),
        key=lambda pair: pair[0],
    )
    night = replace(
        night,
        job_id=job.id,
        started_at=night.started_at or min((render.started_at for render in renders), default=job.started_at),
    )
    if night.ready_at is None:
        if done:
            night = replace(night, ready_at=done[0][0], degraded=done[0][1].degraded)
        elif job.status is JobStatus.COMPLETED and job.completed_at is not None:
            night = replace(night, ready_at=job.completed_at, degraded=job.degraded)
    if night.degraded and night.upgraded_at is None and night.ready_at is not None:
        full = (at for at, render in done if not render.degraded and at > night.ready_at)
        # A full video is made by a job of its own (an upgrade), or by this one when somebody has it made anew.
        night = replace(night, upgraded_at=upgraded_at(job) or next(full, None))
    return night


def _is_out(render: Render) -> bool:
    return render.status is RenderStatus.COMPLETED


def _outcome(night: Night, held: str | None, now: datetime) -> NightOutcome:
    if night.ready_at is not None:
        return NightOutcome.ON_TIME if night.ready_at <= night.due_at else NightOutcome.LATE
    if night.job_id is None and (held is not None or night.outcome is NightOutcome.SKIPPED):
        return NightOutcome.SKIPPED
    return NightOutcome.OPEN if now < night.due_at else NightOutcome.MISSED


def _note(night: Night, outcome: NightOutcome, job: Job | None, held: str | None) -> str:
    match outcome:
        case NightOutcome.ON_TIME | NightOutcome.OPEN:
            return ""
        case NightOutcome.SKIPPED:
            return held or night.note
        case NightOutcome.LATE:
            return night.note or _why(job)
        case NightOutcome.MISSED:
            return _why(job) if job is not None else night.note or "never started"


def _why(job: Job | None) -> str:
    if job is None:
        return ""
    if job.error is not None:
        return job.error.message
    match job.status:
        case JobStatus.CANCELLED:
            return job.reason or "cancelled"
        case JobStatus.QUEUED:
            return "still queued at the deadline"
        case JobStatus.PROCESSING:
            return f"still rendering at the deadline ({job.stage or 'starting'})"
        case JobStatus.COMPLETED | JobStatus.FAILED:
            return ""
