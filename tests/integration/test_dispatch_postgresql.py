"""The pgqueuer dispatcher over a real PostgreSQL, with real worker processes."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from dispatch_world import fresh_database, postgresql_server, until, url_of, worker_process

from config.settings import QueueSettings
from scheduler.domain.job import Job, JobSpec, JobStatus, Priority, QueueConfig
from scheduler.ports.store import StoreUnavailableError
from scheduler.queue.dispatchers import make_dispatcher
from scheduler.queue.pgq.link import Link
from scheduler.queue.pgq.statements import Names
from scheduler.store import open_store
from scheduler.store.sql_store import SqlStore
from scheduler.testing import MemoryStore

BARE = (
    "INSERT INTO jobs (job_type, priority, status, payload) VALUES ('daily_ca', 'normal', 'queued', '{}') RETURNING id"
)


@dataclass(frozen=True)
class World:
    """An empty database with our schema."""

    server: str
    database: str
    url: str
    store: SqlStore

    def sql(self, statement: str) -> list[Any]:
        """Run SQL as another application would."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def add(self, count: int = 1, seconds: float = 0, **values: Any) -> list[str]:
        payload = {"seconds": seconds}
        return [self.store.enqueue(JobSpec("daily_ca", payload, **values)).job.id for _ in range(count)]

    def jobs(self) -> dict[str, Job]:
        return {job.id: job for job in self.store.list(limit=1000).items}

    def count(self, status: JobStatus) -> int:
        return Counter(job.status for job in self.jobs().values())[status]

    def done(self, jobs: list[str]) -> bool:
        found = self.jobs()
        return all(found[job].status is JobStatus.COMPLETED for job in jobs)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgresql_server(tmp_path_factory.mktemp("run")) as url:
        yield url


@pytest.fixture
def world(server: str) -> Generator[World, None, None]:
    with fresh_database(server) as name:
        url = url_of(server, name)
        store = open_store(url)
        yield World(server, name, url, store)
        store.close()


def tell(words: str) -> None:
    """A figure, for those who run this with ``-s`` or ``-rP``."""
    sys.stdout.write(f"{words}\n")


def test_a_bare_insert_is_picked_up_at_once_and_without_the_trigger_by_the_sweeper(world: World) -> None:
    with worker_process(world.url, sweep_s=60) as worker:
        until(lambda: worker.said("handed to the engine by trigger"))
        took: list[float] = []
        for n in range(5):
            ((job,),) = world.sql(BARE)
            inserted = time.time()
            until(lambda n=n: len(worker.started) > n, every_s=0.002)
            assert worker.started[n][0] == str(job)
            took.append(worker.started[n][1] - inserted)
        tell(f"picked up after {', '.join(f'{seconds * 1000:.0f}' for seconds in took)} ms")
        assert min(took) < 0.1
        assert max(took) < 1
        until(lambda: world.count(JobStatus.COMPLETED) == 5)
    world.sql("ALTER TABLE jobs DISABLE TRIGGER USER")
    with worker_process(world.url, sweep_s=1) as worker:
        until(lambda: worker.said("switched off"))
        world.sql(BARE)
        tell(f"by the sweeper after {until(lambda: bool(worker.started), within_s=5):.1f} s")


def test_two_workers_share_the_work_and_one_that_is_killed_is_made_up_for(world: World) -> None:
    with (
        worker_process(world.url, slots=3, lease_s=2) as first,
        worker_process(world.url, slots=3, lease_s=2) as second,
    ):
        jobs = world.add(8, seconds=0.7)
        until(lambda: bool(first.started) and bool(second.started))
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        killed = time.monotonic()
        until(lambda: world.done(jobs), within_s=30)
        tell(f"all done {time.monotonic() - killed:.1f} s after the kill, with a lease of 2 s")
        finished = world.jobs()
        lost = [job for job in jobs if finished[job].crash_count]
        assert 1 <= len(lost) <= 3
        assert set(lost) <= set(second.ids)


def test_never_more_than_ten_run_over_all_workers_and_a_stop_leaves_nothing_processing(world: World) -> None:
    with worker_process(world.url) as first, worker_process(world.url) as second:
        world.add(30, seconds=1)
        seen: list[int] = []

        def busy() -> bool:
            seen.append(world.count(JobStatus.PROCESSING))
            return len(first.started) + len(second.started) >= 20

        until(busy)
        for worker in (first, second):
            worker.process.send_signal(signal.SIGTERM)
        assert [worker.process.wait(15) for worker in (first, second)] == [0, 0]
    assert max(seen) == 10
    assert world.count(JobStatus.PROCESSING) == 0
    assert world.count(JobStatus.QUEUED) + world.count(JobStatus.COMPLETED) == 30


def test_priority_then_first_in_first_out_also_after_a_change_of_priority(world: World) -> None:
    low = world.add(2, priority=Priority.LOW)
    normal = world.add(3)
    high = world.add(2, priority=Priority.HIGH)
    with worker_process(world.url, slots=1, concurrency=1) as worker:
        until(lambda: world.done([*low, *normal, *high]))
        assert worker.ids == [*high, *normal, *low]
        hold = world.add(seconds=0.7)
        later = world.add(2)
        until(lambda: worker.ids[-1:] == hold)
        world.store.set_priority(later[1], Priority.HIGH)
        until(lambda: world.done(later))
        assert worker.ids[-2:] == [later[1], later[0]]


def test_a_full_or_paused_type_waits_and_goes_on_when_there_is_room(world: World) -> None:
    world.store.put_queue_config(QueueConfig("daily_ca", concurrency=1))
    jobs = world.add(3, seconds=0.2)
    with worker_process(world.url) as worker:
        until(lambda: bool(worker.started))
        assert world.count(JobStatus.PROCESSING) <= 1
        until(lambda: world.done(jobs))
        assert worker.ids == jobs
        world.store.put_queue_config(QueueConfig("daily_ca", paused=True))
        (held,) = world.add()
        until(lambda: world.sql("SELECT count(*) FROM predawn_pgqueuer") == [(0,)])
        assert world.jobs()[held].status is JobStatus.QUEUED
        world.store.put_queue_config(QueueConfig("daily_ca"))
        assert until(lambda: world.done([held]), within_s=5) < 5


def test_lost_connections_are_made_again_and_running_jobs_go_on(world: World) -> None:
    with worker_process(world.url) as worker:
        (long,) = world.add(seconds=1.5)
        until(lambda: bool(worker.started))
        world.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'predawn dispatcher'"
        )
        (after,) = world.add()
        until(lambda: world.done([long, after]))
        assert Counter(worker.ids) == {long: 1, after: 1}


def test_engine_rows_that_are_gone_are_made_again(world: World) -> None:
    jobs = world.add(6, seconds=0.2)
    with worker_process(world.url, concurrency=2) as worker:
        until(lambda: bool(worker.started))
        world.sql("DELETE FROM predawn_pgqueuer WHERE status = 'queued'")
        until(lambda: world.done(jobs))


def test_a_role_that_may_not_make_the_trigger_works_with_the_sweeper_alone(world: World) -> None:
    role = f"{world.database}_worker"
    for statement in (
        f"CREATE ROLE {role} LOGIN",
        f"GRANT ALL ON SCHEMA public TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    ):
        world.sql(statement)
    try:
        with worker_process(url_of(world.server, world.database, role)) as worker:
            until(lambda: worker.said("the sweeper alone does it"))
            world.sql(BARE)
            assert until(lambda: world.count(JobStatus.COMPLETED) == 1, within_s=5) < 5
            assert not world.sql("SELECT 1 FROM pg_trigger WHERE tgname LIKE 'predawn%' AND tgrelid = 'jobs'::regclass")
    finally:
        world.sql(f"DROP OWNED BY {role}")
        world.sql(f"DROP ROLE {role}")


def test_an_application_without_rights_on_the_engine_inserts_and_is_heard(world: World) -> None:
    role = f"{world.database}_app"
    with worker_process(world.url, sweep_s=60) as worker:
        until(lambda: worker.said("handed to the engine by trigger"))
        world.sql(f"CREATE ROLE {role} LOGIN")
        world.sql(f"GRANT INSERT, SELECT ON jobs TO {role}")
        try:
            with psycopg.connect(url_of(world.server, world.database, role), autocommit=True) as app:
                app.execute(BARE.encode())
            until(lambda: world.count(JobStatus.COMPLETED) == 1, within_s=5)
            world.sql("ALTER TABLE predawn_pgqueuer RENAME TO out_of_the_way")
            with psycopg.connect(url_of(world.server, world.database, role), autocommit=True) as app:
                app.execute(BARE.encode())  # an insert never fails for the engine's sake
            assert world.count(JobStatus.QUEUED) == 1
        finally:
            world.sql(f"DROP OWNED BY {role}")
            world.sql(f"DROP ROLE {role}")


async def test_installing_again_or_at_once_changes_nothing_and_another_prefix_stands_beside(world: World) -> None:
    def objects() -> set[Any]:
        found = world.sql(
            "SELECT oid, relname FROM pg_class WHERE relname LIKE '%pgqueuer%' UNION ALL "
            "SELECT oid, tgname FROM pg_trigger WHERE tgrelid = 'jobs'::regclass AND NOT tgisinternal"
        )
        return set(found)

    async def install(prefix: str) -> bool:
        async with Link.open(world.url, Names(prefix)) as link:
            return await link.install()

    assert await asyncio.gather(*(install("predawn_") for _ in range(3))) == [True] * 3
    before = objects()
    assert await install("predawn_")
    assert objects() == before
    assert await install("other_")
    assert before < objects()


def test_without_pgqueuer_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("pgqueuer", "scheduler.queue.pgq"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pgqueuer", None)
    with pytest.raises(StoreUnavailableError, match=r"pip install 'predawn\[postgres\]'"):
        make_dispatcher("postgresql://me@db.example/predawn", MemoryStore(), QueueSettings())


def test_pgqueuer_on_sqlite_is_refused_with_the_remedy() -> None:
    with pytest.raises(StoreUnavailableError, match="needs PostgreSQL"):
        make_dispatcher("sqlite:////srv/p.db", MemoryStore(), QueueSettings(dispatcher="pgqueuer"))
