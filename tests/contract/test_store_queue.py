"""Putting jobs in, the order they are claimed in, the limits, and looking at them: on every store."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from store_world import LEASE_S, RESULT, World

from console.tui.joblist.pages import cursor_behind, order_key
from scheduler.domain.filter import JobSort
from scheduler.domain.job import JobSpec, JobStatus, Lease, Priority, QueueConfig
from scheduler.domain.limits import LimitsChange
from scheduler.ports.store import JobNotFoundError


def test_enqueued_job_is_kept_as_it_was_asked_for(world: World) -> None:
    spec = JobSpec(
        "daily_ca",
        payload={"title": "₹ हिन्दी", "deep": {"list": [1, 2.5, True, None]}},
        priority=Priority.HIGH,
        idempotency_key="daily_ca:2026-11-20",
        schedule_name="nightly",
        run_date=date(2026, 11, 20),
        deadline_at=datetime(2026, 11, 20, 0, 30, tzinfo=UTC),
        max_retries=1,
    )
    enqueued = world.store.enqueue(spec)
    job = world.job(enqueued.job)
    assert enqueued.created
    assert job == enqueued.job
    assert job.status is JobStatus.QUEUED
    assert (job.job_type, job.payload, job.priority) == (spec.job_type, spec.payload, spec.priority)
    assert (job.idempotency_key, job.schedule_name, job.run_date) == (
        "daily_ca:2026-11-20",
        "nightly",
        date(2026, 11, 20),
    )
    assert job.deadline_at == spec.deadline_at
    assert (job.max_retries, job.retry_count, job.attempt, job.progress) == (1, 0, 0, 0.0)
    assert job.created_at.tzinfo is not None
    assert job.created_at.utcoffset() == timedelta(0)


def test_second_enqueue_with_the_key_answers_the_first_job(world: World) -> None:
    first = world.store.enqueue(JobSpec("daily_ca", payload={"n": 1}, idempotency_key="k"))
    second = world.store.enqueue(JobSpec("daily_ca", payload={"n": 2}, idempotency_key="k"))
    assert not second.created
    assert second.job == first.job
    assert len(world.store.list().items) == 1
    assert world.store.by_key("k") == first.job
    assert world.store.by_key("other") is None


def test_key_stays_taken_after_the_job_has_ended(world: World) -> None:
    world.store.enqueue(JobSpec("daily_ca", idempotency_key="k"))
    assert world.store.complete(world.claim_one(), RESULT)
    assert not world.store.enqueue(JobSpec("daily_ca", idempotency_key="k")).created


def test_concurrent_enqueues_with_one_key_make_one_job(world: World) -> None:
    made: list[bool] = []
    spec = JobSpec("daily_ca", idempotency_key="k")
    threads = [threading.Thread(target=lambda: made.append(world.store.enqueue(spec).created)) for _ in range(8)]
    _ = world.store
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [False] * 7 + [True]


def test_jobs_run_first_in_first_out(world: World) -> None:
    added = world.add_many(15)
    claimed = [world.claim_one() for _ in range(10)]
    assert [lease.job.id for lease in claimed] == [job.id for job in added[:10]]


def test_high_priority_jumps_fifo_within(world: World) -> None:
    low = world.add(priority=Priority.LOW)
    normal = world.add_many(2)
    high = [world.add(priority=Priority.HIGH) for _ in range(2)]
    claimed = [lease.job.id for lease in world.claim()]
    assert claimed == [job.id for job in (*high, *normal, low)]


def test_changed_priority_takes_effect_at_the_next_claim(world: World) -> None:
    first, second = world.add_many(2)
    assert world.store.set_priority(second.id, Priority.HIGH)
    assert world.claim_one().job.id == second.id
    assert not world.store.set_priority(second.id, Priority.LOW), "it is processing"
    assert world.job(first).priority is Priority.NORMAL


def test_never_more_than_ten_processing(world: World) -> None:
    world.add_many(20)
    leases: list[Lease] = []
    stores = [world.store, world.another()]

    def work(number: int) -> None:
        for _ in range(3):
            leases.extend(stores[number % 2].claim(f"w{number}", limit=4, lease_s=LEASE_S))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(leases) == 10
    assert len({lease.job.id for lease in leases}) == 10
    assert world.store.depth().of(JobStatus.PROCESSING) == 10
    assert world.claim() == []
    assert world.store.complete(leases[0], RESULT)
    assert len(world.claim()) == 1


def test_smaller_cap_is_kept_over_all_workers(world: World) -> None:
    world.add_many(5)
    assert len(world.claim("a", cap=3)) == 3
    assert world.claim("b", cap=3) == []
    assert len(world.claim("c", limit=1)) == 1


def test_type_is_held_to_its_concurrency_and_others_pass_it(world: World) -> None:
    world.store.put_queue_config(QueueConfig("wide", concurrency=2))
    world.add_many(12, "wide")
    others = world.add_many(3, "narrow")
    claimed = world.claim()
    assert [lease.job.job_type for lease in claimed] == ["wide"] * 2 + ["narrow"] * 3
    assert [lease.job.id for lease in claimed[2:]] == [job.id for job in others]
    assert world.claim() == []
    assert world.store.complete(claimed[0], RESULT)
    assert [lease.job.job_type for lease in world.claim()] == ["wide"]


def test_default_concurrency_holds_for_types_without_a_row(world: World) -> None:
    world.add_many(12)
    assert len(world.claim(limit=12, cap=12)) == 10


def test_paused_type_is_left_until_it_is_resumed(world: World) -> None:
    config = QueueConfig("daily_ca", paused=True)
    world.store.put_queue_config(config)
    world.add()
    other = world.add("doubt")
    assert [lease.job.id for lease in world.claim()] == [other.id]
    world.store.put_queue_config(replace(config, paused=False))
    assert len(world.claim()) == 1


def test_queue_config_defaults_replaced_and_added_once(world: World) -> None:
    store = world.store
    assert store.queue_config("daily_ca") == QueueConfig("daily_ca")
    config = QueueConfig("daily_ca", concurrency=1, timeout_s=10_800, max_retries=5, retry_delay_s=60.5, paused=True)
    assert store.add_queue_config(config)
    assert not store.add_queue_config(QueueConfig("daily_ca"))
    assert store.queue_config("daily_ca") == config
    store.put_queue_config(replace(config, concurrency=2))
    assert store.queue_config("daily_ca").concurrency == 2


def test_limits_are_changed_one_by_one_whether_there_is_a_row_or_not(world: World) -> None:
    store = world.store
    assert store.change_queue_config("doubt", LimitsChange(paused=True)) == QueueConfig("doubt", paused=True)
    store.put_queue_config(QueueConfig("daily_ca", concurrency=3, timeout_s=10_800))
    changed = store.change_queue_config("daily_ca", LimitsChange(max_retries=0, retry_delay_s=1.5))
    assert changed == QueueConfig("daily_ca", concurrency=3, timeout_s=10_800, max_retries=0, retry_delay_s=1.5)
    resumed = store.change_queue_config("doubt", LimitsChange(paused=False))
    assert store.queue_configs() == [changed, resumed]


def test_claim_sets_owner_lease_attempt_and_time_limit(world: World) -> None:
    world.store.put_queue_config(QueueConfig("daily_ca", timeout_s=0))
    free, limited = world.add("daily_ca"), world.add("doubt")
    by_id = {lease.job.id: lease for lease in world.claim("host:1")}
    job = by_id[limited.id].job
    assert job == world.job(limited)
    assert (job.status, job.lease_owner, job.attempt) == (JobStatus.PROCESSING, "host:1", 1)
    assert by_id[limited.id].owner == "host:1"
    assert by_id[limited.id].attempt == 1
    assert job.started_at is not None
    assert job.lease_expires_at is not None
    assert job.time_limit_at is not None
    assert abs((job.lease_expires_at - job.started_at).total_seconds() - LEASE_S) < 1
    assert abs((job.time_limit_at - job.started_at).total_seconds() - 600) < 1
    assert by_id[free.id].job.time_limit_at is None


def test_started_at_is_the_first_claim(world: World) -> None:
    world.add()
    first = world.claim_one()
    world.store.release(first, reason="stopping")
    world.advance(100)
    second = world.claim_one()
    assert second.job.started_at == first.job.started_at
    assert second.attempt == 2


def test_claim_of_an_empty_queue_or_without_room_takes_nothing(world: World) -> None:
    assert world.claim() == []
    world.add()
    assert world.claim(limit=0) == []
    assert world.claim(cap=0) == []


def test_job_is_found_by_unique_prefix(world: World) -> None:
    job = world.add()
    for prefix in (job.id, job.id[:8], job.id[:13], job.id[:-1]):
        assert world.store.get(prefix).id == job.id
    for wrong in ("", "zzz", "%", "_" * 36, job.id + "0", "ffffffff-ffff-ffff-ffff-ffffffffffff"):
        with pytest.raises(JobNotFoundError):
            world.store.get(wrong)


def test_prefix_of_several_jobs_is_refused_and_says_so(world: World) -> None:
    jobs = world.add_many(40)
    letters = [job.id[0] for job in jobs]
    shared = next(letter for letter in letters if letters.count(letter) > 1)
    with pytest.raises(JobNotFoundError, match="more than one"):
        world.store.get(shared)


def test_commands_on_a_job_that_is_not_there_say_so(world: World) -> None:
    for missing in ("ffffffff-ffff-ffff-ffff-ffffffffffff", "no-uuid"):
        for command in (world.store.cancel, world.store.retry, world.store.rerender):
            with pytest.raises(JobNotFoundError):
                command(missing, by="ann")
        with pytest.raises(JobNotFoundError):
            world.store.set_priority(missing, Priority.LOW)
        assert world.store.checkpoints(missing) == []
        assert world.store.renders(missing) == []


def test_list_pages_newest_first_without_gap_or_repeat(world: World) -> None:
    added = world.add_many(7)
    seen: list[str] = []
    cursor = None
    pages = 0
    while True:
        page = world.store.list(limit=3, cursor=cursor)
        seen += [job.id for job in page.items]
        pages += 1
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
        world.add()  # what comes in while someone reads stands before the first page
    assert seen == [job.id for job in reversed(added)]
    assert pages == 3


def test_last_page_that_is_full_has_no_next(world: World) -> None:
    world.add_many(4)
    page = world.store.list(limit=4)
    assert len(page.items) == 4
    assert page.next_cursor is None


def test_list_filters_by_status_and_type(world: World) -> None:
    for _ in range(2):
        world.add("daily_ca")
        world.add("doubt")
    lease = world.claim_one()
    assert world.store.complete(lease, RESULT)
    done = world.store.list(statuses=[JobStatus.COMPLETED])
    assert [job.id for job in done.items] == [lease.job.id]
    assert {job.job_type for job in world.store.list(job_types=["doubt"]).items} == {"doubt"}
    both = world.store.list(statuses=[JobStatus.QUEUED, JobStatus.COMPLETED], job_types=["daily_ca", "other"])
    assert len(both.items) == 2


def test_cursor_of_something_else_is_refused(world: World) -> None:
    for cursor in ("x", "-1", "1 OR 1=1", "²"):
        with pytest.raises(ValueError, match="no cursor"):
            world.store.list(cursor=cursor)


def test_depth_counts_states_and_the_oldest_wait(world: World) -> None:
    assert world.store.depth().oldest_queued_age_s is None
    world.add()
    world.advance(60)
    world.add()
    depth = world.store.depth()
    assert depth.of(JobStatus.QUEUED) == 2
    assert depth.of(JobStatus.FAILED) == 0
    assert depth.oldest_queued_age_s == pytest.approx(60, abs=5)
    world.claim_one()
    depth = world.store.depth()
    assert (depth.of(JobStatus.QUEUED), depth.of(JobStatus.PROCESSING)) == (1, 1)
    assert depth.oldest_queued_age_s == pytest.approx(0, abs=5)


def test_wait_counts_from_when_the_job_was_last_queued(world: World) -> None:
    world.add()
    world.advance(1000)
    assert world.store.release(world.claim_one(), reason="stopping")
    assert world.store.depth().oldest_queued_age_s == pytest.approx(0, abs=5)


def test_data_version_changes_with_every_write_and_only_then(world: World) -> None:
    reader, writer = world.store, world.another()
    before = reader.data_version()
    if world.name != "postgresql":  # a server's number also moves with what others do on it
        assert reader.data_version() == before
    reader.enqueue(JobSpec("daily_ca"))
    own = reader.data_version()
    assert own != before
    writer.enqueue(JobSpec("daily_ca"))
    assert reader.data_version() != own
    settled = reader.data_version()
    reader.depth()
    reader.list()
    if world.name != "postgresql":
        assert reader.data_version() == settled


def test_payload_that_is_no_json_is_the_callers_mistake(world: World) -> None:
    for bad in (object(), float("nan")):
        with pytest.raises((TypeError, ValueError)):
            world.store.enqueue(JobSpec("daily_ca", payload={"x": bad}))
    assert world.store.list().items == ()


def test_job_of_the_type_setting_follows_a_change_of_it(world: World) -> None:
    plain, own = world.add(), world.add(max_retries=7)
    world.store.put_queue_config(QueueConfig("daily_ca", max_retries=1))
    assert world.job(plain).max_retries == 1
    assert world.job(own).max_retries == 7


@pytest.mark.parametrize("sort", list(JobSort))
def test_a_page_can_be_asked_for_behind_any_job(world: World, sort: JobSort) -> None:
    for n in range(12):
        world.store.enqueue(JobSpec("doubt", priority=list(Priority)[n % 3]))
    every = world.store.list(sort=sort).items
    for n in (0, 5, 10):
        cursor = cursor_behind(order_key(every[n], sort), sort)
        assert world.store.list(sort=sort, cursor=cursor).items == every[n + 1 :]
