"""The reaper: leases that ran out, poison, time limits, retries that are due: on every store."""

from __future__ import annotations

import pytest
from store_world import LEASE_S, RESULT, World, an_error

from scheduler.domain.failure import FailureClass
from scheduler.domain.job import JobStatus, QueueConfig
from scheduler.domain.render import AttemptStatus, RenderStatus
from scheduler.store.decisions import TIME_LIMIT_GRACE_S


def test_silent_workers_job_goes_back_to_the_queue(world: World) -> None:
    world.add()
    lease = world.claim_one()
    world.advance(LEASE_S - 1)
    assert not world.store.reap()
    world.advance(2)
    report = world.store.reap()
    assert report.expired == (lease.job.id,)
    job = world.job(lease)
    assert (job.status, job.crash_count, job.retry_count) == (JobStatus.QUEUED, 1, 0)
    assert (job.lease_owner, job.lease_expires_at, job.time_limit_at) == (None, None, None)
    assert job.reason is not None
    assert not world.store.reap(), "there is nothing left to do"


def test_poison_job_ends(world: World) -> None:
    job = world.add()
    for crash in range(1, 4):
        assert world.claim_one().job.id == job.id
        world.advance(LEASE_S + 1)
        report = world.store.reap()
        assert report.poisoned == ((job.id,) if crash == 3 else ())
    ended = world.job(job)
    assert (ended.status, ended.crash_count, ended.retry_at) == (JobStatus.FAILED, 3, None)
    assert ended.error is not None
    assert ended.error.type is FailureClass.UNKNOWN
    assert "3 times" in ended.error.message
    assert ended.is_final
    assert world.claim() == []


def test_crashes_are_counted_apart_from_retries(world: World) -> None:
    job = world.add()
    world.claim_one()
    world.advance(LEASE_S + 1)
    world.store.reap()
    world.store.fail(world.claim_one(), an_error(), retryable=True)
    world.advance(301)
    world.store.reap()
    after = world.job(job)
    assert (after.crash_count, after.retry_count) == (1, 1)


def test_cancelled_jobs_lease_that_runs_out_ends_it_as_cancelled(world: World) -> None:
    job = world.add()
    world.claim_one()
    world.store.cancel(job.id, by="ann")
    world.advance(LEASE_S + 1)
    assert world.store.reap().cancelled == (job.id,)
    ended = world.job(job)
    assert (ended.status, ended.reason) == (JobStatus.CANCELLED, "cancelled by ann")
    assert ended.completed_at is not None


def test_time_limit_ends_a_job_whose_worker_is_gone_with_a_message_that_says_so(world: World) -> None:
    world.add()
    lease = world.claim_one()
    world.advance(601)
    assert world.store.reap().timed_out == (lease.job.id,)
    job = world.job(lease)
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.type is FailureClass.TIMEOUT
    assert job.error.message == "timed out after 10 minutes"
    assert job.retry_at is not None, "it may be retried by the type's settings"
    assert job.crash_count == 0


def test_time_limit_leaves_a_live_worker_a_grace(world: World) -> None:
    """Its own clock ends the job first; the reaper steps in where it does not."""
    world.add()
    lease = world.claim_one()
    world.advance(600 + TIME_LIMIT_GRACE_S - 2)
    assert world.store.heartbeat(lease, lease_s=LEASE_S).held
    assert not world.store.reap()
    world.advance(4)
    assert world.store.reap().timed_out == (lease.job.id,)
    assert not world.store.heartbeat(lease, lease_s=LEASE_S).held
    assert not world.store.complete(lease, RESULT)


def test_time_out_without_tries_left_is_final(world: World) -> None:
    world.store.put_queue_config(QueueConfig("daily_ca", timeout_s=90, max_retries=0))
    job = world.add()
    world.claim_one()
    world.advance(91)
    world.store.reap()
    ended = world.job(job)
    assert ended.is_final
    assert ended.error is not None
    assert ended.error.message == "timed out after 90 seconds"


def test_cancel_goes_before_the_time_limit(world: World) -> None:
    job = world.add()
    world.claim_one()
    world.store.cancel(job.id, by="ann")
    world.advance(700)
    report = world.store.reap()
    assert (report.cancelled, report.timed_out) == ((job.id,), ())


def test_type_without_a_time_limit_runs_as_long_as_its_lease_is_kept(world: World) -> None:
    world.store.put_queue_config(QueueConfig("daily_ca", timeout_s=0))
    world.add()
    lease = world.claim_one()
    for _ in range(3):
        world.advance(20_000)
        assert world.store.heartbeat(lease, lease_s=LEASE_S).held
        assert not world.store.reap()


def test_reaper_ends_the_render_and_its_open_attempts(world: World) -> None:
    world.add()
    render = world.render(world.claim_one())
    attempt = world.attempt(render)
    world.advance(LEASE_S + 1)
    world.store.reap()
    (ended,) = world.store.renders(render.job_id)
    assert ended.status is RenderStatus.INTERRUPTED
    assert ended.finished_at is not None
    (log,) = world.store.attempts(render_id=render.id)
    assert (log.id, log.status) == (attempt.id, AttemptStatus.FAILED)
    assert log.error_message is not None
    assert "interrupted" in log.error_message


@pytest.mark.parametrize("reapers", [2])
def test_two_reapers_take_a_lease_back_once(world: World, reapers: int) -> None:
    job = world.add()
    world.claim_one()
    world.advance(LEASE_S + 1)
    reports = [world.another().reap() for _ in range(reapers)]
    assert [report.expired for report in reports] == [(job.id,), ()]
    assert world.job(job).crash_count == 1


def test_several_jobs_are_reaped_in_one_pass(world: World) -> None:
    jobs = world.add_many(4)
    leases = world.claim()
    world.store.cancel(jobs[1].id, by="ann")
    world.store.fail(leases[2], an_error(), retryable=True)
    world.store.complete(leases[3], RESULT)
    world.advance(301)
    report = world.store.reap()
    assert report.expired == (jobs[0].id,)
    assert report.cancelled == (jobs[1].id,)
    assert report.retried == (jobs[2].id,)
    assert report
