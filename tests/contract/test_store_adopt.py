"""A ``jobs`` table that other applications have used for long becomes predawn's: on a real PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from store_world import LEASE_S, RESULT

from scheduler.domain.job import JobSpec, JobStatus
from scheduler.filters import parse
from scheduler.ports.store import SchemaError
from scheduler.store import open_store
from scheduler.store.engine import open_engine
from scheduler.store.sql_store import SqlStore

CONTRACT = """
CREATE TABLE jobs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    job_type text NOT NULL,
    priority text DEFAULT 'normal',
    status text NOT NULL DEFAULT 'pending',
    payload jsonb,
    retry_count int DEFAULT 0,
    max_retries int DEFAULT 3,
    error_message text,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    started_at timestamptz,
    completed_at timestamptz
)
"""
ROWS = """
INSERT INTO jobs (job_type, priority, status, payload, created_at) VALUES
    ('daily_ca', 'high', 'completed', '{"title": "budget"}', '2026-11-18T00:00:00Z'),
    ('doubt', NULL, 'queued', NULL, '2026-11-20T00:00:00Z'),
    ('doubt', 'low', 'pending', '{"n": 1}', '2026-11-19T00:00:00Z')
"""

Sql = Callable[..., list[sa.Row[tuple[object, ...]]]]


@pytest.fixture
def url(postgresql_url: str) -> Iterator[str]:
    """An empty database on the server of the tests."""
    name = f"adopted_{uuid.uuid4().hex[:8]}"
    server = open_engine(postgresql_url).execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield sa.make_url(postgresql_url).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture
def sql(url: str) -> Iterator[Sql]:
    """SQL as another application runs it."""
    engine = open_engine(url)

    def run(*statements: str) -> list[sa.Row[tuple[object, ...]]]:
        rows: list[sa.Row[tuple[object, ...]]] = []
        with engine.begin() as connection:
            for statement in statements:
                result = connection.exec_driver_sql(statement)
                rows = list(result.all()) if result.returns_rows else []
        return rows

    yield run
    engine.dispose()


@pytest.fixture
def adopted(url: str, sql: Sql) -> Iterator[SqlStore]:
    sql(CONTRACT, ROWS)
    store = open_store(url)
    yield store
    store.close()


def test_rows_stay_and_stand_in_the_order_they_were_made(adopted: SqlStore) -> None:
    newest, pending, old = adopted.list().items
    assert [job.seq for job in (old, pending, newest)] == [1, 2, 3]
    assert (old.status, pending.status, newest.status) == (JobStatus.COMPLETED, JobStatus.QUEUED, JobStatus.QUEUED)
    assert (newest.priority, newest.payload) == ("normal", {})
    assert old.payload == {"title": "budget"}


def test_adopted_jobs_are_worked_on_counted_and_found(adopted: SqlStore) -> None:
    assert adopted.depth().by_status == {JobStatus.COMPLETED: 1, JobStatus.QUEUED: 2}
    age = adopted.depth().oldest_queued_age_s
    assert age is not None
    assert age > 3600, "it has waited since it was made"
    (found,) = adopted.list(filter=parse("budget", now=adopted.list().items[0].created_at)).items
    assert found.seq == 1
    (lease, *_) = adopted.claim("w", limit=1, lease_s=LEASE_S)
    assert lease.job.payload == {}
    assert adopted.complete(lease, RESULT)
    assert adopted.enqueue(JobSpec("daily_ca")).job.seq == 4


def test_applications_go_on_inserting_as_before(adopted: SqlStore, sql: Sql) -> None:
    sql("INSERT INTO jobs (job_type, priority, status, payload) VALUES ('daily_ca', 'high', 'queued', '{}')")
    sql("INSERT INTO jobs (job_type) VALUES ('daily_ca')")
    first, second, *_ = adopted.list().items
    assert (first.seq, second.seq, first.status) == (5, 4, JobStatus.QUEUED)
    assert adopted.claim("w", limit=1, lease_s=LEASE_S)[0].job.id == second.id


def test_second_opening_finds_nothing_to_do(adopted: SqlStore, url: str) -> None:
    open_store(url, migrate=False).close()
    assert len(adopted.list().items) == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("ALTER TABLE jobs DROP COLUMN payload", "no column payload"),
        (
            "ALTER TABLE jobs ALTER COLUMN payload TYPE text",
            "payload is text and must be jsonb; change it: ALTER TABLE",
        ),
        (
            "ALTER TABLE jobs ALTER COLUMN created_at TYPE timestamp",
            "created_at has no time zone; change it: ALTER TABLE",
        ),
        ("UPDATE jobs SET status = 'waiting' WHERE status = 'pending'", "status 'waiting', which is none of"),
        ("CREATE TABLE render_logs (render_id uuid)", "a table render_logs that is not predawn's; rename it"),
    ],
)
def test_table_that_does_not_fit_is_refused_and_left_as_it_is(url: str, sql: Sql, change: str, words: str) -> None:
    sql(CONTRACT, ROWS, change)
    before = sql("SELECT * FROM jobs ORDER BY id")
    with pytest.raises(SchemaError, match=words):
        open_store(url)
    assert sql("SELECT * FROM jobs ORDER BY id") == before
    assert sql("SELECT tablename FROM pg_tables WHERE tablename = 'predawn_schema'") == []


def test_json_that_is_not_binary_is_made_so(url: str, sql: Sql) -> None:
    sql(CONTRACT, ROWS, "ALTER TABLE jobs ALTER COLUMN payload TYPE json")
    store = open_store(url)
    assert {job.payload.get("n") for job in store.list().items} == {None, 1}
    store.close()
