"""The worker: claims jobs, keeps their leases alive, runs them and says how they ended.

It knows nothing of pipelines (a ``Runner`` makes the video) and nothing of wake-ups (a ``Dispatcher`` says when to
look). Whatever happens to a job while it runs (cancelled, timed out, lease lost, worker stopping) ends the runner's
task by cancellation; why it was cancelled is decided here.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Callable, Coroutine
from functools import partial
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

STUBBORN_S = 5.0
"""Seconds a runner has to end after it was told to; then the job is ended without it."""
BREATH_S = 0.5
"""Seconds before a job is given back that the database failed under; doubled with each time."""
LONGEST_BREATH = 3
"""So often is it doubled."""
TELL_S = 0.01
"""Seconds between looks whether a heartbeat is over that another one waits for."""
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
        self._empty = asyncio.Event()
        self._empty.set()
        # Bound here, once: a logger that is looked up for each word costs more than the word.
        self._log = structlog.get_logger("predawn.worker").bind()
        self._running: dict[str, Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        """Ends that are being written, and heartbeats."""
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
        beating = asyncio.create_task(self._keep_alive(), name="heart")
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({serving, dispatching, beating, stopping}, return_when=asyncio.FIRST_COMPLETED)
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
            beating.cancel()
            await asyncio.wait({serving, beating})
        for part in (serving, dispatching, beating):
            if part.done() and not part.cancelled():
                part.result()

    async def _stop(self, grace_s: float) -> None:
        """Claim no more, let jobs reach a checkpoint, give back what is left."""
        self._closing.set()
        self._till.close()
        for running in self._running.values():
            running.at_checkpoint = True
        if self._running and grace_s > 0:
            self._log.info("waiting for checkpoints", jobs=len(self._running), grace_s=grace_s)
            await self._emptied(grace_s)
        for running in list(self._running.values()):
            running.end(Stop.STOPPING)
        await self._emptied(GIVE_BACK_S)

    async def _emptied(self, within_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), within_s)

    def _start(self, lease: Lease) -> Running:
        context = contextvars.copy_context()
        context.run(structlog.contextvars.bind_contextvars, job=lease.job.id, job_type=lease.job.job_type)
        self._log.info("job claimed", job=lease.job.id, attempt=lease.attempt)
        loop, monotonic = asyncio.get_running_loop(), self._clock.monotonic
        running = Running(
            lease,
            context,
            at_checkpoint=self._closing.is_set(),
            on_told=lambda: loop.call_later(STUBBORN_S, self._end_without_it, running),
            last_good=monotonic(),
        )
        task = running.task = loop.create_task(
            self._runner.run(
                lease, lease_s=self._settings.lease_s, report=running.report, checkpointed=running.checkpointed
            ),
            name=f"job {lease.job.id}",
            context=context,
        )
        if running.limit_s is not None:
            running.alarm = loop.call_later(running.limit_s, running.end, Stop.TIMED_OUT)
        self._running[lease.job.id] = running
        self._empty.clear()
        task.add_done_callback(partial(self._ran, running))
        return running

    # The end of a job. Most are completed, and for those a callback is enough; every other end may have to wait for
    # the database and gets a task of its own.

    def _ran(self, running: Running, task: asyncio.Task[JobResult]) -> None:
        """The runner has ended."""
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if running.abandoned:
            self._stubborn.discard(task)
        elif error is None:
            self._dispatcher.wake()
            settlement = Completed(running.lease, task.result())
            self._till.put(settlement, partial(self._completed, running))
        else:
            self._follow(running, self._failed(running, error))

    def _completed(self, running: Running, answer: bool | StoreError) -> None:  # noqa: FBT001 - the till's answer
        if isinstance(answer, StoreError):
            self._not_written(running, answer)
        else:
            words = "job completed" if answer else "job was completed by another worker"
            self._log.info(words, job=running.lease.job.id)
        self._over(running)

    def _end_without_it(self, running: Running) -> None:
        """The runner was told to end and does not."""
        if running.task is None or running.task.done() or running.abandoned:
            return
        self._log.error("the runner does not stop; the job is ended without it", stage=running.stage)
        running.abandoned = True
        self._stubborn.add(running.task)
        self._follow(running, self._stopped(running, running.stop or Stop.STOPPING))

    def _follow(self, running: Running, end: Coroutine[Any, Any, None]) -> None:
        """Write an end that takes more than one step."""

        async def follow() -> None:
            try:
                await end
            except StoreError as error:
                self._not_written(running, error)
            finally:
                self._over(running)

        task = asyncio.get_running_loop().create_task(follow(), context=running.context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _not_written(self, running: Running, error: StoreError) -> None:
        self._log.warning(
            "how the job ended could not be written; the reaper will take it",
            job=running.lease.job.id,
            error=str(error),
        )

    def _over(self, running: Running) -> None:
        """Everything about a job is written: its slot is free."""
        if running.alarm is not None:
            running.alarm.cancel()
        if self._running.get(running.lease.job.id) is running:
            del self._running[running.lease.job.id]
        running.ended.set()
        if not self._running:
            self._empty.set()
        self._till.room_made()

    async def _failed(self, running: Running, error: BaseException) -> None:
        """Write the end of a job whose runner did not come to its result."""
        lease = running.lease
        if isinstance(error, LeaseLostError):
            await self._stopped(running, Stop.LOST)
        elif running.stop is not None:
            await self._stopped(running, running.stop)
        elif isinstance(error, asyncio.CancelledError):  # someone ends this worker, not the job
            await self._stopped(running, Stop.STOPPING)
        elif (trouble := store_trouble(error)) is not None:
            await self._give_back(running, trouble)
        elif isinstance(error, RenderFailedError):
            self._log.warning("job failed", error=error.error.message, kind=error.error.type.value)
            await self._end(Failed(lease, error.error, error.retryable))
        else:  # the last line of defence: the job gets an error and a stack
            self._log.error("job failed unexpectedly", exc_info=error)
            await self._end(Failed(lease, unexpected(error, self._clock.now()), retryable=True))

    async def _end(self, settlement: Settlement) -> bool:
        """Write how a job ended; what may be claimed in its place is claimed in the same transaction."""
        self._dispatcher.wake()
        return await self._till.settle(settlement)

    async def _stopped(self, running: Running, why: Stop) -> None:
        """Write the end of a job that we stopped ourselves."""
        lease = running.lease
        self._log.info("job stopped", why=why.value)
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
        self._log.warning("the database failed under a job; it is given back", error=str(trouble), stage=running.stage)
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
                self._log.warning("the end of a job is not written yet; trying again", error=str(error))
            await self._pause(RETRY_S)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    # Heartbeats

    async def _keep_alive(self) -> None:
        """Keep the leases of the jobs in hand alive."""
        while True:
            await asyncio.sleep(self._settings.heartbeat_s)
            latest = self._clock.monotonic() - self._settings.heartbeat_s / 2
            for running in self._running.values():
                # The claim was the first sign of life; one that waits for a slow database is not overtaken.
                if not running.beating and running.last_good <= latest:
                    running.beating = True
                    beat = asyncio.get_running_loop().create_task(self._beat(running), context=running.context)
                    self._tasks.add(beat)
                    beat.add_done_callback(self._tasks.discard)

    async def tell(self, job_id: str) -> None:
        """Write how far a job in hand is now, without waiting for its next heartbeat; of others nothing."""
        # What is being written may be of before that which is to be told.
        while (running := self._running.get(job_id)) is not None and running.beating:  # noqa: ASYNC110 - a moment
            await asyncio.sleep(TELL_S)
        if running is not None:
            running.beating = True
            await self._beat(running)

    async def _beat(self, running: Running) -> None:
        """Keep a lease alive, hear of cancels, and end the job when its lease is lost."""
        lease_s = self._settings.lease_s
        try:
            beat = await self._blocking(
                self._store.heartbeat,
                running.lease,
                lease_s=lease_s,
                progress=running.progress,
                stage=running.stage,
            )
        except StoreError as error:
            self._log.warning("heartbeat not written", error=str(error))
            if self._clock.monotonic() - running.last_good > lease_s:
                running.end(Stop.LOST)
        else:
            running.last_good = self._clock.monotonic()
            if not beat.held:
                running.end(Stop.LOST)
            elif beat.cancel_requested:
                running.end(Stop.CANCELLED)
        finally:
            running.beating = False
