"""The worker over a real SQLite file, with runners that do what a test needs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from config.settings import QueueSettings
from integrations.media.toolkit import MediaToolkit
from scheduler.domain.content import Segment, SegmentKind
from scheduler.domain.failure import FailureClass, JobError, LeaseLostError, RenderFailedError
from scheduler.domain.job import JobResult, JobSpec, JobStatus, Lease, Priority, QueueConfig
from scheduler.domain.render import RenderStatus
from scheduler.ports.clock import SystemClock
from scheduler.ports.media import CardContext
from scheduler.ports.store import Store, StoreUnavailableError
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
        self.checkpointed: Callable[[], None] = lambda: None
        self.now = 0
        self.most = 0

    async def run(
        self,
        lease: Lease,
        *,
        lease_s: float,
        report: Callable[[float, str], None],
        checkpointed: Callable[[], None],
    ) -> JobResult:
        self.checkpointed = checkpointed
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
    store: Store, runner: ScriptedRunner, settings: QueueSettings = SETTINGS, *, grace_s: float = 0
) -> AsyncGenerator[Worker, None]:
    stop = asyncio.Event()
    worker = Worker(store, runner, settings, make_owner(), CLOCK)
    task = asyncio.create_task(worker.run(stop, grace_s=grace_s))
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


async def test_quick_jobs_that_fell_out_of_step_share_their_transactions_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [made.job.id for made in store.enqueue_many([JobSpec("daily_ca") for _ in range(100)])]
    sizes: list[int] = []
    whole = store.settle_and_claim

    def counting(settlements: Any, *given: Any, **more: Any) -> Any:
        sizes.append(len(settlements))
        return whole(settlements, *given, **more)

    async def late_once(lease: Lease) -> JobResult:
        begun = len(sizes)
        # One job ends while the transaction that ends the other nine is under way.
        while lease.job.id == jobs[15] and len(sizes) == begun:  # noqa: ASYNC110 - it ends in the very next turn
            await asyncio.sleep(0)
        return RESULT

    monkeypatch.setattr(store, "settle_and_claim", counting)
    async with working(store, ScriptedRunner(late_once)):
        await until(lambda: store.depth().of(JobStatus.COMPLETED) == 100)
    groups = [size for size in sizes if size]
    assert sum(groups) == 100
    assert len(groups) < 15  # out of step, each ten jobs take two


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


async def test_a_stopping_worker_waits_for_the_next_checkpoint_and_no_longer(store: Store) -> None:
    (job,) = add(store)
    told, kept = asyncio.Event(), asyncio.Event()

    async def in_steps(_lease: Lease) -> JobResult:
        await told.wait()
        kept.set()
        runner.checkpointed()
        await asyncio.Event().wait()
        return RESULT

    runner = ScriptedRunner(in_steps)
    async with working(store, runner, grace_s=60):
        await until(lambda: bool(runner.started))
        asyncio.get_running_loop().call_later(0.3, told.set)
    assert kept.is_set()
    assert store.get(job).status is JobStatus.QUEUED
    assert store.get(job).crash_count == 0


async def test_a_stopping_worker_gives_back_what_reaches_no_checkpoint_in_its_grace(store: Store) -> None:
    jobs = add(store, 3)
    runner = ScriptedRunner(forever)
    async with working(store, runner, grace_s=0.3):
        await until(lambda: len(runner.started) == 3)
    assert [store.get(job).status for job in jobs] == [JobStatus.QUEUED] * 3


async def test_a_job_that_ends_within_the_grace_is_completed(store: Store) -> None:
    (job,) = add(store)
    gate = asyncio.Event()

    async def wait(_lease: Lease) -> JobResult:
        await gate.wait()
        return RESULT

    runner = ScriptedRunner(wait)
    async with working(store, runner, grace_s=60):
        await until(lambda: bool(runner.started))
        asyncio.get_running_loop().call_later(0.2, gate.set)
    assert store.get(job).status is JobStatus.COMPLETED


async def test_a_paused_type_is_not_claimed_and_a_resumed_one_is(store: Store) -> None:
    runner = ScriptedRunner(at_once)
    async with working(store, runner):
        store.put_queue_config(QueueConfig("daily_ca", paused=True))
        (held,) = add(store)
        (other,) = [store.enqueue(JobSpec("doubt")).job.id]
        await until(lambda: store.get(other).status is JobStatus.COMPLETED)
        assert store.get(held).status is JobStatus.QUEUED
        store.put_queue_config(QueueConfig("daily_ca"))
        await until(lambda: store.get(held).status is JobStatus.COMPLETED)


async def test_the_concurrency_of_a_type_changes_while_the_worker_runs(store: Store) -> None:
    gate = asyncio.Event()

    async def wait(_lease: Lease) -> JobResult:
        await gate.wait()
        return RESULT

    runner = ScriptedRunner(wait)
    store.put_queue_config(QueueConfig("daily_ca", concurrency=1))
    add(store, 5)
    async with working(store, runner):
        await until(lambda: runner.now == 1)
        store.put_queue_config(QueueConfig("daily_ca", concurrency=3))
        await until(lambda: runner.now == 3)
        gate.set()
        await until(lambda: store.depth().of(JobStatus.COMPLETED) == 5)
    assert runner.most == 3


async def test_slots_bound_one_worker_below_the_limit_of_all(store: Store) -> None:
    gate = asyncio.Event()

    async def wait(_lease: Lease) -> JobResult:
        await gate.wait()
        return RESULT

    runner = ScriptedRunner(wait)
    add(store, 4)
    async with working(store, runner, SETTINGS.model_copy(update={"slots": 2})):
        await until(lambda: runner.now == 2)
        gate.set()
        await until(lambda: store.depth().of(JobStatus.COMPLETED) == 4)
    assert runner.most == 2


def failed_for_time(store: Store, job: str) -> bool:
    found = store.get(job)
    return found.status is JobStatus.FAILED and found.error is not None and found.error.type is FailureClass.TIMEOUT


async def test_the_time_limit_ends_a_call_that_hangs_in_http(store: Store) -> None:
    connected, gone = asyncio.Event(), asyncio.Event()

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        connected.set()
        await reader.read()
        gone.set()
        writer.close()

    server = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/render"

    async def ask(_lease: Lease) -> JobResult:
        async with httpx.AsyncClient(timeout=600, trust_env=False) as client:
            await client.get(url)
        return RESULT

    store.put_queue_config(QueueConfig("daily_ca", timeout_s=1))
    (job,) = add(store)
    async with server, working(store, ScriptedRunner(ask)):
        await until(connected.is_set)
        took = await until(lambda: failed_for_time(store, job))
        await asyncio.wait_for(gone.wait(), 2)
    assert took < 3
    error = store.get(job).error
    assert error is not None
    assert error.message == "timed out after 1 second, the limit of job type daily_ca"


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


async def test_the_time_limit_ends_a_render_whose_child_process_hears_nothing(store: Store, tmp_path: Path) -> None:
    before = children()
    toolkit = MediaToolkit(processes=1)
    segment = Segment(0, SegmentKind.POINT, "A long night", ("It goes on and on.",), "It goes on.", 3600)

    async def render(_lease: Lease) -> JobResult:
        context = CardContext("Daily Current Affairs", date(2026, 11, 20), points=1)
        await toolkit.card_clip(segment, context, tmp_path / "clip.mp4", duration_s=3600)
        return RESULT

    store.put_queue_config(QueueConfig("daily_ca", timeout_s=2))
    (job,) = add(store)
    async with working(store, ScriptedRunner(render)):
        await until(lambda: bool(children() - before))
        for pid in children() - before:
            os.kill(pid, signal.SIGSTOP)  # from now on it reacts to nothing but SIGKILL
        await until(lambda: failed_for_time(store, job))
        await until(lambda: not children() - before, within_s=2)
    assert not list(tmp_path.glob("*.mp4*"))


async def test_a_runner_that_does_not_stop_loses_its_job_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.queue.worker.STUBBORN_S", 0.2)
    freed = asyncio.Event()

    async def deaf(_lease: Lease) -> JobResult:
        while not freed.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await freed.wait()
        return RESULT

    store.put_queue_config(QueueConfig("daily_ca", timeout_s=0.5))
    (job,) = add(store)
    async with working(store, ScriptedRunner(deaf)):
        await until(lambda: failed_for_time(store, job))
        freed.set()
        assert failed_for_time(store, job)


async def test_a_database_that_is_away_when_a_job_ends_gets_its_end_later(store: Store) -> None:
    (job,) = add(store)
    away, tries = True, 0
    real = store.settle_and_claim

    def flaky(*args: Any, **kwargs: Any) -> Any:
        nonlocal tries
        if args[0] and away:
            tries += 1
            raise StoreUnavailableError("the server is restarting")
        return real(*args, **kwargs)

    store.settle_and_claim = flaky
    runner = ScriptedRunner(at_once)
    async with working(store, runner):
        await until(lambda: bool(runner.started))
        await until(lambda: tries > 0)
        assert store.get(job).status is JobStatus.PROCESSING
        away = False
        await until(lambda: store.get(job).status is JobStatus.COMPLETED)
    assert runner.started == [job]
