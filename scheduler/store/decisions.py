"""What a store decides, as pure functions: the same for every database and for the in-memory store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.domain.failure import FailureClass, JobError
from scheduler.domain.job import (
    EXPIRE,
    POISON,
    REAP_CANCELLED,
    TIME_OUT,
    CancelOutcome,
    DepthPart,
    Job,
    JobStatus,
    QueueConfig,
    QueueDepth,
    Transition,
)

TIME_LIMIT_GRACE_S = 30.0
"""A job over its time limit is left to a worker that still holds it for so long; then it is taken away."""

INTERRUPTED_WORDS = "interrupted: its worker died or lost the lease"
"""Said of the attempts that ran when a worker was lost."""
ENDED_WORDS = "the render ended while it ran"
"""Said of the attempts that ran when their render was ended."""
EXPIRED_WORDS = "its worker fell silent; queued again"
RETRIED_WORDS = "queued again after a failure"


def takes_back(job: Job, now: datetime, *, max_crashes: int) -> Transition | None:
    """What the reaper does with a job that is processing; None: its worker has it.

    An operator's cancel goes first, then the time limit, then the count of leases that ran out.
    """
    expired = job.lease_expires_at is None or job.lease_expires_at <= now
    overdue = job.time_limit_at is not None and job.time_limit_at <= now
    grace = timedelta(seconds=TIME_LIMIT_GRACE_S)
    if not expired and (job.time_limit_at is None or job.time_limit_at + grace > now):
        return None
    if job.cancel_requested_at is not None:
        return REAP_CANCELLED
    if overdue:
        return TIME_OUT
    return POISON if job.crash_count + 1 >= max_crashes else EXPIRE


def retry_in_s(job: Job, config: QueueConfig) -> float | None:
    """Seconds from a failure that may be retried to its retry; None: the tries are used up.

    ``retry_count`` is counted when the retry is queued, so ``max_retries=3`` gives exactly three automatic retries.
    """
    return config.retry_delay_s if job.retry_count < job.max_retries else None


def poison_error(job: Job, now: datetime) -> JobError:
    """Why a job is ended that its workers did not survive."""
    count = job.crash_count + 1
    times = "once" if count == 1 else f"{count} times"
    return JobError(
        message=(
            f"its lease ran out {times}: the workers that ran it died or hung"
            f"{f' in stage {job.stage}' if job.stage else ''}; look at their logs before you retry it"
        ),
        type=FailureClass.UNKNOWN,
        timestamp=now,
        stage=job.stage,
    )


def interrupted_error(job: Job, reason: str, now: datetime) -> JobError:
    """Why a job is ended that was given back once too often."""
    return JobError(
        message=f"{reason}; the job was interrupted {job.crash_count + 1} times; retry it when that is mended",
        type=FailureClass.UNAVAILABLE,
        timestamp=now,
        stage=job.stage,
    )


def time_out_error(job: Job, now: datetime, config: QueueConfig) -> JobError:
    """Why a job is ended that ran too long."""
    limit = (
        f"after {spell_seconds(config.timeout_s)}" if config.timeout_s > 0 else "under the limit it was started with"
    )
    return JobError(message=f"timed out {limit}", type=FailureClass.TIMEOUT, timestamp=now, stage=job.stage)


def milliseconds(start: datetime, end: datetime) -> int:
    """From start to end, never negative: the two may come from different clocks."""
    return max(0, round((end - start).total_seconds() * 1000))


def spell_seconds(value: float) -> str:
    """A length of time in words: ``10 minutes``, ``90 seconds``, ``1.5 seconds``."""
    unit, amount = "second", value
    if value >= 60 and value % 60 == 0:  # noqa: PLR2004 - seconds in a minute
        unit, amount = "minute", value / 60
    if unit == "minute" and amount >= 60 and amount % 60 == 0:  # noqa: PLR2004 - minutes in an hour
        unit, amount = "hour", amount / 60
    return f"{amount:g} {unit}{'' if amount == 1 else 's'}"


def cancel_outcome(job: Job) -> CancelOutcome:
    """What a cancel does to a job in this state."""
    match job.status:
        case JobStatus.QUEUED:
            return CancelOutcome.CANCELLED
        case JobStatus.FAILED if job.retry_at is not None:
            return CancelOutcome.CANCELLED
        case JobStatus.PROCESSING:
            return CancelOutcome.REQUESTED
        case _:
            return CancelOutcome.NOT_CANCELLABLE


@dataclass(frozen=True, slots=True)
class Candidate:
    """A queued job as the claim sees it, in the order of the queue."""

    seq: int
    job_type: str


@dataclass(frozen=True, slots=True)
class Room:
    """What may still be claimed.

    Attributes:
        total: jobs over all types.
        by_type: jobs of a type; types that are not named have ``total``.
    """

    total: int
    by_type: Mapping[str, int]

    @property
    def closed(self) -> tuple[str, ...]:
        """Types of which nothing may be claimed."""
        return tuple(sorted(name for name, left in self.by_type.items() if left <= 0))


def room(processing: Mapping[str, int], configs: Mapping[str, QueueConfig], *, cap: int, default: QueueConfig) -> Room:
    """What may be claimed beside what is processing now.

    Args:
        processing: how many jobs of each type are processing.
        configs: the rows of ``job_queue_config``.
        cap: jobs over all types and workers.
        default: the limits of types without a row.
    """
    total = max(cap - sum(processing.values()), 0)
    names = set(processing) | set(configs)
    left = {name: _room_of(configs.get(name, default), processing.get(name, 0)) for name in names}
    return Room(total, {name: min(amount, total) for name, amount in left.items()})


def _room_of(config: QueueConfig, running: int) -> int:
    return 0 if config.paused else max(config.concurrency - running, 0)


def fits_all(space: Room, *, default_concurrency: int) -> bool:
    """Whether the next jobs can be claimed whatever their types: none has less room than there is over all."""
    return default_concurrency >= space.total and all(left >= space.total for left in space.by_type.values())


def pick(candidates: Iterable[Candidate], space: Room, *, default_concurrency: int) -> tuple[list[Candidate], Room]:
    """The candidates that fit, in order, and the room that is left."""
    by_type = dict(space.by_type)
    total = space.total
    picked: list[Candidate] = []
    for candidate in candidates:
        if total <= 0:
            break
        left = by_type.get(candidate.job_type, default_concurrency)
        if left > 0:
            picked.append(candidate)
            by_type[candidate.job_type] = left - 1
            total -= 1
        else:
            by_type[candidate.job_type] = 0
    return picked, Room(total, by_type)


def depth_of(parts: Iterable[DepthPart], oldest_queued_age_s: float | None) -> QueueDepth:
    """The counters as the console shows them."""
    kept = tuple(parts)
    by_status: dict[JobStatus, int] = {}
    for part in kept:
        by_status[part.status] = by_status.get(part.status, 0) + part.count
    return QueueDepth(by_status, oldest_queued_age_s, kept)


def by_render(number: int) -> str:
    """Who has resolved the failures of a job that a later render has made: the word of ``render_failures``."""
    return f"render {number} of the job"
