"""Tonight: which run the verdict is about, and what the verdict is. Pure but for its arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.domain.deadline import Prediction, Verdict, verdict
from scheduler.domain.job import Job, JobStatus
from scheduler.domain.render import Render
from scheduler.domain.schedule import Fire, ScheduleState
from scheduler.domain.snapshot import StageView, Tonight
from scheduler.nights.start import Content
from scheduler.schedules.due import HOLD, candidates, held_back, latest_start_of

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


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is known of a run that has not started.

    Attributes:
        early_s: seconds by which it starts before its nominal time, because history says that it must.
        latest_start_at: its latest safe start.
        content: whether there is something to make it from.
        content_before_s: seconds before the start from which on missing content is a risk.
    """

    early_s: float = 0.0
    latest_start_at: datetime | None = None
    content: Content | None = None
    content_before_s: float = 0.0

    def lacks_content(self, begins: datetime, now: datetime) -> bool:
        """Whether content is missing that will not be there, or should be by now."""
        if self.content is None or self.content.ready is not False:
            return False
        return self.content.hopeless or (begins - now).total_seconds() <= self.content_before_s


def choose(states: Sequence[ScheduleState], job_of: Callable[[str], Job | None], now: datetime) -> Run | None:
    """The run that matters now: the most urgent of ``runs_in_sight``."""
    return next(iter(runs_in_sight(states, job_of, now)), None)


def runs_in_sight(states: Sequence[ScheduleState], job_of: Callable[[str], Job | None], now: datetime) -> list[Run]:
    """Of every schedule with a deadline the newest run that is still open, else the next; the most urgent first.

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
    return sorted(runs, key=lambda run: _urgency(run, now))


def _still_owed(state: ScheduleState, fire: Fire, now: datetime) -> bool:
    """Whether a nominal time that has passed without a job concerns us: the schedule was already running here then."""
    if held_back(state, fire) is not None or state.last_fire is None:
        return False
    return state.last_fire <= fire.nominal.astimezone(UTC) <= now


def _urgency(run: Run, now: datetime) -> tuple[int, datetime]:
    """Unfinished before finished, then the nearest deadline."""
    done = run.job is not None and run.job.is_final
    return int(done), run.deadline_at or now + HOLD


def starts_at(run: Run, now: datetime, *, early_s: float = 0.0) -> datetime | None:
    """When the run will start by itself, or None when it has (or is held back, or it is too late for that).

    ``early_s``: seconds by which it starts before its nominal time.
    """
    if run.job is not None or held_back(run.state, run.fire) is not None:
        return None
    latest = latest_start_of(run.state.definition, run.fire.nominal)
    if (now - run.fire.nominal).total_seconds() > run.state.definition.catch_up_s or (latest and now > latest):
        return None
    return max(run.fire.nominal.astimezone(UTC) - timedelta(seconds=early_s), now)


def describe(run: Run, says: Verdict, now: datetime, *, early_s: float = 0.0) -> str:
    """One sentence: what is going on or wrong."""
    job = run.job
    if job is None:
        return _describe_unqueued(run, now, early_s)
    match job.status:
        case JobStatus.COMPLETED:
            said = "published, degraded: a fallback was used" if job.degraded else "published"
        case JobStatus.FAILED:
            why = job.error.message if job.error else "unknown error"
            said = f"retries {_clock(run, job.retry_at)} after: {why}" if job.retry_at else f"failed: {why}"
        case JobStatus.CANCELLED:
            said = job.reason or "cancelled"
        case JobStatus.QUEUED:
            said = "queued, waiting for a worker"
        case JobStatus.PROCESSING:
            asked = " · cancel asked for" if job.cancel_requested_at else ""
            late = " · late" if says is Verdict.MISSED else ""
            said = f"rendering: {job.stage or 'starting'} · {job.progress:.0%}{asked}{late}"
    return said


def _clock(run: Run, at: datetime) -> str:
    """A time of day as all times are told: in the deadline's zone, by its name."""
    return f"{at.astimezone(ZoneInfo(run.state.definition.timezone)):%H:%M %Z}"


def _describe_unqueued(run: Run, now: datetime, early_s: float = 0.0) -> str:
    name, nominal, definition = run.state.definition.name, run.fire.nominal, run.state.definition
    why = held_back(run.state, run.fire)
    if run.state.paused:
        return f"schedule {name} is paused: nothing will start (predawn schedules resume {name})"
    if why is not None:
        return f"{run.fire.run_date}: {why}"
    if nominal > now:
        if early_s > 0:
            begins = nominal - timedelta(seconds=early_s)
            return (
                f"starts {begins:%a %H:%M %Z}, {early_s / 60:.0f} min before its time: "
                "history says that it would be too late"
            )
        return f"starts {nominal:%a %H:%M %Z}"
    latest = latest_start_of(definition, nominal)
    if (now - nominal).total_seconds() > definition.catch_up_s or (latest is not None and now > latest):
        return f"the start at {nominal:%H:%M %Z} was missed: run it with `predawn schedules run {name}`"
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
    ahead: Ahead | None = None,
) -> Tonight:
    """Put together what the console shows of a run; ``run`` None: there is none, and ``nothing`` says why.

    ``published_at``: when a video of the job was first out, also while it is made anew. ``hands``: whether any process
    that could start or go on with the run is alive. ``ahead``: what is known of a run that has not started.
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
    job, deadline_at, ahead = run.job, run.deadline_at, ahead or Ahead()
    completed_at = job.completed_at if job is not None and job.status is JobStatus.COMPLETED else None
    # The first one out counts: what is made anew later only replaces it.
    ready_at = published_at or completed_at
    idle_hands = not hands and ready_at is None
    begins = starts_at(run, now, early_s=ahead.early_s)
    held = job is None and begins is None
    says = verdict(
        now=now,
        deadline_at=deadline_at,
        ready_at=ready_at,
        failed=(job is not None and job.is_final and ready_at is None) or held or idle_hands,
        prediction=prediction,
        warning_s=warning_s,
    )
    missing = ahead.content.note if ahead.content is not None and begins is not None else ""
    if says is Verdict.ON_TRACK and begins is not None and ahead.lacks_content(begins, now):
        says = Verdict.AT_RISK
    slack_s = None
    if deadline_at is not None and not idle_hands:
        finish = ready_at or (prediction.p90_at if prediction else None)
        slack_s = None if finish is None else (deadline_at - finish).total_seconds()
    told = describe(run, says, now, early_s=ahead.early_s)
    if missing:
        told = f"{told} · {missing}"
    if ready_at is not None and job is not None and job.status is not JobStatus.COMPLETED:
        told = f"a video is out · {told}"
    return Tonight(
        verdict=says,
        schedule=run.state.definition.name,
        run_date=job.run_date if job is not None and job.run_date else run.fire.run_date,
        timezone=run.state.definition.timezone,
        deadline_at=deadline_at,
        starts_at=begins,
        job=job,
        render=render,
        stages=stages,
        prediction=None if ready_at is not None or idle_hands else prediction,
        slack_s=slack_s,
        note=f"NO DAEMON RUNS, nothing goes on (predawn serve) · {told}" if idle_hands else told,
        latest_start_at=ahead.latest_start_at if job is None else None,
        early_s=ahead.early_s if job is None else 0.0,
        missing=missing,
    )
