"""A job in hand: the task that works on it, what its heartbeat reports, and why it is being stopped."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from scheduler.domain.failure import FailureClass, JobError
from scheduler.domain.job import JobResult, Lease
from scheduler.ports.store import StoreError
from scheduler.redaction import writable
from scheduler.store.decisions import spell_seconds

STACK_CHARS, MESSAGE_CHARS = 8000, 2000


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
        context: of its tasks: what is logged in it names the job.
        on_told: called when the runner was told to stop.
        last_good: when its lease was last known to be held, by the worker's counter.
        at_checkpoint: break off at the next checkpoint: the worker is stopping.
        alarm: goes off at its time limit.
        beating: a heartbeat is under way.
        abandoned: its runner did not stop when told to; the job is ended without it.
        ended: set when everything about it has been written.
    """

    lease: Lease
    context: Context
    on_told: Callable[[], object]
    last_good: float
    task: asyncio.Task[JobResult] | None = None
    progress: float = 0.0
    stage: str | None = "claimed"
    stop: Stop | None = None
    at_checkpoint: bool = False
    alarm: asyncio.TimerHandle | None = None
    beating: bool = False
    abandoned: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def limit_s(self) -> float | None:
        """Seconds it may run, from its claim to its time limit by the database's clock; None: it has none."""
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
            self.task.cancel()
            self.on_told()


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
    message = writable(f"{type(error).__name__}: {error}", chars=MESSAGE_CHARS)
    return JobError(message, FailureClass.UNKNOWN, now, stack=writable(stack))


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
