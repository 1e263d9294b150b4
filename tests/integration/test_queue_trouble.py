"""A database that fails in the middle of a job: not the job's fault, and no reason to wait for a retry."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dispatch_world import fresh_database, postgresql_server, url_of
from pipeline_scene import Scene, busy
from sqlalchemy import text

from config.settings import QueueSettings
from scheduler.domain.failure import RenderFailedError
from scheduler.domain.job import JobResult, JobSpec, JobStatus, Lease
from scheduler.domain.render import RenderStatus, StageName
from scheduler.ports.clock import SystemClock
from scheduler.ports.store import Store, StoreError, StoreUnavailableError
from scheduler.queue.owner import make_owner
from scheduler.queue.worker import Worker
from scheduler.store import open_store
from scheduler.testing import Faults, faulty

SETTINGS = QueueSettings(lease_s=20, heartbeat_s=0.2, poll_s=0.02)
RESULT = JobResult("file:///videos/a.mp4", None, 31.5, degraded=False)
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = "
    "current_database()"
)


class Failing:
    """A runner that does ``work`` at each pass."""

    def __init__(self, store: Store, work: Callable[[Store, Lease, int], None]) -> None:
        self._store = store
        self._work = work
        self.passes = 0

    async def run(
        self,
        lease: Lease,
        *,
        lease_s: float,
        report: Callable[[float, str], None],
        checkpointed: Callable[[], None],
    ) -> JobResult:
        self.passes += 1
        report(0.5, "manim")
        async with asyncio.TaskGroup() as group:  # as the pipeline runs its stages: errors come in groups
            group.create_task(asyncio.to_thread(self._work, self._store, lease, self.passes))
        return RESULT


async def work_until(store: Store, runner: Failing, done: Callable[[], bool], within_s: float = 60) -> None:
    stop = asyncio.Event()
    worker = Worker(store, runner, SETTINGS, make_owner(), SystemClock())
    task = asyncio.create_task(worker.run(stop, grace_s=0))
    try:
        async with asyncio.timeout(within_s):
            while not done():  # noqa: ASYNC110 - the database has no event
                await asyncio.sleep(0.02)
    finally:
        stop.set()
        await task


def add(store: Store) -> str:
    return store.enqueue(JobSpec("daily_ca")).job.id


def is_(store: Store, job: str, status: JobStatus) -> Callable[[], bool]:
    return lambda: store.get(job).status is status


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path / 'queue.db'}", synchronous="NORMAL")
    yield store
    store.close()


async def test_a_job_under_which_the_database_fails_is_given_back_and_completed_without_a_retry(sqlite: Store) -> None:
    def fail_once(_store: Store, _lease: Lease, number: int) -> None:
        if number == 1:
            raise StoreUnavailableError("the server is restarting")

    job, runner = add(sqlite), None
    runner = Failing(sqlite, fail_once)
    await work_until(sqlite, runner, is_(sqlite, job, JobStatus.COMPLETED))
    done = sqlite.get(job)
    assert runner.passes == 2
    assert (done.retry_count, done.crash_count, done.attempt) == (0, 1, 2)


async def test_a_job_at_which_the_database_always_fails_comes_to_an_end_that_says_why(sqlite: Store) -> None:
    def fail(_store: Store, _lease: Lease, _number: int) -> None:
        raise StoreError("the database refused a statement (DataError: a NUL in a text)")

    job, runner = add(sqlite), Failing(sqlite, fail)
    await work_until(sqlite, runner, is_(sqlite, job, JobStatus.FAILED))
    ended = sqlite.get(job)
    assert runner.passes == 3
    assert (ended.retry_count, ended.crash_count, ended.is_final) == (0, 3, True)
    assert ended.error is not None
    assert "a NUL in a text" in ended.error.message


async def test_a_mistake_beside_a_failing_database_is_still_the_jobs(sqlite: Store) -> None:
    def burst(_store: Store, _lease: Lease, _number: int) -> None:
        raise BaseExceptionGroup("both", [StoreUnavailableError("away"), ZeroDivisionError("surprise")])

    job = add(sqlite)
    await work_until(sqlite, Failing(sqlite, burst), is_(sqlite, job, JobStatus.FAILED))
    assert sqlite.get(job).retry_at is not None


async def test_connections_cut_in_the_middle_of_a_job_do_not_fail_it(tmp_path: Path) -> None:
    with postgresql_server(tmp_path) as server, fresh_database(server) as name:
        url = url_of(server, name)
        store = open_store(url)

        def cut_and_go_on(_own: Store, _lease: Lease, number: int) -> None:
            with store.database.write() as connection:
                connection.execute(text("SELECT 1"))
                if number == 1:
                    with psycopg.connect(url, autocommit=True) as admin:
                        admin.execute(CUT)
                connection.execute(text("SELECT 2"))

        try:
            job, runner = add(store), Failing(store, cut_and_go_on)
            began = time.monotonic()

            def completed() -> bool:
                try:
                    return store.get(job).status is JobStatus.COMPLETED
                except StoreUnavailableError:  # our own connection was cut too
                    return False

            await work_until(store, runner, completed)
            done = store.get(job)
            assert (done.retry_count, runner.passes) == (0, 2)
            assert time.monotonic() - began < 60  # and not the five minutes of a retry
        finally:
            store.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler.pipeline.insist.PAUSES_S", (0.01, 0.01))


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize(
    "method",
    [
        "start_render",
        "checkpoints",
        "renders",
        "stage_durations",
        "start_attempt",
        "save_checkpoint",
        "finish_attempt",
        "holds",
        "finish_render",
    ],
)
async def test_a_render_goes_on_when_a_store_call_fails_for_a_moment(
    sqlite: Store, tmp_path: Path, method: str, *, written: bool
) -> None:
    faults = Faults()
    faults.fail(method, times=2, written=written)
    scene = Scene(faulty(sqlite, faults), tmp_path)
    result = await scene.render()
    assert result.duration == 9.5
    (job,) = sqlite.list().items
    last = sqlite.renders(job.id)[-1]
    assert last.status is RenderStatus.COMPLETED
    assert len(sqlite.attempts(render_id=last.id)) == len(StageName)
    assert all(len(scene.first(stage).calls) == 1 for stage in StageName)


@pytest.mark.usefixtures("quick")
async def test_why_a_render_failed_is_written_once_though_the_answer_was_lost(sqlite: Store, tmp_path: Path) -> None:
    faults = Faults()
    faults.fail("record_failure", times=1, written=True)
    scene = Scene(faulty(sqlite, faults), tmp_path)
    scene.first(StageName.TTS).plays = [*busy(4)]
    with pytest.raises(RenderFailedError):
        await scene.render()
    (job,) = sqlite.list().items
    assert len(sqlite.failures(job.id)) == 1


@pytest.mark.usefixtures("quick")
async def test_a_render_under_which_the_database_stays_away_ends_with_the_databases_error(
    sqlite: Store, tmp_path: Path
) -> None:
    faults = Faults()
    faults.fail("save_checkpoint", times=10_000)
    scene: Any = Scene(faulty(sqlite, faults), tmp_path)
    with pytest.raises(StoreUnavailableError):
        await scene.render()
