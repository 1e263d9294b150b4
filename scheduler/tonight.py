"""Tonight: which run the verdict is about, and what the verdict is. Pure but for its arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from scheduler.domain.deadline import Prediction, Verdict, verdict
from scheduler.domain.job import Job, JobStatus
from scheduler.domain.render import Render
from scheduler.domain.schedule import Fire, ScheduleState
from scheduler.domain.snapshot import StageView, Tonight
from scheduler.schedules.due import HOLD, candidates

DEFAULT_ZONE = "UTC"


@dataclass(frozen=True, slots=True)
class Run:
    """A run that could be tonight's: its schedule, fire, and job if there is one."""

    state: ScheduleState
    fire: Fire
    job: Job | None

    @property
    def deadline_at(self) -> datetime | None:
        """The job's own deadline where it has one (a re-render may have another than its schedule's)."""
        return self.job.deadline_at if self.job and self.job.deadline_at else self.fire.deadline_at


def choose(states: Sequence[ScheduleState], job_of: Callable[[str], Job | None], now: datetime) -> Run | None:
    """The run that matters now: of every schedule the newest that is still open, else the next; then the most urgent.

    Args:
        states: all schedules.
        job_of: the job with an idempotency key.
        now: aware.
    """
    runs: list[Run] = []
    for state in states:
        if not state.definition.enabled or state.definition.deadline is None:
            continue
        before, following = candidates(state.definition, now)
        if before is not None:
            job = job_of(before.key)
            if job is not None or _still_owed(state, before, now):
                runs.append(Run(state, before, job))
                continue
        if following is not None:
            runs.append(Run(state, following, job_of(following.key)))
    return min(runs, key=lambda run: _urgency(run, now), default=None)


def _still_owed(state: ScheduleState, fire: Fire, now: datetime) -> bool:
    """Whether a nominal time that has passed without a job concerns us: the schedule was already running here then."""
    if state.paused or fire.run_date in state.skip_dates or state.last_fire is None:
        return False
    return state.last_fire <= fire.nominal.astimezone(UTC) <= now


def _urgency(run: Run, now: datetime) -> tuple[int, datetime]:
    """Unfinished before finished, then the nearest deadline."""
    done = run.job is not None and run.job.is_final
    return int(done), run.deadline_at or now + HOLD


def starts_at(run: Run, now: datetime) -> datetime | None:
    """When the run will start by itself, or None when it has (or is held back)."""
    if run.job is not None or run.state.paused or run.fire.run_date in run.state.skip_dates:
        return None
    if (now - run.fire.nominal).total_seconds() > run.state.definition.catch_up_s:
        return None
    return max(run.fire.nominal.astimezone(UTC), now)


def describe(run: Run, says: Verdict, now: datetime) -> str:
    """One sentence: what is going on or wrong."""
    job = run.job
    if job is None:
        return _describe_unqueued(run, now)
    match job.status:
        case JobStatus.COMPLETED:
            said = "published, degraded: a fallback was used" if job.degraded else "published"
        case JobStatus.FAILED:
            why = job.error.message if job.error else "unknown error"
            said = f"retries {job.retry_at:%H:%M:%S} UTC after: {why}" if job.retry_at else f"failed: {why}"
        case JobStatus.CANCELLED:
            said = job.reason or "cancelled"
        case JobStatus.QUEUED:
            said = "queued, waiting for a worker"
        case JobStatus.PROCESSING:
            asked = " · cancel asked for" if job.cancel_requested_at else ""
            late = " · late" if says is Verdict.MISSED else ""
            said = f"rendering: {job.stage or 'starting'} · {job.progress:.0%}{asked}{late}"
    return said


def _describe_unqueued(run: Run, now: datetime) -> str:
    name, nominal = run.state.definition.name, run.fire.nominal
    if run.state.paused:
        return f"schedule {name} is paused: nothing will start"
    if run.fire.run_date in run.state.skip_dates:
        return f"{run.fire.run_date} is skipped"
    if nominal > now:
        return f"starts {nominal:%a %H:%M}"
    if (now - nominal).total_seconds() > run.state.definition.catch_up_s:
        return f"the start at {nominal:%H:%M} was missed: run it with `predawn schedules run {name}`"
    return "due, not yet queued"


def tonight(
    run: Run | None,
    *,
    now: datetime,
    render: Render | None,
    stages: tuple[StageView, ...],
    prediction: Prediction | None,
    warning_s: float,
    nothing: str = "no schedule with a deadline is enabled",
    published_at: datetime | None = None,
    hands: bool = True,
) -> Tonight:
    """Put together what the console shows of a run; ``run`` None: there is none, and ``nothing`` says why.

    ``published_at``: when a video of the job was first out, also while it is made anew. ``hands``: whether any process
    that could start or go on with the run is alive.
    """
    if run is None:
        return Tonight(
            verdict=Verdict.IDLE,
            schedule=None,
            run_date=None,
            timezone=DEFAULT_ZONE,
            deadline_at=None,
            starts_at=None,
            job=None,
            render=None,
            stages=stages,
            prediction=None,
            slack_s=None,
            note=nothing,
        )
    job, deadline_at = run.job, run.deadline_at
    completed_at = job.completed_at if job is not None and job.status is JobStatus.COMPLETED else None
    # The first one out counts: what is made anew later only replaces it.
    ready_at = published_at or completed_at
    idle_hands = not hands and ready_at is None
    held = job is None and starts_at(run, now) is None
    says = verdict(
        now=now,
        deadline_at=deadline_at,
        ready_at=ready_at,
        failed=(job is not None and job.is_final and ready_at is None) or held or idle_hands,
        prediction=prediction,
        warning_s=warning_s,
    )
    slack_s = None
    if deadline_at is not None and not idle_hands:
        finish = ready_at or (prediction.p90_at if prediction else None)
        slack_s = None if finish is None else (deadline_at - finish).total_seconds()
    told = describe(run, says, now)
    if ready_at is not None and job is not None and job.status is not JobStatus.COMPLETED:
        told = f"a video is out · {told}"
    return Tonight(
        verdict=says,
        schedule=run.state.definition.name,
        run_date=job.run_date if job is not None and job.run_date else run.fire.run_date,
        timezone=run.state.definition.timezone,
        deadline_at=deadline_at,
        starts_at=starts_at(run, now),
        job=job,
        render=render,
        stages=stages,
        prediction=None if ready_at is not None or idle_hands else prediction,
        slack_s=slack_s,
        note=f"NO DAEMON RUNS, nothing goes on (predawn serve) · {told}" if idle_hands else told,
    )
