"""The worker: claims jobs, keeps their leases alive, runs them and says how they ended.

It knows nothing of pipelines (a ``Runner`` makes the video) and nothing of wake-ups (a ``Dispatcher`` says when to
look). Whatever happens to a job while it runs (cancelled, timed out, lease lost, worker stopping) ends the runner's
task by cancellation; why it was cancelled is decided here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import structlog

from config.settings import QueueSettings
from scheduler.domain.failure import LeaseLostError, RenderFailedError
from scheduler.domain.job import JobResult, Lease
from scheduler.domain.render import RenderStatus
from scheduler.domain.settlement import CancelFinished, Completed, Failed, Released, Settlement
from scheduler.ports.clock import Clock
from scheduler.ports.dispatcher import Dispatcher
from scheduler.ports.store import Store, StoreError
from scheduler.queue.embedded import EmbeddedDispatcher
from scheduler.queue.running import Runner, Running, Stop, store_trouble, timed_out, unexpected
from scheduler.queue.till import RELEASE_WORDS, RETRY_S, Blocking, Till

__all__ = ["Runner", "Worker"]

log = structlog.get_logger("predawn.worker")

STUBBORN_S = 5.0
"""Seconds a runner has to end after it was told to; then the job is ended without it."""
BREATH_S = 0.5
"""Seconds before a job is given back that the database failed under; doubled with each time."""
LONGEST_BREATH = 3
"""So often is it doubled."""
GIVE_BACK_S = 10.0
"""Seconds for giving jobs back once the grace period is over."""


class Worker:
    """Runs jobs of one database in this process.

    Args:
        store: the queue.
        runner: makes the videos.
        settings: concurrency, lease, heartbeat, grace.
        owner: this worker's name in leases (``scheduler.queue.owner``).
        clock: the time of day.
        dispatcher: says when to look; by default the embedded one.
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
        dispatcher: Dispatcher | None = None,
        blocking: Blocking = asyncio.to_thread,
    ) -> None:
        self._store = store
        self._runner = runner
        self._settings = settings
        self._owner = owner
        self._clock = clock
        self._dispatcher = dispatcher or EmbeddedDispatcher(store.data_version, poll_s=settings.poll_s)
        self._blocking = blocking
        self._till = Till(store, owner, settings, clock, room=self._room, start=self._start, blocking=blocking)
        self._closing = asyncio.Event()
        self._running: dict[str, Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stubborn: set[asyncio.Task[JobResult]] = set()

    @property
    def running(self) -> tuple[str, ...]:
        """Ids of the jobs in hand."""
        return tuple(self._running)

    @property
    def slots(self) -> int:
        """Jobs that it can have in hand at once."""
        settings = self._settings
        return min(settings.slots or settings.concurrency, settings.concurrency)

    @property
    def free(self) -> int:
        """Slots that are neither in use nor asked for."""
        return max(self._room() - self._till.asked_for, 0)

    def _room(self) -> int:
        return self.slots - len(self._running)

    def wake(self) -> None:
        """A job was queued in this process: do not wait to hear of it. Call it on the event loop."""
        self._dispatcher.wake()

    def look(self) -> None:
        """There may be something to claim: claim as much as there is room for."""
        self._till.look()

    async def take(self, job_id: str) -> bool:
        """Claim this job and work on it to its end; False when it cannot be claimed. See ``Hands``."""
        # It may have been claimed meanwhile without being asked for by name: then it is in hand already.
        running = await self._till.take(job_id) or self._running.get(job_id)
        if running is None:
            return False
        await running.ended.wait()
        return True

    async def run(self, stop: asyncio.Event, *, grace_s: float | None = None) -> None:
        """Claim and run jobs until ``stop`` is set.

        Then nothing more is claimed; jobs break off at their next checkpoint, or after ``grace_s`` seconds (default:
        ``queue.grace_s``) anyway, and are given back.

        Raises:
            StoreError: the dispatcher cannot work on this database.
        """
        self._till.open()
        self._closing.clear()
        serving = asyncio.create_task(self._till.run(), name="till")
        dispatching = asyncio.create_task(self._dispatcher.run(self, stop), name="dispatcher")
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({serving, dispatching, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            patient = stop.is_set() and not serving.done()
            grace = self._settings.grace_s if grace_s is None else grace_s
            await self._stop(grace if patient else 0.0)
            stopping.cancel()
            if not stop.is_set():
                dispatching.cancel()
            await asyncio.wait({dispatching}, timeout=GIVE_BACK_S)
            serving.cancel()
            dispatching.cancel()
            await asyncio.wait({serving})
        for part in (serving, dispatching):
            if part.done() and not part.cancelled():
                part.result()

    async def _stop(self, grace_s: float) -> None:
        """Claim no more, let jobs reach a checkpoint, give back what is left."""
        self._closing.set()
        self._till.close()
        for running in self._running.values():
            running.at_checkpoint = True
        if self._tasks and grace_s > 0:
            log.info("waiting for checkpoints", jobs=len(self._tasks), grace_s=grace_s)
            await asyncio.wait(self._tasks, timeout=grace_s)
        for running in list(self._running.values()):
            running.end(Stop.STOPPING)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GIVE_BACK_S)

    def _start(self, lease: Lease) -> Running:
        running = self._running[lease.job.id] = Running(lease, at_checkpoint=self._closing.is_set())
        task = asyncio.create_task(self._work(running), name=f"job {lease.job.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return running

    # Working

    async def _work(self, running: Running) -> None:
        """One job from claim to end. Never raises: a database in trouble leaves the job to the reaper."""
        lease = running.lease
        structlog.contextvars.bind_contextvars(job=lease.job.id, job_type=lease.job.job_type)
        log.info("job claimed", attempt=lease.attempt)
        running.task = asyncio.create_task(
            self._runner.run(
                lease, lease_s=self._settings.lease_s, report=running.report, checkpointed=running.checkpointed
            )
        )
        heart = asyncio.create_task(self._beat(running))
        limit_s = running.limit_s
        alarm = None
        if limit_s is not None:
            alarm = asyncio.get_running_loop().call_later(limit_s, running.end, Stop.TIMED_OUT)
        try:
            await self._settle(running, running.task)
        except StoreError as error:
            log.warning("how the job ended could not be written; the reaper will take it", error=str(error))
        finally:
            if alarm is not None:
                alarm.cancel()
            heart.cancel()
            await asyncio.gather(heart, return_exceptions=True)
            if self._running.get(lease.job.id) is running:
                del self._running[lease.job.id]
            running.ended.set()
            self._till.room_made()

    async def _settle(self, running: Running, task: asyncio.Task[JobResult]) -> None:
        """Wait for the runner and write how the job ended."""
        lease = running.lease
        if not await self._ended(running, task):
            log.error("the runner does not stop; the job is ended without it", stage=running.stage)
            self._stubborn.add(task)
            task.add_done_callback(self._stubborn.discard)
            await self._stopped(running, running.stop or Stop.STOPPING)
            return
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is None:
            result = task.result()
            done = await self._end(Completed(lease, result))
            log.info("job completed" if done else "job was completed by another worker", url=result.video_url)
        elif isinstance(error, LeaseLostError):
            await self._stopped(running, Stop.LOST)
        elif running.stop is not None:
            await self._stopped(running, running.stop)
        elif (trouble := store_trouble(error)) is not None:
            await self._give_back(running, trouble)
        elif isinstance(error, RenderFailedError):
            log.warning("job failed", error=error.error.message, kind=error.error.type.value)
            await self._end(Failed(lease, error.error, error.retryable))
        else:  # the last line of defence: the job gets an error and a stack
            log.error("job failed unexpectedly", exc_info=error)
            await self._end(Failed(lease, unexpected(error, self._clock.now()), retryable=True))

    async def _ended(self, running: Running, task: asyncio.Task[JobResult]) -> bool:
        """Wait until the runner has ended; False: it was told to and does not."""
        told = asyncio.create_task(running.told.wait())
        try:
            await asyncio.wait({task, told}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await asyncio.wait({task}, timeout=STUBBORN_S)
        except asyncio.CancelledError:  # someone ends this worker, not the job
            running.end(Stop.STOPPING)
            await asyncio.wait({task}, timeout=STUBBORN_S)
        finally:
            told.cancel()
        return task.done()

    async def _end(self, settlement: Settlement) -> bool:
        """Write how a job ended; what may be claimed in its place is claimed in the same transaction."""
        self._dispatcher.wake()
        return await self._till.settle(settlement)

    async def _stopped(self, running: Running, why: Stop) -> None:
        """Write the end of a job that we stopped ourselves."""
        lease = running.lease
        log.info("job stopped", why=why.value)
        match why:
            case Stop.LOST:
                return
            case Stop.CANCELLED:
                await self._end_render(lease, RenderStatus.CANCELLED)
                await self._end(CancelFinished(lease))
            case Stop.TIMED_OUT:
                await self._end_render(lease, RenderStatus.FAILED)
                await self._end(Failed(lease, timed_out(running, self._clock.now()), retryable=True))
            case Stop.STOPPING:
                await self._end_render(lease, RenderStatus.INTERRUPTED)
                await self._end(Released(lease, RELEASE_WORDS))

    async def _give_back(self, running: Running, trouble: StoreError) -> None:
        """The database failed under a job, which is not the job's fault: it is queued again, counted as interrupted.

        Not at once, so that a database that fails each time does not use up the job's passes in a moment.
        """
        lease = running.lease
        log.warning("the database failed under a job; it is given back", error=str(trouble), stage=running.stage)
        await self._pause(BREATH_S * 2 ** min(lease.job.crash_count, LONGEST_BREATH))
        await self._end_render(lease, RenderStatus.INTERRUPTED)
        await self._end(Released(lease, f"interrupted: {trouble}", interrupted=True))

    async def _end_render(self, lease: Lease, status: RenderStatus) -> None:
        """End the render that this lease started, if it still runs."""
        for render in await self._insist(self._store.renders, lease.job.id):
            if render.status is RenderStatus.RUNNING and render.attempt == lease.attempt:
                await self._insist(self._store.finish_render, render.id, status)

    async def _insist(self, call: Callable[..., Any], *args: Any) -> Any:
        """Do what goes before the end; a database that is away is tried again for as long as the lease may be ours.

        Raises:
            StoreError: it did not come back in time.
        """
        give_up_at = self._clock.monotonic() + self._settings.lease_s
        while True:
            try:
                return await self._blocking(call, *args)
            except StoreError as error:
                if self._clock.monotonic() >= give_up_at or self._closing.is_set():
                    raise
                log.warning("the end of a job is not written yet; trying again", error=str(error))
            await self._pause(RETRY_S)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    async def _beat(self, running: Running) -> None:
        """Keep the lease alive, hear of cancels, and end the job when its lease is lost."""
        lease, settings = running.lease, self._settings
        last_good = self._clock.monotonic()
        while True:
            await asyncio.sleep(settings.heartbeat_s)  # the claim was the first sign of life
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
                    running.end(Stop.LOST)
            else:
                last_good = self._clock.monotonic()
                if not beat.held:
                    running.end(Stop.LOST)
                elif beat.cancel_requested:
                    running.end(Stop.CANCELLED)
