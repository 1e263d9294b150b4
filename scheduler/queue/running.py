"""A job in hand: the task that works on it, what its heartbeat reports, and why it is being stopped."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from scheduler.domain.failure import FailureClass, JobError
from scheduler.domain.job import JobResult, Lease
from scheduler.ports.store import StoreError
from scheduler.store.decisions import spell_seconds

STACK_CHARS = 8000


class Runner(Protocol):
    """Makes what a job asks for."""

    async def run(
        self,
        lease: Lease,
        *,
        lease_s: float,
        report: Callable[[float, str], None],
        checkpointed: Callable[[], None],
    ) -> JobResult:
        """One render of the leased job.

        It is stopped by cancellation, which it honours within 2 seconds.

        Args:
            lease: the right to work on it; every write goes under it.
            lease_s: seconds by which each checkpoint extends it.
            report: overall progress 0–1 and the stage that runs.
            checkpointed: to be called after a checkpoint (or a part) was kept and more is to come: here a stopping
                worker can break off without losing work.

        Raises:
            RenderFailedError: no way through; carries the error and whether a later pass may do better.
            LeaseLostError: the job belongs to someone else now.
        """
        ...


class Stop(StrEnum):
    """Why we stop a job that runs."""

    LOST = "lost"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"
    STOPPING = "stopping"


@dataclass(slots=True)
class Running:
    """A job in hand.

    Attributes:
        limit_s: seconds it may run, None without limit.
        at_checkpoint: break off at the next checkpoint: the worker is stopping.
        told: set when the runner was told to stop.
        ended: set when everything about it has been written.
    """

    lease: Lease
    task: asyncio.Task[JobResult] | None = None
    progress: float = 0.0
    stage: str | None = "claimed"
    stop: Stop | None = None
    at_checkpoint: bool = False
    told: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def limit_s(self) -> float | None:
        """Seconds from its claim to its time limit, both by the database's clock; None: it has none."""
        job = self.lease.job
        return None if job.time_limit_at is None else (job.time_limit_at - job.updated_at).total_seconds()

    def report(self, progress: float, stage: str) -> None:
        """Hear how far it is."""
        self.progress, self.stage = progress, stage

    def checkpointed(self) -> None:
        """Something was kept: the place to break off, if the worker is stopping."""
        if self.at_checkpoint:
            self.end(Stop.STOPPING)

    def end(self, why: Stop) -> None:
        """Cancel the runner; the first reason stands."""
        if self.stop is None and self.task is not None and not self.task.done():
            self.stop = why
            self.told.set()
            self.task.cancel()


def timed_out(running: Running, now: datetime) -> JobError:
    """The error of a job that ran past its limit; the message says the limit."""
    limit = spell_seconds(round(running.limit_s or 0.0, 1))
    return JobError(
        f"timed out after {limit}, the limit of job type {running.lease.job.job_type}",
        FailureClass.TIMEOUT,
        now,
        stage=running.stage,
    )


def unexpected(error: BaseException, now: datetime) -> JobError:
    """The error of a job that died of something nobody foresaw: the stack is kept."""
    stack = "".join(traceback.format_exception(error))[-STACK_CHARS:]
    return JobError(f"{type(error).__name__}: {error}", FailureClass.UNKNOWN, now, stack=stack)


def store_trouble(error: BaseException) -> StoreError | None:
    """The error of the database that a runner died of, also where several of its tasks did; None: it was another.

    A group with anything else in it is judged by that: the database was not all that went wrong.
    """
    match error:
        case StoreError():
            return error
        case BaseExceptionGroup():
            group: BaseExceptionGroup[BaseException] = error
            found = [store_trouble(one) for one in group.exceptions]
            return None if None in found else found[0]
        case _:
            return None
