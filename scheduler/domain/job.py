"""Jobs: their states, the transitions between them, and what a worker holds while it runs one.

``TRANSITIONS`` is the one table of what may happen to a job; every store takes its conditions from it, and a test
compares the diagram in ``docs/jobs.md`` with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from scheduler.domain.failure import JobError

JsonObject = Mapping[str, Any]


class JobStatus(StrEnum):
    """Where a job is. *Why* it is there stands apart, in ``Job.error`` and ``Job.reason``."""

    QUEUED = "queued"
    """Waiting to be claimed."""
    PROCESSING = "processing"
    """Under a lease; a worker renders it."""
    COMPLETED = "completed"
    """Published and checked."""
    FAILED = "failed"
    """Not made. With a ``retry_at`` it goes back to queued by itself then; without one it is final."""
    CANCELLED = "cancelled"
    """Stopped by an operator; only an operator starts it again."""

    @property
    def is_final(self) -> bool:
        """Whether no worker will touch the job again unless an operator says so (FAILED: see ``Job.is_final``)."""
        return self not in {JobStatus.QUEUED, JobStatus.PROCESSING}


class Priority(StrEnum):
    """How urgent a job is; within one priority jobs run first in, first out."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for high, 1 for normal, 2 for low: the smaller runs first."""
        return list(Priority).index(self)


@dataclass(frozen=True, slots=True)
class Transition:
    """One way a job changes state.

    Attributes:
        name: what happens, as a verb.
        sources: the states it may happen in.
        target: the state after it.
        why: who does it and when, one sentence for the docs.
        under_lease: whether only the holder of the current lease may do it (engine rule 1, the fence).
    """

    name: str
    sources: frozenset[JobStatus]
    target: JobStatus
    why: str
    under_lease: bool = False


def _t(name: str, sources: set[JobStatus], target: JobStatus, why: str, *, under_lease: bool = False) -> Transition:
    return Transition(name, frozenset(sources), target, why, under_lease)


CLAIM = _t("claim", {JobStatus.QUEUED}, JobStatus.PROCESSING, "a worker takes it under a lease")
COMPLETE = _t("complete", {JobStatus.PROCESSING}, JobStatus.COMPLETED, "the video is out", under_lease=True)
FAIL = _t(
    "fail",
    {JobStatus.PROCESSING},
    JobStatus.FAILED,
    "the pass failed; with tries left a retry_at is set",
    under_lease=True,
)
RELEASE = _t(
    "release",
    {JobStatus.PROCESSING},
    JobStatus.QUEUED,
    "a worker gives it back: it stops, or its database failed",
    under_lease=True,
)
CANCEL_QUEUED = _t("cancel-queued", {JobStatus.QUEUED}, JobStatus.CANCELLED, "an operator cancels it before it runs")
CANCEL_FAILED = _t("cancel-failed", {JobStatus.FAILED}, JobStatus.CANCELLED, "an operator cancels its coming retry")
CANCEL_RUNNING = _t(
    "cancel-running",
    {JobStatus.PROCESSING},
    JobStatus.CANCELLED,
    "its worker honours an operator's cancel",
    under_lease=True,
)
EXPIRE = _t("expire", {JobStatus.PROCESSING}, JobStatus.QUEUED, "the reaper takes back a lease that ran out")
REAP_CANCELLED = _t(
    "reap-cancelled",
    {JobStatus.PROCESSING},
    JobStatus.CANCELLED,
    "the lease ran out while a cancel was asked for",
)
POISON = _t(
    "poison",
    {JobStatus.PROCESSING},
    JobStatus.FAILED,
    "its lease ran out, or its database failed, too many times",
)
TIME_OUT = _t(
    "time-out",
    {JobStatus.PROCESSING},
    JobStatus.FAILED,
    "the stored time limit passed, and the lease ran out or 30 s more went by",
)
RETRY_DUE = _t("retry-due", {JobStatus.FAILED}, JobStatus.QUEUED, "retry_at has come")
RETRY = _t(
    "retry",
    {JobStatus.FAILED, JobStatus.CANCELLED},
    JobStatus.QUEUED,
    "an operator's retry: count reset, checkpoints kept",
)
RERENDER = _t(
    "rerender",
    {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED},
    JobStatus.QUEUED,
    "an operator wants it made anew: count reset, checkpoints dropped",
)

TRANSITIONS: tuple[Transition, ...] = (
    CLAIM,
    COMPLETE,
    FAIL,
    RELEASE,
    CANCEL_QUEUED,
    CANCEL_FAILED,
    CANCEL_RUNNING,
    EXPIRE,
    REAP_CANCELLED,
    POISON,
    TIME_OUT,
    RETRY_DUE,
    RETRY,
    RERENDER,
)


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What is asked for: the arguments of an enqueue.

    Attributes:
        job_type: ``daily_ca``, ``doubt``, …
        payload: JSON object, the job type's input.
        idempotency_key: unique over all jobs; a second enqueue with it changes nothing. None: no key.
        deadline_at: when the result must be out (aware), or None.
        max_retries: None takes the job type's setting from ``job_queue_config``.
    """

    job_type: str
    payload: JsonObject = field(default_factory=dict[str, Any])
    priority: Priority = Priority.NORMAL
    idempotency_key: str | None = None
    schedule_name: str | None = None
    run_date: date | None = None
    deadline_at: datetime | None = None
    max_retries: int | None = None


UPGRADE = "upgrade"
"""The job type of upgrades: a degraded video is made anew in full. Only predawn itself queues them."""


def upgraded_at(job: Job) -> datetime | None:
    """When the video of a job was replaced by its full form; None: it was not since it was last made."""
    noted = job.payload.get("upgraded_at")
    try:
        at = datetime.fromisoformat(noted) if isinstance(noted, str) else None
    except ValueError:
        return None
    # A job that was made anew since has another attempt.
    return (
        at if at is not None and at.tzinfo is not None and job.payload.get("upgraded_attempt") == job.attempt else None
    )


@dataclass(frozen=True, slots=True)
class JobResult:
    """What a completed job leaves: merged into its payload (contracts.md, the ``jobs`` table).

    Attributes:
        video_url: where the published video is (``file://`` or ``https://``).
        duration: length of the video in seconds.
        degraded: made with any provider but the first of its chain.
    """

    video_url: str
    thumbnail_url: str | None
    duration: float
    degraded: bool


@dataclass(frozen=True, slots=True)
class Job:
    """A row of ``jobs``, something to be made. All times are aware UTC.

    Attributes:
        seq: grows by insertion; the tie-breaker of FIFO and the key of pages.
        attempt: fencing number, one more at each claim; a write under an older one is refused.
        crash_count: leases that ran out and passes that the database failed under, apart from ``retry_count``.
        time_limit_at: when the reaper ends it whatever its worker says, set at the claim.
        progress: 0–1 of the current render.
        stage: the stage that runs now, for people.
        reason: why it is in its state, for people (``cancelled by ann``), beside ``error``.
    """

    id: str
    seq: int
    job_type: str
    priority: Priority
    status: JobStatus
    payload: JsonObject
    retry_count: int
    max_retries: int
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: JobError | None = None
    idempotency_key: str | None = None
    schedule_name: str | None = None
    run_date: date | None = None
    deadline_at: datetime | None = None
    retry_at: datetime | None = None
    lease_owner: str | None = None
    lease_expires_at: datetime | None = None
    attempt: int = 0
    crash_count: int = 0
    time_limit_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    progress: float = 0.0
    stage: str | None = None
    degraded: bool = False
    reason: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to the job by itself."""
        return self.status.is_final and self.retry_at is None


@dataclass(frozen=True, slots=True)
class Enqueued:
    """The answer to an enqueue: the job, and whether this call made it (False: the key was taken)."""

    job: Job
    created: bool


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one job until the lease runs out.

    Every write under it carries ``status='processing' AND lease_owner=owner AND attempt=attempt``; no row changed
    means that it is lost, and the worker drops what it does (engine rule 1).
    """

    job: Job
    owner: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The answer to a heartbeat.

    Attributes:
        held: False when the lease is lost.
        cancel_requested: an operator asked to stop.
    """

    held: bool
    cancel_requested: bool = False


class CancelOutcome(StrEnum):
    """What a cancel did."""

    CANCELLED = "cancelled"
    """It had not started: it is cancelled now."""
    REQUESTED = "requested"
    """It is running: its worker stops it within 2 s."""
    NOT_CANCELLABLE = "not-cancellable"
    """It had already ended."""


@dataclass(frozen=True, slots=True)
class QueueConfig:
    """A row of ``job_queue_config``: the limits of one job type.

    Attributes:
        concurrency: jobs of this type at once over all workers (the cap of 10 over all types stands above it).
        timeout_s: seconds a job may run; 0: no limit but its deadline.
        max_retries: automatic retries of a failed job.
        retry_delay_s: seconds from a failure to its retry.
        paused: nothing of this type is claimed.
    """

    job_type: str
    concurrency: int = 10
    timeout_s: float = 600.0
    max_retries: int = 3
    retry_delay_s: float = 300.0
    paused: bool = False


@dataclass(frozen=True, slots=True)
class DepthPart:
    """How many jobs of one type and priority are in one state."""

    status: JobStatus
    job_type: str
    priority: Priority
    count: int


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How many jobs are in which state, and how long the oldest queued one has waited (seconds; None: none waits).

    Attributes:
        parts: the same by type and priority too; what is zero is left out.
    """

    by_status: Mapping[JobStatus, int]
    oldest_queued_age_s: float | None = None
    parts: tuple[DepthPart, ...] = ()

    def of(self, status: JobStatus) -> int:
        """How many jobs are in ``status``."""
        return self.by_status.get(status, 0)


@dataclass(frozen=True, slots=True)
class ReapReport:
    """What one pass of the reaper changed: job ids by what happened to them."""

    expired: tuple[str, ...] = ()
    poisoned: tuple[str, ...] = ()
    timed_out: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()
    retried: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any((self.expired, self.poisoned, self.timed_out, self.cancelled, self.retried))
