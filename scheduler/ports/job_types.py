"""What operators read and do about job types; part of ``Operations``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from scheduler.domain.job import QueueConfig
from scheduler.domain.limits import LimitsChange

if TYPE_CHECKING:
    from scheduler.ports.operations import Actor


@dataclass(frozen=True, slots=True)
class JobTypeState:
    """A job type as the queue sees it.

    Attributes:
        limits: what holds for it now.
        queued: jobs that wait.
        processing: jobs that run.
    """

    limits: QueueConfig
    queued: int
    processing: int


class TypeOperations(Protocol):
    """Limits of job types, and pausing them."""

    def job_types(self) -> tuple[JobTypeState, ...]:
        """All types that this installation knows, has limits for or has jobs of, by name."""
        ...

    def pause_type(self, job_type: str, *, paused: bool, actor: Actor) -> QueueConfig:
        """Claim nothing of a type any more, or again; what runs, runs on.

        Raises:
            NotFoundError: no such type here.
        """
        ...

    def set_limits(self, job_type: str, change: LimitsChange, *, actor: Actor) -> QueueConfig:
        """Change the limits of a type; they hold from the next claim and the next failure on.

        Raises:
            NotFoundError: no such type here.
            InvalidError: a value that no limit can have.
        """
        ...
