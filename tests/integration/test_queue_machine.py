"""What happens to the machine under a worker: a full disk, a lock held for long, a file taken away, signals."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from dispatch_world import worker_process
from test_queue_trouble import SETTINGS

from config.settings import QueueSettings
from scheduler.domain.job import JobResult, JobSpec, JobStatus, Lease, Priority, QueueConfig
from scheduler.domain.render import Checkpoint, StageName, StageOutput
from scheduler.ports.clock import SystemClock
from scheduler.ports.store import Store, StoreReplacedError, StoreUnavailableError
from scheduler.queue.owner import make_owner
from scheduler.queue.reaper import bury_the_dead
from scheduler.queue.worker import Worker
from scheduler.store import open_store

RESULT = JobResult("file:///v.mp4", None, 1.0, degraded=False)
PATIENT_S = 60.0


class Keeping:
    """A runner that keeps a large checkpoint, once its gate is open."""

    def __init__(self, store: Store, *, size: int = 10) -> None:
        self._store = store
        self._size = size
        self.gate = asyncio.Event()
        self.started: list[str] = []

    async def run(
        self,
        lease: Lease,
        *,
        lease_s: float,
        report: Callable[[float, str], None],
        checkpointed: Callable[[], None],
    ) -> JobResult:
        self.started.append(lease.job.id)
        await self.gate.wait()
        kept = Checkpoint(lease.job.id, StageName.TTS, "", StageOutput(data={"x": "x" * self._size}), lease.attempt)
        await asyncio.to_thread(self._store.save_checkpoint, lease, kept, lease_s=lease_s)
        return RESULT


@asynccontextmanager
async def working(store: Store, runner: Keeping, settings: QueueSettings = SETTINGS) -> AsyncGenerator[None, None]:
    stop = asyncio.Event()
    task = asyncio.create_task(Worker(store, runner, settings, make_owner(), SystemClock()).run(stop, grace_s=0))
    try:
        yield
    finally:
        stop.set()
        await task


async def until(condition: Callable[[], bool], within_s: float = PATIENT_S) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - the database has no event
            await asyncio.sleep(0.02)


def add(store: Store, count: int, priority: Priority = Priority.NORMAL) -> list[str]:
    return [store.enqueue(JobSpec("daily_ca", priority=priority)).job.id for _ in range(count)]


def use_up(store: Store) -> None:
    """What is left in the file, too."""
    for _ in range(200):
        store.enqueue(JobSpec("other", {"text": "x" * 4000}))


def count(store: Store, status: JobStatus) -> int:
    return store.depth().of(status)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    mount = shutil.which("mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("no right to mount a file system here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_jobs_wait_out_a_full_disk_and_none_is_lost_or_failed(small_disk: Path) -> None:
    with closing(open_store(f"sqlite:///{small_disk / 'queue.db'}", max_crashes=100)) as store:
        runner = Keeping(store, size=50_000)
        jobs = add(store, 6)
        async with working(store, runner):
            await until(lambda: count(store, JobStatus.PROCESSING) == 6)
            ballast = small_disk / "ballast"
            with ballast.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(b"x" * 4096)
                except OSError:
                    """It is full now."""
            with pytest.raises(StoreUnavailableError):
                use_up(store)
            runner.gate.set()
            await asyncio.sleep(1)  # they run into it
            assert count(store, JobStatus.FAILED) == 0
            ballast.unlink()
            await until(lambda: all(store.get(job).status is JobStatus.COMPLETED for job in jobs))
        assert [store.get(job).retry_count for job in jobs] == [0] * 6


async def test_jobs_wait_out_a_lock_that_another_program_holds_for_long(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    with closing(open_store(f"sqlite:///{path}", busy_timeout_s=0.2, max_crashes=100)) as store:
        runner = Keeping(store)
        jobs = add(store, 4)
        async with working(store, runner):
            await until(lambda: count(store, JobStatus.PROCESSING) == 4)
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            runner.gate.set()
            await asyncio.sleep(2)  # ten times as long as anyone waits for it
            assert count(store, JobStatus.PROCESSING) == 4
            other.execute("ROLLBACK")
            other.close()
            await until(lambda: count(store, JobStatus.COMPLETED) == 4)
        assert [store.get(job).retry_count for job in jobs] == [0] * 4


@pytest.mark.parametrize("how", ["deleted", "replaced"])
async def test_a_file_that_was_taken_away_ends_the_worker_and_says_so(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.queue.worker.GIVE_BACK_S", 0.2)
    path = tmp_path / "queue.db"
    with closing(open_store(f"sqlite:///{path}")) as store:
        worker = Worker(store, Keeping(store), SETTINGS, make_owner(), SystemClock())
        running = asyncio.create_task(worker.run(asyncio.Event(), grace_s=0))
        (job,) = add(store, 1)
        await until(lambda: store.get(job).status is JobStatus.PROCESSING)
        if how == "replaced":
            with closing(open_store(f"sqlite:///{tmp_path / 'new.db'}")):
                """A database as a restored backup would be."""
            (tmp_path / "new.db").replace(path)
        else:
            path.unlink()
        with pytest.raises(StoreReplacedError, match="deleted or replaced while this program had it open"):
            await asyncio.wait_for(running, PATIENT_S)
        with pytest.raises(StoreReplacedError):
            store.enqueue(JobSpec("daily_ca"))


async def test_fifteen_jobs_run_first_in_first_out_and_high_ones_jump(tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path / 'queue.db'}", synchronous="NORMAL")) as store:
        normal = add(store, 12)
        high = add(store, 3, Priority.HIGH)
        runner = Keeping(store)
        runner.gate.set()
        async with working(store, runner, SETTINGS.model_copy(update={"slots": 1})):
            await until(lambda: count(store, JobStatus.COMPLETED) == 15)
        assert runner.started == [*high, *normal]


async def test_a_time_limit_that_is_changed_while_the_worker_runs_holds_for_the_next_job(tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path / 'queue.db'}", synchronous="NORMAL")) as store:
        runner = Keeping(store)  # its gate stays closed: only the limit ends it
        async with working(store, runner):
            (first,) = add(store, 1)
            await until(lambda: store.get(first).status is JobStatus.PROCESSING)
            store.put_queue_config(QueueConfig("daily_ca", timeout_s=0.3, max_retries=1, retry_delay_s=0))
            (second,) = add(store, 1)
            await until(lambda: store.get(second).status is JobStatus.FAILED)
            assert store.get(first).status is JobStatus.PROCESSING
            store.reap()  # the retry is due at once, by the changed settings
            await until(lambda: store.get(second).status is JobStatus.FAILED and store.get(second).attempt == 2)
            assert store.get(second).is_final


def test_a_killed_process_of_this_machine_is_not_alive_from_then_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    with closing(open_store(url)) as store, worker_process(url) as worker:
        (job,) = [store.enqueue(JobSpec("daily_ca", {"seconds": 600})).job.id]
        end = time.monotonic() + PATIENT_S
        while not worker.started and time.monotonic() < end:
            time.sleep(0.02)
        owner = store.get(job).lease_owner
        assert owner is not None
        store.beat(owner, kind="worker", host="h", pid=worker.process.pid, started_at=SystemClock().now())
        assert [process.alive for process in store.processes()] == [True]
        worker.process.send_signal(signal.SIGKILL)
        worker.process.wait()
        assert [process.alive for process in store.processes()] == [False]
        assert bury_the_dead(store)
