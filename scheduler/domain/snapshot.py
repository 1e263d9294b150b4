"""What the console shows: one immutable snapshot per tick, the same for TUI, CLI and API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar

from scheduler.domain.deadline import Prediction, Verdict
from scheduler.domain.job import Job, QueueDepth
from scheduler.domain.render import Attempt, Render, StageName
from scheduler.domain.schedule import ScheduleState
from scheduler.domain.service import ServiceHealth

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; ``next_cursor`` asks for the page after it (None: this is the last)."""

    items: tuple[T, ...]
    next_cursor: str | None = None


class StageState:
    """The words for a stage in ``StageView.state``."""

    WAITING = "waiting"
    RUNNING = "running"
    RETRYING = "retrying"
    DONE = "done"
    FAILED = "failed"
    UNUSED = "not used"
    """The render went by without it: another route made what it would have made, or nothing needed it."""


@dataclass(frozen=True, slots=True)
class StageView:
    """A stage of the running (or last) render of tonight's job.

    Attributes:
        state: one of ``StageState``.
        provider: the one that runs or ran last.
        degraded: done by a fallback.
        attempts: all calls, oldest first (the waterfall).
    """

    stage: StageName
    state: str
    provider: str | None = None
    degraded: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Tonight:
    """The run that the verdict is about.

    Attributes:
        schedule: the schedule's name, None when there is none.
        run_date: the day the video is for.
        timezone: IANA name, the deadline is shown in it.
        job: None before it is queued.
        starts_at: next nominal start, when it has not started (aware).
        slack_s: seconds between P90 and the deadline; negative: late.
        note: one sentence: what is going on or wrong.
        latest_start_at: the latest safe start of a run that has not started.
        early_s: seconds by which it starts before its nominal time, because history says that it must.
        missing: what a run that has not started lacks to be made from, or what will be taken instead.
    """

    verdict: Verdict
    schedule: str | None
    run_date: date | None
    timezone: str
    deadline_at: datetime | None
    starts_at: datetime | None
    job: Job | None
    render: Render | None
    stages: tuple[StageView, ...]
    prediction: Prediction | None
    slack_s: float | None
    note: str
    latest_start_at: datetime | None = None
    early_s: float = 0.0
    missing: str = ""


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """A daemon or worker as it last reported.

    Attributes:
        kind: ``serve``, ``worker``, ``up``.
        alive: its last beat is fresh.
    """

    id: str
    kind: str
    host: str
    pid: int
    started_at: datetime
    beat_at: datetime
    alive: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything one look needs.

    Attributes:
        taken_at: aware UTC; what is shown is as old as this.
        jobs: newest first, bounded.
        daemon: the freshest daemon, or None if none has ever run.
    """

    taken_at: datetime
    tonight: Tonight
    depth: QueueDepth
    services: tuple[ServiceHealth, ...]
    jobs: tuple[Job, ...]
    schedules: tuple[ScheduleState, ...]
    daemon: ProcessInfo | None
