"""The tables as other applications, other processes and other versions meet them: on SQLite and PostgreSQL."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError
from store_world import RESULT, World, an_error

from scheduler.domain.job import JobSpec, JobStatus, Priority, QueueConfig
from scheduler.domain.settlement import Completed
from scheduler.ports.store import SchemaError, StoreError
from scheduler.store import open_store
from scheduler.store.engine import open_engine
from scheduler.store.migrations import HEAD, VERSION_TABLE, migrate
from scheduler.store.rows import Row, jobs
from scheduler.store.sql_store import SqlStore

BARE = "INSERT INTO jobs (job_type, priority, status, payload) VALUES (:job_type, :priority, 'queued', :payload)"
UUID4 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")


def bare_insert(world: World, priority: str = "normal", **payload: Any) -> None:
    """What another application does, which knows the four columns of the contract and no more."""
    world.sql(BARE, job_type="daily_ca", priority=priority, payload=json.dumps(payload))


def test_bare_insert_is_claimed(sql_world: World) -> None:
    bare_insert(sql_world, n=1)
    bare_insert(sql_world, "high", n=2)
    first, second = sql_world.claim()
    assert (first.job.payload, second.job.payload) == ({"n": 2}, {"n": 1})
    assert UUID4.match(first.job.id)
    assert first.job.id != second.job.id
    assert (first.job.seq, second.job.seq) == (2, 1)
    assert (first.job.max_retries, first.job.retry_count, first.job.attempt) == (3, 0, 1)
    assert first.job.created_at == first.job.created_at.astimezone(first.job.created_at.tzinfo)
    assert sql_world.store.complete(first, RESULT)
    assert sql_world.job(first).payload["n"] == 2


def test_insert_of_the_job_type_alone_is_a_normal_queued_job(sql_world: World) -> None:
    sql_world.sql("INSERT INTO jobs (job_type) VALUES ('daily_ca')")
    (job,) = sql_world.store.list().items
    assert (job.priority, job.status, job.payload) == (Priority.NORMAL, JobStatus.QUEUED, {})
    age = sql_world.store.depth().oldest_queued_age_s
    assert age is not None
    assert 0 <= age < 60


def test_bare_insert_follows_the_settings_of_its_type(sql_world: World) -> None:
    sql_world.store.put_queue_config(QueueConfig("daily_ca", max_retries=1, timeout_s=10))
    bare_insert(sql_world)
    lease = sql_world.claim_one()
    assert lease.job.max_retries == 1
    assert lease.job.time_limit_at is not None


@pytest.mark.parametrize(
    "columns",
    [
        {"status": "pending"},
        {"priority": "urgent"},
        {"job_type": ""},
        {"payload": "[1, 2]"},
        {"retry_count": -1},
    ],
    ids=lambda columns: next(iter(columns)),
)
def test_row_that_no_worker_could_take_is_refused_at_the_insert(sql_world: World, columns: dict[str, Any]) -> None:
    values = {"job_type": "daily_ca", "priority": "normal", "status": "queued", "payload": "{}", "retry_count": 0}
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    with pytest.raises(StoreError) as caught:
        sql_world.sql(f"INSERT INTO jobs ({names}) VALUES ({marks})", **values | columns)  # noqa: S608 - constants
    assert isinstance(caught.value.__cause__, IntegrityError)


def test_error_message_holds_the_json_of_the_contract(sql_world: World) -> None:
    sql_world.add()
    sql_world.store.fail(sql_world.claim_one(), an_error(), retryable=False)
    [(text,)] = sql_world.sql("SELECT error_message FROM jobs")
    assert json.loads(text) == {
        "message": "the service answered 500",
        "type": "API_ERROR",
        "timestamp": "2026-11-20T03:01:02.345678Z",
        "stack": "Traceback …",
        "stage": "manim",
        "provider": "manim-api",
    }


@pytest.mark.parametrize("text", ["it broke", "[1]", "3", '{"message": "it broke", "type": "ODD", "timestamp": "?"}'])
def test_error_message_that_another_application_wrote_is_shown(sql_world: World, text: str) -> None:
    job = sql_world.add()
    sql_world.sql("UPDATE jobs SET status = 'failed', error_message = :text", text=text)
    error = sql_world.job(job).error
    assert error is not None
    assert error.message in {text, "it broke"}


def test_job_set_to_processing_by_hand_goes_back_to_the_queue(sql_world: World) -> None:
    """Nobody holds a lease on it, and it would take one of the ten places for ever."""
    job = sql_world.add()
    sql_world.sql("UPDATE jobs SET status = 'processing'")
    assert sql_world.store.reap().expired == (job.id,)


def test_deleted_job_takes_its_records_along(sql_world: World) -> None:
    sql_world.add()
    render = sql_world.render(sql_world.claim_one())
    sql_world.attempt(render)
    sql_world.sql("DELETE FROM jobs")
    assert sql_world.store.attempts() == []
    assert sql_world.store.get_render(render.id) is None


def test_numbers_are_never_given_out_twice(sql_world: World) -> None:
    last = sql_world.add_many(3)[-1]
    sql_world.sql("DELETE FROM jobs WHERE seq = :seq", seq=last.seq)
    assert sql_world.add().seq > last.seq


def test_rows_and_migrations_agree(sql_world: World) -> None:
    assert isinstance(sql_world.store, SqlStore)
    inspector = sa.inspect(sql_world.store.database.engine)
    tables = {name for name in inspector.get_table_names() if not name.startswith("job_search")}
    assert tables == set(Row.metadata.tables) | {VERSION_TABLE}
    dialect = sql_world.store.database.engine.dialect
    for name, table in Row.metadata.tables.items():
        found = {column["name"]: column for column in inspector.get_columns(name)}
        assert set(found) == {column.name for column in table.columns}, name
        for column in table.columns:
            if column.computed is None:
                assert found[column.name]["nullable"] == column.nullable, f"{name}.{column.name}"
            wanted = column.type.dialect_impl(dialect)
            assert family(found[column.name]["type"]) == family(wanted), f"{name}.{column.name}"


def family(kind: Any) -> str:
    """Types that hold the same values: INTEGER and BIGINT, TEXT and VARCHAR."""
    inner = getattr(kind, "impl_instance", None) or kind
    word = type(inner).__name__.upper().lstrip("_")
    for part, name in (
        ("BOOL", "bool"),
        ("INT", "int"),
        ("TIMESTAMP", "time"),
        ("DATE", "date"),
        ("JSON", "json"),
        ("UUID", "uuid"),
        ("FLOAT", "real"),
        ("REAL", "real"),
        ("DOUBLE", "real"),
    ):
        if part in word:
            return name
    return "text"


def test_migrating_again_changes_nothing(sql_world: World) -> None:
    sql_world.add()
    assert sql_world.url is not None
    engine = open_engine(sql_world.url)
    assert migrate(engine) == HEAD
    engine.dispose()
    assert len(sql_world.store.list().items) == 1


def test_newer_schema_is_refused_with_the_remedy(sql_world: World) -> None:
    assert sql_world.url is not None
    sql_world.sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608 - a constant
    try:
        for bring_up_to_date in (True, False):
            with pytest.raises(SchemaError, match=r"9999.*newer.*install") as caught:
                open_store(sql_world.url, migrate=bring_up_to_date)
            assert "predawn" in str(caught.value) or "postgres" in str(caught.value)
    finally:
        sql_world.sql(f"UPDATE {VERSION_TABLE} SET version_num = '{HEAD}'")  # noqa: S608 - a constant


FILL = """
INSERT INTO jobs (job_type, status, retry_at, lease_expires_at)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
SELECT 'daily_ca',
    CASE WHEN i % 10 = 0 THEN 'queued' WHEN i % 1000 = 1 THEN 'processing'
        WHEN i % 100 = 2 THEN 'failed' ELSE 'completed' END,
    CASE WHEN i % 100 = 2 THEN {now} END,
    CASE WHEN i % 1000 = 1 THEN {now} END
FROM n
"""


def plans(world: World, act: Callable[[], object]) -> dict[str, str]:
    """The database's plan for each statement that ``act`` runs, by statement."""
    assert isinstance(world.store, SqlStore)
    engine = world.store.database.engine
    ran: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        ran.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    act()
    event.remove(engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    found: dict[str, str] = {}
    with engine.begin() as connection:
        for statement, parameters in ran:
            if "jobs" in statement:
                rows = connection.exec_driver_sql(f"{explain} {statement}", parameters)
                found[statement] = "\n".join(str(row) for row in rows)
    return found


@pytest.mark.parametrize("limits", [QueueConfig("daily_ca"), QueueConfig("daily_ca", timeout_s=5)])
@pytest.mark.parametrize("analysed", [True, False])
def test_claim_reads_one_range_of_an_index(sql_world: World, limits: QueueConfig, *, analysed: bool) -> None:
    """With far more ended jobs than waiting ones, as it is after a year; and never sorting what waits.

    Also in a database that nobody has ever analysed, as SQLite's are.
    """
    fill_jobs(sql_world, analysed=analysed)
    sql_world.store.put_queue_config(limits)
    found = plans(sql_world, lambda: sql_world.claim(limit=1, cap=100))
    (select,) = [plan for statement, plan in found.items() if "ORDER BY" in statement]
    assert "jobs_claim" in select, select
    assert "TEMP B-TREE" not in select, select
    assert "Sort" not in select, select
    assert_no_table_scan(found)


def test_group_of_ends_and_claims_goes_straight_to_its_rows(sql_world: World) -> None:
    fill_jobs(sql_world, analysed=False)
    leases = sql_world.claim("me", limit=3, cap=100)
    done = [Completed(lease, RESULT) for lease in leases]
    found = plans(sql_world, lambda: sql_world.store.settle_and_claim(done, "me", limit=3, lease_s=30, cap=100))
    assert_no_table_scan(found)
    if sql_world.name == "sqlite":
        for plan in (plan for statement, plan in found.items() if statement.startswith("UPDATE jobs")):
            assert "SEARCH jobs USING INTEGER PRIMARY KEY" in plan
            assert "TEMP B-TREE" not in plan


def test_counts_and_retries_do_not_depend_on_how_many_jobs_wait_or_failed(sql_world: World) -> None:
    fill_jobs(sql_world, analysed=False)
    for act, index in ((sql_world.store.depth, "jobs_waiting"), (sql_world.store.reap, "jobs_retry_due")):
        assert any(index in plan for plan in plans(sql_world, act).values()), index


@pytest.mark.parametrize("act", ["reap", "owners", "heartbeat", "complete"])
def test_hot_statements_never_read_the_whole_table(sql_world: World, act: str) -> None:
    fill_jobs(sql_world)
    (lease,) = sql_world.claim("me", limit=1, cap=100)
    actions: dict[str, Callable[[], object]] = {
        "reap": sql_world.store.reap,
        "owners": sql_world.store.owners,
        "heartbeat": lambda: sql_world.store.heartbeat(lease, lease_s=30),
        "complete": lambda: sql_world.store.complete(lease, RESULT),
    }
    found = plans(sql_world, actions[act])
    assert found
    assert_no_table_scan(found)


def fill_jobs(world: World, *, analysed: bool = True) -> None:
    world.sql(FILL.format(now="'2026-11-20T03:00:00.000000Z'" if world.name == "sqlite" else "now()"))
    if analysed or world.name != "sqlite":
        world.sql("ANALYZE jobs")


def assert_no_table_scan(found: dict[str, str]) -> None:
    for statement, plan in found.items():
        assert not re.search(r"SCAN jobs(?! USING)|Seq Scan on jobs", plan), f"{statement}\n{plan}"


WORKER = """
import sys
from scheduler.domain.job import JobResult
from scheduler.store import open_store
url, owner = sys.argv[1:]
store = open_store(url, synchronous="NORMAL")
print("ready", flush=True)
sys.stdin.readline()
while leases := store.claim(owner, limit=3, lease_s=30):
    for lease in leases:
        if store.complete(lease, JobResult("file:///v.mp4", None, 1.0, degraded=False)):
            print(lease.job.seq, lease.attempt, flush=True)
store.close()
"""


def test_processes_that_claim_at_once_never_share_a_job(sql_world: World) -> None:
    assert sql_world.url is not None
    sql_world.add_many(60)
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, sql_world.url, f"worker-{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    done: Counter[str] = Counter()
    shares: list[int] = []
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        output, _ = worker.communicate(timeout=60)
        assert worker.returncode == 0
        shares.append(len(output.splitlines()))
        done.update(output.splitlines())
    assert set(done.values()) == {1}
    assert sorted(int(line.split()[0]) for line in done) == list(range(1, 61))
    assert sql_world.store.depth().by_status == {JobStatus.COMPLETED: 60}


def test_many_threads_on_one_store_lose_nothing(sql_world: World) -> None:
    store = sql_world.store
    finished: list[str] = []

    def produce() -> None:
        for _ in range(10):
            store.enqueue(JobSpec("daily_ca"))

    def consume(owner: str) -> None:
        while len(finished) < 40:
            for lease in store.claim(owner, limit=2, lease_s=30):
                store.heartbeat(lease, lease_s=30, progress=0.5)
                if store.complete(lease, RESULT):
                    finished.append(lease.job.id)

    threads = [threading.Thread(target=produce) for _ in range(4)]
    threads += [threading.Thread(target=consume, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(finished) == len(set(finished)) == 40


def test_generated_rank_follows_the_priority() -> None:
    assert jobs.c.priority_rank.computed is not None
    assert [priority.rank for priority in Priority] == [0, 1, 2]


def test_concurrent_openings_of_a_new_database_make_one_schema(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path / 'deep' / 'er' / 'predawn.db'}"
    opened: list[SqlStore] = []
    threads = [threading.Thread(target=lambda: opened.append(open_store(url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 4
    opened[0].enqueue(JobSpec("daily_ca"))
    assert len(opened[3].list().items) == 1
    for store in opened:
        store.close()
