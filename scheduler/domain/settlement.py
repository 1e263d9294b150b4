"""How leases end: what a worker hands to ``JobStore.settle_and_claim``, several at a time."""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.domain.failure import JobError
from scheduler.domain.job import JobResult, Lease


@dataclass(frozen=True, slots=True)
class Completed:
    """The video is out."""

    lease: Lease
    result: JobResult


@dataclass(frozen=True, slots=True)
class Failed:
    """The pass failed; ``retryable``: a later one may do better."""

    lease: Lease
    error: JobError
    retryable: bool


@dataclass(frozen=True, slots=True)
class Released:
    """A worker gives the job back unfinished.

    Attributes:
        interrupted: not because the worker stops, but because the database failed under the job: counted like a lease
            that ran out, so that a job at which the database always fails comes to an end.
    """

    lease: Lease
    reason: str
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class CancelFinished:
    """The worker has stopped what an operator cancelled."""

    lease: Lease


Settlement = Completed | Failed | Released | CancelFinished
