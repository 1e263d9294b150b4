"""The worker: claims jobs, keeps their leases alive, runs them and says how they ended.

It knows nothing of pipelines: a ``Runner`` makes the video. Whatever happens to a job while it runs (cancelled, timed
out, lease lost, worker stopping) ends the runner's task by cancellation; why it was cancelled is decided here.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import structlog

from config.settings import QueueSettings
from scheduler.domain.failure import FailureClass, JobError, LeaseLostError, RenderFailedError
from scheduler.domain.job import JobResult, Lease
from scheduler.domain.render import RenderStatus
from scheduler.ports.clock import Clock
from scheduler.ports.store import Store, StoreError

log = structlog.get_logger("predawn.worker")

Blocking = Callable[..., Awaitable[Any]]


class Runner(Protocol):
    """Makes what a job asks for."""

    async def run(self, lease: Lease, *, lease_s: float, report: Callable[[float, str], None]) -> JobResult:
        """One render of the leased job.

        Args:
            lease: the right to work on it; every write goes under it.
            lease_s: seconds by which each checkpoint extends it.
            report: overall progress 0–1 and the stage that runs.

        Raises:
            RenderFailedError: no way through; carries the error and whether a later pass may do better.
            LeaseLostError: the job belongs to someone else now.
        """
        ...


class _Stop(StrEnum):
    """Why a running job's task was cancelled by us."""

    LOST = "lost"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"
    STOPPING = "stopping"


@dataclass(slots=True)
class _Running:
    """A job in hand. The one mutable thing: what its heartbeat reports and why it is being stopped."""

    lease: Lease
    task: asyncio.Task[JobResult] | None = None
    progress: float = 0.0
    stage: str | None = None
    stop: _Stop | None = None

    def report(self, progress: float, stage: str) -> None:
        self.progress, self.stage = progress, stage

    def end(self, why: _Stop) -> None:
        """Cancel the runner; the first reason stands."""
        if self.stop is None and self.task is not None and not self.task.done():
            self.stop = why
            self.task.cancel()


class Worker:
    """Runs jobs of one database in this process.

    Args:
        store: the queue.
        runner: makes the videos.
        settings: concurrency, lease and heartbeat.
        owner: this worker's name in leases (``scheduler.queue.owner``).
        clock: the time of day.
        blocking: runs a store call off the event loop.
    """

    def __init__(
        self,
        store: Store,
        runner: Runner,
        settings: QueueSettings,
        owner: str,
        clock: Clock,
        *,
        blocking: Blocking = asyncio.to_thread,
    ) -> None:
        self._store = store
        self._runner = runner
        self._settings = settings
        self._owner = owner
        self._clock = clock
        self._blocking = blocking
        self._wake = asyncio.Event()
        self._running: dict[str, _Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> tuple[str, ...]:
        """Ids of the jobs in hand."""
        return tuple(self._running)

    def wake(self) -> None:
        """There may be something to claim: look now. Call it on the event loop."""
        self._wake.set()

    async def run(self, stop: asyncio.Event, *, grace_s: float = 10.0) -> None:
        """Claim and run jobs until ``stop`` is set; then give back within ``grace_s`` seconds what is in hand."""
        stopping = asyncio.create_task(stop.wait())
        seen: int | None = None
        try:
            while not stop.is_set():
                seen = await self._claim_if_changed(seen)
                self._wake.clear()
                await self._sleep(stopping)
        finally:
            stopping.cancel()
            for running in list(self._running.values()):
                running.end(_Stop.STOPPING)
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=grace_s)

    async def _sleep(self, stopping: asyncio.Task[bool]) -> None:
        """Wait for a wake-up, the poll interval or the end, whichever is first."""
        waking = asyncio.create_task(self._wake.wait())
        try:
            await asyncio.wait({waking, stopping}, timeout=self._settings.poll_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waking.cancel()

    async def _claim_if_changed(self, seen: int | None) -> int | None:
        """Claim as much as fits, if anyone has written since ``seen``; answers what was seen now."""
        free = self._settings.concurrency - len(self._running)
        if free <= 0:
            return None
        try:
            version = await self._blocking(self._store.data_version)
            if version == seen and not self._wake.is_set():
                return seen
            leases: list[Lease] = await self._blocking(
                self._store.claim,
                self._owner,
                limit=free,
                lease_s=self._settings.lease_s,
                cap=self._settings.concurrency,
            )
        except StoreError as error:
            log.warning("the queue cannot be read; trying again", error=str(error))
            return None
        for lease in leases:
            self._start(lease)
        # What this claim wrote has changed the version too: None makes the next look a real one.
        return None if leases else version

    def _start(self, lease: Lease) -> None:
        running = _Running(lease, stage="claimed")
        self._running[lease.job.id] = running
        task = asyncio.create_task(self._work(running), name=f"job {lease.job.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, running: _Running) -> None:
        """One job from claim to end. Never raises: a database in trouble leaves the job to the reaper."""
        lease = running.lease
        structlog.contextvars.bind_contextvars(job=lease.job.id, job_type=lease.job.job_type)
        log.info("job claimed", attempt=lease.attempt)
        running.task = asyncio.create_task(
            self._runner.run(lease, lease_s=self._settings.lease_s, report=running.report)
        )
        heart = asyncio.create_task(self._beat(running))
        try:
            await self._settle(running)
        except StoreError as error:
            log.warning("how the job ended could not be written; the reaper will take it", error=str(error))
        finally:
            heart.cancel()
            await asyncio.gather(heart, return_exceptions=True)
            self._running.pop(lease.job.id, None)
            self._wake.set()

    async def _settle(self, running: _Running) -> None:
        """Wait for the runner and write how the job ended."""
        lease, task = running.lease, running.task
        if task is None:
            raise RuntimeError("a job was settled before it ran")
        try:
            result = await task
        except asyncio.CancelledError:
            if running.stop is None:  # someone cancelled this worker, not the job
                running.stop = _Stop.STOPPING
                task.cancel()
            await self._stopped(lease, running.stop)
        except LeaseLostError:
            await self._stopped(lease, _Stop.LOST)
        except RenderFailedError as failed:
            log.warning("job failed", error=failed.error.message, kind=failed.error.type.value)
            await self._blocking(self._store.fail, lease, failed.error, retryable=failed.retryable)
        except Exception as error:  # the last line of defence: the job gets an error and a stack
            log.exception("job failed unexpectedly")
            await self._blocking(self._store.fail, lease, unexpected(error, self._clock.now()), retryable=True)
        else:
            done = await self._blocking(self._store.complete, lease, result)
            log.info("job completed" if done else "job was completed by another worker", url=result.video_url)

    async def _stopped(self, lease: Lease, why: _Stop) -> None:
        """Write the end of a job that we stopped ourselves."""
        log.info("job stopped", why=why.value)
        match why:
            case _Stop.LOST:
                return
            case _Stop.CANCELLED:
                await self._end_render(lease, RenderStatus.CANCELLED)
                await self._blocking(self._store.finish_cancel, lease)
            case _Stop.TIMED_OUT:
                await self._end_render(lease, RenderStatus.FAILED)
                error = timed_out(lease, self._clock.now())
                await self._blocking(self._store.fail, lease, error, retryable=True)
            case _Stop.STOPPING:
                await self._end_render(lease, RenderStatus.INTERRUPTED)
                await self._blocking(self._store.release, lease, reason="its worker was stopped")

    async def _end_render(self, lease: Lease, status: RenderStatus) -> None:
        """End the render that this lease started, if it still runs."""
        for render in await self._blocking(self._store.renders, lease.job.id):
            if render.status is RenderStatus.RUNNING and render.attempt == lease.attempt:
                await self._blocking(self._store.finish_render, render.id, status)

    async def _beat(self, running: _Running) -> None:
        """Keep the lease alive, hear of cancels, and end the job when its time is up or its lease is lost."""
        lease, settings = running.lease, self._settings
        last_good = self._clock.monotonic()
        while True:
            limit = lease.job.time_limit_at
            if limit is not None and self._clock.now() >= limit:
                running.end(_Stop.TIMED_OUT)
            try:
                beat = await self._blocking(
                    self._store.heartbeat,
                    lease,
                    lease_s=settings.lease_s,
                    progress=running.progress,
                    stage=running.stage,
                )
            except StoreError as error:
                log.warning("heartbeat not written", error=str(error))
                if self._clock.monotonic() - last_good > settings.lease_s:
                    running.end(_Stop.LOST)
            else:
                last_good = self._clock.monotonic()
                if not beat.held:
                    running.end(_Stop.LOST)
                elif beat.cancel_requested:
                    running.end(_Stop.CANCELLED)
            await asyncio.sleep(settings.heartbeat_s)


def timed_out(lease: Lease, now: datetime) -> JobError:
    """The error of a job that ran past its limit; the message says the limit."""
    limit, started = lease.job.time_limit_at, lease.job.updated_at
    seconds = 0.0 if limit is None else (limit - started).total_seconds()
    minutes = seconds / 60
    said = f"{minutes:.0f} minutes" if minutes >= 1 else f"{seconds:.0f} seconds"
    return JobError(f"timed out after {said}, the limit of job type {lease.job.job_type}", FailureClass.TIMEOUT, now)


def unexpected(error: BaseException, now: datetime) -> JobError:
    """The error of a job that died of something nobody foresaw: the stack is kept."""
    stack = "".join(traceback.format_exception(error))[-8000:]
    return JobError(f"{type(error).__name__}: {error}", FailureClass.UNKNOWN, now, stack=stack)
