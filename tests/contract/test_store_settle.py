"""Several ends and a claim in one transaction, and many jobs in one: each with its own answer, on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from store_world import LEASE_S, RESULT, World, an_error

from scheduler.domain.job import JobSpec, JobStatus, Lease, Priority
from scheduler.domain.settlement import CancelFinished, Completed, Failed, Released, Settlement
from scheduler.ports.store import StoreError


def settle(world: World, *settlements: Settlement, limit: int = 0, cap: int = 10) -> tuple[list[bool], list[Lease]]:
    return world.store.settle_and_claim(settlements, "worker", limit=limit, lease_s=LEASE_S, cap=cap)


def test_every_kind_of_end_in_one_call(world: World) -> None:
    world.add_many(5)
    done, failed, released, cancelled, final = world.claim(limit=5)
    world.store.cancel(cancelled.job.id, by="ann")
    degraded = replace(RESULT, degraded=True, thumbnail_url="file:///t.jpg")
    answers, leases = settle(
        world,
        Completed(done, degraded),
        Failed(failed, an_error(), retryable=True),
        Released(released, "stopping"),
        CancelFinished(cancelled),
        Failed(final, an_error(), retryable=False),
    )
    assert (answers, leases) == ([True] * 5, [])
    job = world.job(done)
    assert (job.status, job.degraded, job.progress) == (JobStatus.COMPLETED, True, 1.0)
    assert job.payload == {"video_url": "file:///v.mp4", "thumbnail_url": "file:///t.jpg", "duration": 61.5}
    assert job.completed_at is not None
    assert job.lease_owner is None
    assert world.job(failed).retry_at is not None
    assert (world.job(released).status, world.job(released).reason) == (JobStatus.QUEUED, "stopping")
    assert world.job(cancelled).status is JobStatus.CANCELLED
    assert world.job(final).is_final


def test_grouped_completion_leaves_what_a_single_one_leaves(world: World) -> None:
    spec = JobSpec("daily_ca", payload={"brief": {"n": 1.0, "t": "₹"}, "duration": "old"})
    world.store.enqueue_many([spec, spec])
    one, other = world.claim()
    assert world.store.complete(one, RESULT)
    assert settle(world, Completed(other, RESULT)) == ([True], [])
    left, right = world.job(one), world.job(other)
    same = {"id": "", "seq": 0, "completed_at": None, "updated_at": left.updated_at, "created_at": left.created_at}
    same |= {"started_at": None}
    assert replace(left, **same) == replace(right, **same)


def test_late_ends_are_refused_one_by_one(world: World) -> None:
    world.add_many(4)
    good, stale, forged, ended = world.claim(limit=4)
    assert world.store.complete(ended, RESULT)
    before = world.job(forged)
    answers, _ = settle(
        world,
        Completed(replace(stale, attempt=7), RESULT),
        Completed(good, RESULT),
        Completed(replace(forged, owner="someone else"), RESULT),
        Completed(ended, replace(RESULT, video_url="file:///late.mp4")),
        Failed(replace(forged, attempt=9), an_error(), retryable=True),
    )
    assert answers == [False, True, False, False, False]
    assert world.job(forged) == before
    assert world.job(ended).payload["video_url"] == RESULT.video_url
    assert world.job(stale).status is JobStatus.PROCESSING


def test_lease_ends_once_in_a_call(world: World) -> None:
    world.add()
    lease = world.claim_one()
    second = Completed(lease, replace(RESULT, video_url="file:///second.mp4"))
    answers, _ = settle(world, Completed(lease, RESULT), second, Failed(lease, an_error(), retryable=True))
    assert answers == [True, False, False]
    assert world.job(lease).payload["video_url"] == RESULT.video_url


def test_forged_lease_before_the_real_one_does_not_stand_in_its_way(world: World) -> None:
    world.add()
    lease = world.claim_one()
    answers, _ = settle(world, Completed(replace(lease, attempt=5), RESULT), Completed(lease, RESULT))
    assert answers == [False, True]
    assert world.job(lease).status is JobStatus.COMPLETED


def test_places_that_become_free_are_claimed_in_the_same_call(world: World) -> None:
    world.add_many(5)
    first = world.claim(cap=2)
    assert len(first) == 2
    answers, leases = settle(world, *(Completed(lease, RESULT) for lease in first), limit=10, cap=2)
    assert answers == [True, True]
    assert [lease.job.seq for lease in leases] == [3, 4]
    assert world.store.depth().of(JobStatus.PROCESSING) == 2


def test_limit_zero_claims_nothing_and_nothing_to_settle_is_a_claim(world: World) -> None:
    world.add()
    assert settle(world) == ([], [])
    assert len(settle(world, limit=1)[1]) == 1


def test_only_the_jobs_that_are_named_are_claimed(world: World) -> None:
    _, wanted = world.add_many(2)
    _, leases = world.store.settle_and_claim([], "w", limit=5, lease_s=LEASE_S, only=[wanted.id])
    assert [lease.job.id for lease in leases] == [wanted.id]


def test_cancelled_while_it_failed_or_was_given_back(world: World) -> None:
    world.add_many(2)
    failed, released = world.claim()
    for lease in (failed, released):
        world.store.cancel(lease.job.id, by="ann")
    answers, _ = settle(world, Failed(failed, an_error(), retryable=True), Released(released, "stopping"))
    assert answers == [True, True]
    assert {world.job(failed).status, world.job(released).status} == {JobStatus.CANCELLED}


def test_call_that_breaks_halfway_has_done_nothing(sql_world: World) -> None:
    sql_world.add_many(2)
    one, other = sql_world.claim()
    broken = replace(an_error(), message="x", stack=object())  # pyright: ignore[reportArgumentType] - the point
    with pytest.raises(TypeError):
        settle(sql_world, Completed(one, RESULT), Failed(other, broken, retryable=True))
    assert {job.status for job in sql_world.store.list().items} == {JobStatus.PROCESSING}


def test_many_jobs_are_kept_as_single_ones_are(world: World) -> None:
    specs = [
        JobSpec(
            "daily_ca",
            payload={"title": "₹ हिन्दी", "deep": {"list": [1, 2.5, 1.0, True, None, "a'b\"c\\d"]}},
            priority=Priority.HIGH,
            idempotency_key="daily_ca:2026-11-20",
            schedule_name="nightly",
            run_date=date(2026, 11, 20),
            deadline_at=datetime(2026, 11, 20, 0, 30, tzinfo=UTC),
            max_retries=1,
        ),
        JobSpec("doubt"),
    ]
    answers = world.store.enqueue_many(specs)
    assert [answer.created for answer in answers] == [True, True]
    for answer, spec in zip(answers, specs, strict=True):
        job = world.job(answer.job)
        assert job == answer.job
        assert (job.job_type, job.payload, job.priority) == (spec.job_type, spec.payload, spec.priority)
        assert (job.run_date, job.deadline_at, job.schedule_name) == (
            spec.run_date,
            spec.deadline_at,
            spec.schedule_name,
        )
        assert job.status is JobStatus.QUEUED
    assert [answer.job.max_retries for answer in answers] == [1, 3]


def test_many_jobs_stand_in_the_order_they_were_given(world: World) -> None:
    answers = world.store.enqueue_many([JobSpec("daily_ca", payload={"n": n}) for n in range(1100)])
    assert [answer.job.payload["n"] for answer in answers] == list(range(1100))
    assert [answer.job.seq for answer in answers] == sorted(answer.job.seq for answer in answers)
    assert [lease.job.payload["n"] for lease in world.claim()] == list(range(10))
    assert world.store.enqueue_many([]) == []


def test_keys_that_are_taken_answer_the_job_that_has_them(world: World) -> None:
    first = world.add(idempotency_key="a")
    specs = [JobSpec("doubt", idempotency_key=key) for key in ("b", "a", "b", None)]
    answers = world.store.enqueue_many(specs)
    assert [answer.created for answer in answers] == [True, False, False, True]
    assert answers[1].job == first
    assert answers[2].job == answers[0].job
    assert len(world.store.list().items) == 3


def test_one_bad_job_lets_none_in(sql_world: World) -> None:
    with pytest.raises(StoreError):
        sql_world.store.enqueue_many([JobSpec("daily_ca"), JobSpec("")])
    assert sql_world.store.list().items == ()


# Counters


def parts(world: World) -> dict[tuple[str, str, str], int]:
    return {(str(p.status), p.job_type, str(p.priority)): p.count for p in world.store.depth().parts}


def test_depth_tells_states_by_type_and_priority(world: World) -> None:
    world.add_many(2)
    world.add("doubt", Priority.HIGH)
    lease = world.claim_one()
    assert parts(world) == {("processing", "doubt", "high"): 1, ("queued", "daily_ca", "normal"): 2}
    assert world.store.complete(lease, RESULT)
    world.store.set_priority(world.store.list().items[-1].id, Priority.LOW)
    assert parts(world) == {
        ("completed", "doubt", "high"): 1,
        ("queued", "daily_ca", "low"): 1,
        ("queued", "daily_ca", "normal"): 1,
    }


def test_what_other_applications_write_is_counted_too(sql_world: World) -> None:
    sql_world.sql("INSERT INTO jobs (job_type, status) VALUES ('a', 'queued'), ('a', 'queued'), ('b', 'failed')")
    assert parts(sql_world) == {("failed", "b", "normal"): 1, ("queued", "a", "normal"): 2}
    sql_world.sql("UPDATE jobs SET status = 'cancelled', priority = 'low' WHERE job_type = 'a'")
    assert parts(sql_world) == {("cancelled", "a", "low"): 2, ("failed", "b", "normal"): 1}
    sql_world.sql("UPDATE jobs SET job_type = 'c' WHERE job_type = 'b'")
    sql_world.sql("DELETE FROM jobs WHERE job_type = 'a'")
    assert parts(sql_world) == {("failed", "c", "normal"): 1}


def test_counters_stay_right_while_they_are_folded(postgresql_world: World) -> None:
    world = postgresql_world
    for _ in range(30):
        leases: list[Lease] = []
        world.add_many(4)
        leases = world.claim()
        settle(world, *(Completed(lease, RESULT) for lease in leases))
    [(rows,)] = world.sql("SELECT count(*) FROM job_counts")
    assert rows > 200
    world.store.reap()
    [(rows,)] = world.sql("SELECT count(*) FROM job_counts")
    assert rows == 1
    assert parts(world) == {("completed", "daily_ca", "normal"): 120}


def test_rows_that_are_truncated_are_not_counted(postgresql_world: World) -> None:
    postgresql_world.add(payload={"title": "budget"})
    postgresql_world.sql("TRUNCATE jobs CASCADE")
    assert parts(postgresql_world) == {}
    assert postgresql_world.sql("SELECT count(*) FROM job_search") == [(0,)]
