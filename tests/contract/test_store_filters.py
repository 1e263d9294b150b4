"""Filters, orders and counts of lists: on every store, and the SQL against its meaning."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_world import LEASE_S, RESULT, World, an_error

from scheduler.domain.failure import FailureClass, JobError
from scheduler.domain.filter import Count, Field, Filter, JobSort, Term
from scheduler.domain.job import Job, JobSpec, JobStatus, Priority
from scheduler.filters import matches, parse
from scheduler.ports.store import Store

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def found(world: World, text: str, **values: Any) -> list[Job]:
    return list(world.store.list(filter=parse(text, now=datetime.now(UTC)), **values).items)


def ids(jobs: Sequence[Job]) -> list[str]:
    return [job.id for job in jobs]


def test_one_of_each_kind_is_found_by_what_it_is(world: World) -> None:
    night = world.add("daily_ca", idempotency_key="daily_ca:2026-11-20", run_date=date(2026, 11, 20))
    test = world.add("doubt", Priority.HIGH, payload={"tags": ["test", "x"], "title": "Kepler's laws"})
    single = world.add("doubt", payload={"tags": "test", "brief": {"lines": ["RBI holds the rate", "at 5.5"]}})
    (lease,) = world.store.claim("w", limit=1, lease_s=LEASE_S, only=[single.id])
    error = JobError("it timed out after 30 s", FailureClass.TIMEOUT, NOW, stage="manim")
    assert world.store.fail(lease, error, retryable=False)
    expected = {
        "status:failed": [single],
        "status:failed status:queued": [single, test, night],
        "type:doubt": [single, test],
        "type:dou*": [single, test],
        "-type:doubt": [night],
        "priority:high": [test],
        "stage:manim": [single],
        "-stage:manim": [test, night],
        "error:timeout": [single],
        'error:"TIMED out"': [single],
        "error:api-error": [],
        "-error:timeout": [test, night],
        "tag:test": [single, test],
        "-tag:test": [night],
        "tag:x": [test],
        f"id:{night.id[:10]}": [night],
        f"id:{night.id}": [night],
        "id:zzz": [],
        "key:daily_ca:2026-11-20": [night],
        "key:daily_ca:*": [night],
        "-key:daily_ca:*": [single, test],
        "date:2026-11-20": [night],
        "-date:2026-11-20": [single, test],
        "schedule:nightly": [],
        "degraded:no": [single, test, night],
        "degraded:yes": [],
        "kepler": [test],
        "kep": [test],
        '"kep"': [],
        '"kepler s laws"': [test],
        '"laws kepler"': [],
        '"holds the rate"': [single],
        '"rate at"': [],
        "rbi rate": [single],
        "rbi kepler": [],
        "-kepler": [single, night],
        "daily": [night],
        '"timed out"': [single],
        "title": [],
        "after:-1h": [single, test, night],
        "before:-1h": [],
        "type:doubt -status:failed": [test],
        "type:doubt type:daily_ca error:timeout": [single],
    }
    # The clock of the in-memory world stands on another day.
    skip = {"after:-1h", "before:-1h"} if world.name == "memory" else set[str]()
    for text, jobs in expected.items():
        if text not in skip:
            assert ids(found(world, text)) == ids(jobs), text


HOSTILE = (
    "'; DROP TABLE jobs; --",
    '" OR 1=1 --',
    "a* NEAR(b c)",
    "job_type : x ^ y",
    "{a b} : c + d",
    "a & b | !c <-> d:*",
    "\\' \\ z",
    "%_% z",
    "ॐ ₹ 🔥",
)


@pytest.mark.parametrize(
    "field", [Field.TYPE, Field.STAGE, Field.ERROR, Field.ID, Field.KEY, Field.TAG, Field.STATUS, Field.TEXT]
)
def test_hostile_values_find_nothing_and_break_nothing(world: World, field: Field) -> None:
    job = world.add(payload={"title": "plain"})
    for text in HOSTILE:
        assert world.store.list(filter=Filter((Term(field, text, prefix=True),))).items == (), text
        left = world.store.list(filter=Filter((Term(field, text, negated=True),))).items
        assert ids(left) == [job.id], text


def test_completed_jobs_are_not_found_by_their_result(world: World) -> None:
    job = world.add(payload={"title": "budget"})
    assert world.store.complete(world.claim_one(), RESULT)
    assert ids(found(world, "budget")) == [job.id]
    assert found(world, "mp4") == []


def test_error_is_found_until_it_is_gone(world: World) -> None:
    job = world.add(payload={"title": "budget"})
    world.store.fail(world.claim_one(), an_error(message="teapot refused"), retryable=True)
    assert ids(found(world, "teapot")) == [job.id]
    world.advance(400)
    world.store.reap()
    assert world.store.complete(world.claim_one(), RESULT)
    assert found(world, "teapot") == []
    assert ids(found(world, "budget")) == [job.id]


@pytest.mark.parametrize("sort", list(JobSort))
def test_pages_of_every_order_hold_every_job_once(world: World, sort: JobSort) -> None:
    for number in range(11):
        world.add("daily_ca" if number % 2 else "doubt", list(Priority)[number % 3])
    seen: list[Job] = []
    cursor: str | None = None
    while True:
        page = world.store.list(sort=sort, limit=3, cursor=cursor, filter=parse("type:d*", now=NOW))
        seen += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    order: dict[JobSort, Callable[[Job], tuple[int, int]]] = {
        JobSort.NEWEST: lambda job: (-job.seq, 0),
        JobSort.OLDEST: lambda job: (job.seq, 0),
        JobSort.PRIORITY: lambda job: (job.priority.rank, job.seq),
    }
    assert len(seen) == 11
    assert seen == sorted(seen, key=order[sort])


def test_cursor_of_another_order_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="no cursor"):
        world.store.list(sort=JobSort.PRIORITY, cursor="12")
    with pytest.raises(ValueError, match="no cursor"):
        world.store.list(sort=JobSort.OLDEST, cursor="1.12")


def test_count_stops_at_the_cap(world: World) -> None:
    world.add_many(7)
    world.add("doubt")
    wanted = parse("type:daily_ca", now=NOW)
    assert world.store.count(filter=wanted) == Count(7)
    assert world.store.count() == Count(8)
    assert world.store.count(filter=wanted, cap=7) == Count(7)
    assert world.store.count(filter=wanted, cap=5) == Count(5, capped=True)
    assert str(Count(10_000, capped=True)) == "10,000+"


# The SQL and its meaning

WORDS = ("alpha", "Beta", "beta-2", "timeout", "a_b", "हिन्दी", "x1", "5.5", "ab")
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
leaves: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers(-5, 5) | texts
trees: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abz"), inner, max_size=3),
    max_leaves=5,
)
payloads = st.fixed_dictionaries(
    {},
    optional={
        "title": texts,
        "deep": trees,
        "video_url": texts,
        "tags": st.lists(st.sampled_from(["test", "x", 3]), max_size=2)
        | st.sampled_from(["test", {"test": 1}, None, 5]),
    },
)
errors = (
    st.none()
    | texts
    | st.sampled_from(["[1]", "3", "{", '{"message": "", "type": "ODD"}', '{"message": "Beta", "type": "TIMEOUT"}'])
    | st.fixed_dictionaries(
        {
            "message": texts,
            "type": st.sampled_from([*FailureClass, "ODD"]),
            "stage": st.sampled_from(["manim", "tts", None]),
        }
    ).map(json.dumps)
)
rows = st.fixed_dictionaries(
    {
        "job_type": st.sampled_from(["daily_ca", "doubt", "Daily"]),
        "priority": st.sampled_from(list(Priority)).map(str),
        "status": st.sampled_from(list(JobStatus)).map(str),
        "payload": payloads.map(json.dumps),
        "error": errors,
        "stage": st.sampled_from([None, "manim", "tts"]),
        "degraded": st.booleans(),
        "key": st.sampled_from([None, "k", "key:Beta"]),
        "schedule": st.sampled_from([None, "nightly"]),
        "run_date": st.sampled_from([None, "2026-11-19", "2026-11-20"]),
        "age_h": st.integers(0, 5),
    }
)
values: dict[Field, st.SearchStrategy[Any]] = {
    Field.STATUS: st.sampled_from(list(JobStatus)).map(str),
    Field.TYPE: st.sampled_from(["daily_ca", "doubt", "d", "da", "nothing"]),
    Field.PRIORITY: st.sampled_from(list(Priority)).map(str),
    Field.STAGE: st.sampled_from(["manim", "tts", "upload"]),
    Field.ERROR: st.sampled_from(["timeout", "api-error", "unknown", "beta", "%", "_", "a_b", "odd", "["]),
    Field.AFTER: st.integers(0, 6).map(lambda hours: NOW - timedelta(hours=hours)),
    Field.BEFORE: st.integers(0, 6).map(lambda hours: NOW - timedelta(hours=hours)),
    Field.DEGRADED: st.booleans(),
    Field.ID: st.text("0123456789abcdef", min_size=1, max_size=2),
    Field.KEY: st.sampled_from(["k", "key:Beta", "K"]),
    Field.SCHEDULE: st.sampled_from(["nightly", "night"]),
    Field.DATE: st.sampled_from([date(2026, 11, 19), date(2026, 11, 20)]),
    Field.TAG: st.sampled_from(["test", "x", "3", "alpha"]),
    Field.TEXT: st.lists(st.sampled_from([*WORDS, "al", "t", "daily", "key", "video"]), min_size=1, max_size=2).map(
        " ".join
    ),
}
terms = st.sampled_from(list(Field)).flatmap(
    lambda field: st.builds(
        Term,
        st.just(field),
        values[field],
        st.booleans(),
        st.booleans() if field in {Field.TYPE, Field.KEY, Field.SCHEDULE, Field.TEXT} else st.just(field is Field.ID),
    )
)
filters = st.lists(terms, min_size=1, max_size=4).map(lambda found: Filter(tuple(found)))

INSERT = (
    "INSERT INTO jobs (job_type, priority, status, payload, error_message, stage, degraded, idempotency_key, "
    "schedule_name, run_date, created_at) VALUES (:job_type, :priority, :status, {payload}, :error, :stage, :degraded, "
    ":key, :schedule, {run_date}, {created_at})"
)


def insert(world: World, row: dict[str, Any]) -> None:
    """As another application may: any words in any column that the table allows."""
    sqlite = world.name == "sqlite"
    statement = INSERT.format(
        payload=":payload" if sqlite else "CAST(:payload AS jsonb)",
        run_date=":run_date" if sqlite else "CAST(:run_date AS date)",
        created_at=":created_at" if sqlite else "CAST(:created_at AS timestamptz)",
    )
    at = NOW - timedelta(hours=row.pop("age_h"), minutes=30)
    world.sql(statement, **row, created_at=at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def test_sql_finds_what_the_filter_means(sql_world: World) -> None:
    store: Store = sql_world.store
    taken: set[str] = set()

    @settings(
        max_examples=80,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(new=st.lists(rows, max_size=2), wanted=st.lists(filters, min_size=3, max_size=3))
    def agrees(new: list[dict[str, Any]], wanted: list[Filter]) -> None:
        for given_row in new:
            row = dict(given_row)
            if row["key"] in taken:
                row["key"] = None
            if row["key"]:
                taken.add(row["key"])
            insert(sql_world, row)
        every = store.list(limit=10_000).items
        for one in wanted:
            expected = [job for job in every if matches(one, job)]
            assert ids(store.list(filter=one, limit=10_000).items) == ids(expected), one
            assert store.count(filter=one).number == len(expected)

    agrees()
    assert len(store.list(limit=1000).items) > 20


def test_words_of_jobs_that_were_there_before_the_index_are_found(sql_world: World) -> None:
    """What ``db check --repair`` and the migration do: the whole index anew."""
    from scheduler.store.maintenance import SqlMaintenance  # noqa: PLC0415 - for this test alone

    kept = sql_world.add(payload={"title": "budget"})
    sqlite = sql_world.name == "sqlite"
    sql_world.sql("INSERT INTO job_search (job_search) VALUES ('delete-all')" if sqlite else "DELETE FROM job_search")
    assert found(sql_world, "budget") == []
    assert sql_world.url is not None
    maintenance = SqlMaintenance.open(sql_world.url)
    assert [one.name for one in maintenance.check().findings if not one.ok] == ["search"]
    assert maintenance.check(repair=True).ok
    assert maintenance.check().ok
    maintenance.close()
    assert ids(found(sql_world, "budget")) == [kept.id]


def test_very_long_payloads_are_taken(sql_world: World) -> None:
    text = " ".join(f"word{number}" for number in range(60_000)) + " " + "y" * 5000
    job = sql_world.store.enqueue(JobSpec("daily_ca", payload={"title": "needle", "text": text})).job
    assert ids(found(sql_world, "word17")) == [job.id] if sql_world.name == "sqlite" else True
    assert sql_world.store.get(job.id).payload["text"] == text
