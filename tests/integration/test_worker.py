"""The worker over a real SQLite file, with runners that do what a test needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from config.settings import QueueSettings
from scheduler.domain.failure import FailureClass, JobError, LeaseLostError, RenderFailedError
from scheduler.domain.job import JobResult, JobSpec, JobStatus, Lease, Priority, QueueConfig
from scheduler.domain.render import RenderStatus
from scheduler.ports.clock import SystemClock
from scheduler.ports.store import Store
from scheduler.queue.owner import make_owner
from scheduler.queue.worker import Worker
from scheduler.store import open_store

CLOCK = SystemClock()
SETTINGS = QueueSettings(lease_s=3, heartbeat_s=0.2, poll_s=0.02)
RESULT = JobResult("file:///videos/a.mp4", None, 31.5, degraded=False)
Behaviour = Callable[[Lease], Awaitable[JobResult]]


class ScriptedRunner:
    """Runs ``behaviour`` for each lease and remembers what it was asked for."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self.started: list[str] = []
        self.now = 0
        self.most = 0

    async def run(self, lease: Lease, *, lease_s: float, report: Callable[[float, str], None]) -> JobResult:
        self.started.append(lease.job.id)
        self.now += 1
        self.most = max(self.most, self.now)
        report(0.5, "manim")
        try:
            return await self._behaviour(lease)
        finally:
            self.now -= 1


async def at_once(_lease: Lease) -> JobResult:
    await asyncio.sleep(0)
    return RESULT


async def forever(_lease: Lease) -> JobResult:
    await asyncio.Event().wait()
    return RESULT


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path / 'queue.db'}")


@asynccontextmanager
async def working(
    store: Store, runner: ScriptedRunner, settings: QueueSettings = SETTINGS
) -> AsyncGenerator[Worker, None]:
    stop = asyncio.Event()
    worker = Worker(store, runner, settings, make_owner(), CLOCK)
    task = asyncio.create_task(worker.run(stop, grace_s=5))
    try:
        yield worker
    finally:
        stop.set()
        await task


async def until(condition: Callable[[], bool], *, within_s: float = 10) -> float:
    """Wait for a condition; answers how long it took."""
    began = CLOCK.monotonic()
    while not condition():
        if CLOCK.monotonic() - began > within_s:
            raise AssertionError(f"not within {within_s} s")
        await asyncio.sleep(0.01)
    return CLOCK.monotonic() - began


def add(store: Store, count: int = 1, **changes: object) -> list[str]:
    return [store.enqueue(JobSpec("daily_ca", **changes)).job.id for _ in range(count)]  # pyright: ignore[reportArgumentType]


async def test_a_job_is_claimed_run_and_completed(store: Store) -> None:
    (job,) = add(store)
    async with working(store, ScriptedRunner(at_once)):
        await until(lambda: store.get(job).status is JobStatus.COMPLETED)
    done = store.get(job)
    assert done.payload["video_url"] == RESULT.video_url
    assert done.payload["duration"] == 31.5


async def test_twenty_jobs_never_run_more_than_ten_at_once(store: Store) -> None:
    gate = asyncio.Event()

    async def wait(_lease: Lease) -> JobResult:
        await gate.wait()
        return RESULT

    runner = ScriptedRunner(wait)
    jobs = add(store, 20)
    async with working(store, runner):
        await until(lambda: len(runner.started) == 10)
        assert store.depth().of(JobStatus.PROCESSING) == 10
        gate.set()
        await until(lambda: store.depth().of(JobStatus.COMPLETED) == 20)
    assert runner.most == 10
    assert runner.started[:10] == jobs[:10]


async def test_high_priority_jumps_the_queue(store: Store) -> None:
    low = add(store, 2, priority=Priority.LOW)
    normal = add(store, 2)
    high = add(store, 2, priority=Priority.HIGH)
    runner = ScriptedRunner(at_once)
    async with working(store, runner, SETTINGS.model_copy(update={"concurrency": 1})):
        await until(lambda: store.depth().of(JobStatus.COMPLETED) == 6)
    assert runner.started == [*high, *normal, *low]


async def test_a_running_job_is_cancelled_within_two_seconds(store: Store) -> None:
    (job,) = add(store)
    runner = ScriptedRunner(forever)
    async with working(store, runner):
        await until(lambda: bool(runner.started))
        store.cancel(job, by="ann (cli)")
        took = await until(lambda: store.get(job).status is JobStatus.CANCELLED)
    assert took < 2
    assert runner.now == 0


async def test_a_failure_that_may_go_better_is_retried_later_and_bad_input_is_not(store: Store) -> None:
    async def fail(lease: Lease) -> JobResult:
        kind = FailureClass.INVALID_INPUT if "bad" in lease.job.payload else FailureClass.API_ERROR
        raise RenderFailedError(JobError("no", kind, CLOCK.now()), retryable=kind is FailureClass.API_ERROR)

    (good,) = add(store)
    (bad,) = add(store, payload={"bad": True})
    async with working(store, ScriptedRunner(fail)):
        await until(lambda: store.depth().of(JobStatus.FAILED) == 2)
    again = store.get(good)
    assert again.retry_at is not None
    assert 290 < (again.retry_at - CLOCK.now()).total_seconds() <= 300
    assert store.get(bad).is_final


async def test_an_unforeseen_error_keeps_its_stack(store: Store) -> None:
    async def burst(_lease: Lease) -> JobResult:
        raise ZeroDivisionError("surprise")

    (job,) = add(store)
    async with working(store, ScriptedRunner(burst)):
        await until(lambda: store.get(job).status is JobStatus.FAILED)
    error = store.get(job).error
    assert error is not None
    assert error.type is FailureClass.UNKNOWN
    assert "ZeroDivisionError: surprise" in (error.stack or "")


async def test_a_job_past_its_limit_ends_with_a_message_that_says_so(store: Store) -> None:
    store.put_queue_config(QueueConfig("daily_ca", timeout_s=0.5))
    (job,) = add(store)
    runner = ScriptedRunner(forever)
    async with working(store, runner):
        await until(lambda: store.get(job).status is JobStatus.FAILED)
    error = store.get(job).error
    assert error is not None
    assert error.type is FailureClass.TIMEOUT
    assert "timed out after" in error.message
    assert runner.now == 0


async def test_a_stopping_worker_gives_its_jobs_back(store: Store) -> None:
    (job,) = add(store)
    runner = ScriptedRunner(forever)
    async with working(store, runner):
        await until(lambda: bool(runner.started))
    back = store.get(job)
    assert back.status is JobStatus.QUEUED
    assert back.retry_count == 0
    assert back.crash_count == 0


async def test_a_worker_whose_lease_is_lost_drops_the_job_and_writes_nothing(store: Store) -> None:
    (job,) = add(store)
    runner = ScriptedRunner(forever)
    async with working(store, runner, SETTINGS.model_copy(update={"concurrency": 1})):
        await until(lambda: bool(runner.started))
        for owner in store.owners():
            store.expire_owner(owner)
        store.reap()
        (other,) = store.claim("someone/1/1/else", limit=1, lease_s=60)
        await until(lambda: runner.now == 0)
        assert store.get(job).lease_owner == other.owner
    assert store.get(job).status is JobStatus.PROCESSING


async def test_a_runner_that_says_the_lease_is_lost_leaves_the_job_alone(store: Store) -> None:
    async def lost(_lease: Lease) -> JobResult:
        raise LeaseLostError

    (job,) = add(store)
    runner = ScriptedRunner(lost)
    async with working(store, runner, SETTINGS.model_copy(update={"concurrency": 1})):
        await until(lambda: bool(runner.started) and runner.now == 0)
    assert store.get(job).status is JobStatus.PROCESSING


async def test_an_interrupted_render_is_marked_so(store: Store) -> None:
    (job,) = add(store)

    async def render(lease: Lease) -> JobResult:
        store.start_render(lease, correlation_id="c")
        await asyncio.Event().wait()
        return RESULT

    runner = ScriptedRunner(render)
    async with working(store, runner):
        await until(lambda: bool(store.renders(job)))
    assert store.renders(job)[0].status is RenderStatus.INTERRUPTED
