"""Jobs of a local render service: kept in memory and lost on a restart, like those of the real ones."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from integrations.kit.text import one_line
from scheduler.domain.failure import StageFailure

AT_ONCE = 2
"""Renders at the same time; the rest waits."""
MAX_WAITING = 64
"""Jobs that may wait; more are refused."""
FIRST_GUESS_S = 30.0
MAX_FINISHED = 256
"""Finished jobs that are remembered."""

log = logging.getLogger(__name__)


class JobState(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    RENDERING = "rendering"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class QueueFullError(Exception):
    """Too many jobs wait already."""


@dataclass(frozen=True, slots=True)
class Product:
    """What a render made: names of files that are served, and the length in seconds."""

    video: str
    duration_s: float
    thumbnail: str | None = None


Work = Callable[["RenderJob"], Awaitable[Product]]


@dataclass(slots=True)
class RenderJob:
    """One job. ``progress`` is 0–1; ``product`` is set when it is completed, ``error`` when it failed."""

    id: str
    key: str | None
    body: bytes
    state: JobState = JobState.QUEUED
    progress: float = 0.0
    product: Product | None = None
    error: str | None = None
    created: float = field(default_factory=time.monotonic)
    task: asyncio.Task[None] | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state not in {JobState.QUEUED, JobState.RENDERING}

    def remaining_s(self) -> float:
        """Seconds it still takes, from how far it has come since it was submitted; a guess before it has."""
        if self.progress <= 0:
            return FIRST_GUESS_S
        return round((time.monotonic() - self.created) * (1 - self.progress) / self.progress, 1)

    def report(self, fraction: float, _message: str = "") -> None:
        """Take the renderer's progress."""
        self.progress = max(self.progress, min(max(fraction, 0.0), 1.0))


class RenderQueue:
    """The jobs of one service.

    Args:
        at_once: renders at the same time.
    """

    def __init__(self, *, at_once: int = AT_ONCE) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._jobs: dict[str, RenderJob] = {}

    @property
    def active(self) -> int:
        """Jobs that render now."""
        return sum(job.state is JobState.RENDERING for job in self._jobs.values())

    @property
    def waiting(self) -> int:
        """Jobs that wait for a slot."""
        return sum(job.state is JobState.QUEUED for job in self._jobs.values())

    def submit(self, work: Work, *, key: str | None, body: bytes) -> RenderJob:
        """Take a job. The same body under the same key joins the job that still waits or renders.

        Raises:
            QueueFullError: too many wait.
        """
        for job in self._jobs.values():
            if key is not None and job.key == key and job.body == body and not job.is_final:
                return job
        if self.waiting >= MAX_WAITING:
            raise QueueFullError(f"{MAX_WAITING} jobs are waiting already")
        job = RenderJob(id=uuid.uuid4().hex, key=key, body=body)
        self._jobs[job.id] = job
        self._forget_old()
        job.task = asyncio.create_task(self._run(job, work), name=f"render {job.id}")
        return job

    def get(self, job_id: str) -> RenderJob | None:
        """The job, or None when it is not known (any more)."""
        return self._jobs.get(job_id)

    async def cancel(self, job: RenderJob) -> None:
        """Stop a job; returns when its renderer has ended."""
        if job.task is not None and not job.task.done():
            job.task.cancel()
            await asyncio.wait({job.task})
        if not job.is_final:
            job.state = JobState.CANCELLED

    async def close(self) -> None:
        """Stop every job."""
        await asyncio.gather(*(self.cancel(job) for job in list(self._jobs.values()) if not job.is_final))

    async def _run(self, job: RenderJob, work: Work) -> None:
        try:
            async with self._slots:
                job.state = JobState.RENDERING
                job.product = await work(job)
                job.progress, job.state = 1.0, JobState.COMPLETED
        except asyncio.CancelledError:
            job.state = JobState.CANCELLED
            raise
        except StageFailure as failure:
            job.state, job.error = JobState.FAILED, failure.message
        except Exception as error:
            log.exception("render %s failed", job.id)
            job.state, job.error = JobState.FAILED, one_line(f"internal error: {type(error).__name__}: {error}")

    def _forget_old(self) -> None:
        final = [job for job in self._jobs.values() if job.is_final]
        for job in final[: max(0, len(final) - MAX_FINISHED)]:
            del self._jobs[job.id]
