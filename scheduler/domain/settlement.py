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
    """A stopping worker gives the job back."""

    lease: Lease
    reason: str


@dataclass(frozen=True, slots=True)
class CancelFinished:
    """The worker has stopped what an operator cancelled."""

    lease: Lease


Settlement = Completed | Failed | Released | CancelFinished
