"""What the holder of a lease may write, and what nobody else may (engine rules 1 and 2): on every store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from store_world import LEASE_S, RESULT, World, an_error

from scheduler.domain.failure import FailureClass
from scheduler.domain.job import CancelOutcome, JobResult, JobStatus, Lease, QueueConfig
from scheduler.domain.render import Artifact, Checkpoint, StageName, StageOutput
from scheduler.ports.store import Store

OUTPUT = StageOutput(
    data={"words": 12, "title": "₹"},
    artifacts={"video": Artifact("/a/v.mp4", "ab" * 32, 1234, "video/mp4", url="http://127.0.0.1/v.mp4")},
    provider="manim-api",
    degraded=True,
)


def checkpoint(lease: Lease, stage: StageName = StageName.MANIM, part: str = "") -> Checkpoint:
    return Checkpoint(lease.job.id, stage, part, OUTPUT, attempt=lease.attempt)


LEASED_WRITES: dict[str, Callable[[Store, Lease], bool]] = {
    "heartbeat": lambda store, lease: store.heartbeat(lease, lease_s=LEASE_S, progress=0.9, stage="tts").held,
    "save_checkpoint": lambda store, lease: store.save_checkpoint(lease, checkpoint(lease), lease_s=LEASE_S),
    "complete": lambda store, lease: store.complete(lease, RESULT),
    "fail": lambda store, lease: store.fail(lease, an_error(), retryable=True),
    "release": lambda store, lease: store.release(lease, reason="stopping"),
    "interrupt": lambda store, lease: store.release(lease, reason="away", interrupted=True),
    "finish_cancel": lambda store, lease: store.finish_cancel(lease),
    "start_render": lambda store, lease: store.start_render(lease, correlation_id="c") is not None,
    "holds": lambda store, lease: store.holds(lease),
}


@pytest.mark.parametrize("write", LEASED_WRITES)
def test_holder_may_write(world: World, write: str) -> None:
    world.add()
    assert LEASED_WRITES[write](world.store, world.claim_one())


@pytest.mark.parametrize("write", LEASED_WRITES)
def test_stale_worker_changes_nothing(world: World, write: str) -> None:
    """A worker stopped for longer than its lease comes back when another one has the job."""
    world.add()
    stale = world.claim_one("stopped")
    world.advance(LEASE_S + 1)
    assert world.store.reap().expired == (stale.job.id,)
    current = world.claim_one("other")
    before = world.job(current)
    assert not LEASED_WRITES[write](world.another(), stale)
    assert world.job(current) == before
    assert world.store.checkpoints(stale.job.id) == []
    assert world.store.renders(stale.job.id) == []
    assert world.store.complete(current, RESULT)


@pytest.mark.parametrize("write", LEASED_WRITES)
@pytest.mark.parametrize("forge", ["owner", "attempt", "ended"])
def test_lease_of_another_owner_attempt_or_ended_job_is_refused(world: World, write: str, forge: str) -> None:
    world.add()
    lease = world.claim_one()
    match forge:
        case "owner":
            forged = replace(lease, owner="someone else")
        case "attempt":
            forged = replace(lease, attempt=lease.attempt + 1)
        case _:
            forged = lease
            assert world.store.complete(lease, RESULT)
    before = world.job(lease)
    assert not LEASED_WRITES[write](world.store, forged)
    assert world.job(lease) == before


def test_stale_worker_cannot_complete(world: World) -> None:
    world.add()
    stale = world.claim_one("stopped")
    world.advance(LEASE_S + 1)
    world.store.reap()
    current = world.claim_one("other")
    assert world.store.complete(current, RESULT)
    assert not world.store.complete(stale, JobResult("file:///late.mp4", None, 1.0, degraded=True))
    assert world.job(current).payload["video_url"] == RESULT.video_url


def test_same_owner_that_claims_again_does_not_revive_its_old_lease(world: World) -> None:
    world.add()
    first = world.claim_one("host:1")
    world.advance(LEASE_S + 1)
    world.store.reap()
    second = world.claim_one("host:1")
    assert (first.attempt, second.attempt) == (1, 2)
    assert not world.store.complete(first, RESULT)
    assert world.store.complete(second, RESULT)


def test_heartbeat_extends_the_lease_and_keeps_progress(world: World) -> None:
    world.add()
    lease = world.claim_one()
    world.advance(20)
    assert world.store.heartbeat(lease, lease_s=LEASE_S, progress=0.25, stage="manim").held
    world.advance(20)
    assert not world.store.reap()
    assert world.store.holds(lease)
    job = world.job(lease)
    assert (job.progress, job.stage) == (0.25, "manim")
    assert world.store.heartbeat(lease, lease_s=LEASE_S).held
    job = world.job(lease)
    assert (job.progress, job.stage) == (0.25, "manim"), "what is not said stays"


def test_lease_that_ran_out_is_not_good_for_publishing(world: World) -> None:
    """Another worker may have it any moment; a heartbeat that comes in time takes it back."""
    world.add()
    lease = world.claim_one()
    world.advance(LEASE_S + 1)
    assert not world.store.holds(lease)
    assert world.store.heartbeat(lease, lease_s=LEASE_S).held
    assert world.store.holds(lease)


def test_leases_are_judged_by_the_databases_clock(world: World) -> None:
    world.add()
    lease = world.claim_one()
    job = lease.job
    assert job.lease_expires_at is not None
    assert job.lease_expires_at - job.updated_at == pytest.approx(timedelta(seconds=LEASE_S), abs=timedelta(seconds=1))


def test_checkpoint_extends_the_lease(world: World) -> None:
    world.add()
    lease = world.claim_one()
    world.advance(LEASE_S - 1)
    assert world.store.save_checkpoint(lease, checkpoint(lease), lease_s=LEASE_S)
    world.advance(LEASE_S - 1)
    assert not world.store.reap()


def test_checkpoints_and_parts_are_kept_and_replaced(world: World) -> None:
    world.add()
    lease = world.claim_one()
    store = world.store
    for part in ("0", "1"):
        assert store.save_checkpoint(lease, checkpoint(lease, part=part), lease_s=LEASE_S)
    assert store.save_checkpoint(lease, checkpoint(lease), lease_s=LEASE_S)
    newer = replace(OUTPUT, provider="static-cards", data={})
    assert store.save_checkpoint(lease, replace(checkpoint(lease, part="1"), output=newer), lease_s=LEASE_S)
    kept = {(c.stage, c.part): c for c in store.checkpoints(lease.job.id)}
    assert set(kept) == {(StageName.MANIM, "0"), (StageName.MANIM, "1"), (StageName.MANIM, "")}
    assert kept[StageName.MANIM, ""].output == OUTPUT
    assert kept[StageName.MANIM, "1"].output == newer
    assert kept[StageName.MANIM, "0"].attempt == lease.attempt
    assert kept[StageName.MANIM, "0"].created_at is not None


def test_checkpoints_survive_the_loss_of_the_worker(world: World) -> None:
    world.add()
    lease = world.claim_one()
    world.store.save_checkpoint(lease, checkpoint(lease), lease_s=LEASE_S)
    world.advance(LEASE_S + 1)
    world.store.reap()
    again = world.claim_one("other")
    assert [c.output for c in world.store.checkpoints(again.job.id)] == [OUTPUT]


def test_completion_merges_the_result_into_the_payload(world: World) -> None:
    world.add(payload={"brief": {"date": "2026-11-20", "shown": True}, "duration": "old"})
    lease = world.claim_one()
    result = JobResult("https://x/v.mp4", "https://x/v.jpg", 61.25, degraded=True)
    assert world.store.complete(lease, result)
    job = world.job(lease)
    assert job.status is JobStatus.COMPLETED
    assert job.payload == {
        "brief": {"date": "2026-11-20", "shown": True},
        "video_url": "https://x/v.mp4",
        "thumbnail_url": "https://x/v.jpg",
        "duration": 61.25,
    }
    assert job.degraded
    assert job.completed_at is not None
    assert (job.progress, job.stage, job.error) == (1.0, None, None)
    assert (job.lease_owner, job.lease_expires_at, job.time_limit_at) == (None, None, None)
    assert job.is_final


def test_missing_thumbnail_is_kept_as_null(world: World) -> None:
    world.add()
    lease = world.claim_one()
    world.store.complete(lease, RESULT)
    assert world.job(lease).payload == {"video_url": "file:///v.mp4", "thumbnail_url": None, "duration": 61.5}


def test_failure_keeps_message_class_stack_stage_and_provider(world: World) -> None:
    world.add()
    lease = world.claim_one()
    assert world.store.fail(lease, an_error(FailureClass.INVALID_INPUT), retryable=False)
    job = world.job(lease)
    assert job.status is JobStatus.FAILED
    assert job.error == an_error(FailureClass.INVALID_INPUT)
    assert job.retry_at is None
    assert job.completed_at is not None
    assert job.is_final


def test_job_requeued_five_minutes_after_last_attempt(world: World) -> None:
    world.add()
    lease = world.claim_one()
    world.advance(100)
    world.store.heartbeat(lease, lease_s=LEASE_S)
    assert world.store.fail(lease, an_error(), retryable=True)
    waiting = world.job(lease)
    assert waiting.status is JobStatus.FAILED
    assert waiting.retry_at is not None
    assert abs((waiting.retry_at - waiting.updated_at).total_seconds() - 300) < 1
    assert not waiting.is_final
    assert waiting.completed_at is None
    world.advance(298)
    assert not world.store.reap()
    assert world.claim() == []
    world.advance(3)
    assert world.store.reap().retried == (lease.job.id,)
    job = world.job(lease)
    assert (job.status, job.retry_count, job.retry_at) == (JobStatus.QUEUED, 1, None)
    assert job.error == an_error(), "what went wrong stays to be seen until the next pass ends"
    assert world.claim_one().attempt == 2


def test_max_retries_of_three_gives_three_retries(world: World) -> None:
    job = world.add()
    passes = 0
    while True:
        leases = world.claim()
        if not leases:
            break
        passes += 1
        assert world.store.fail(leases[0], an_error(), retryable=True)
        world.advance(301)
        world.store.reap()
    assert passes == 4
    ended = world.job(job)
    assert (ended.status, ended.retry_count, ended.retry_at) == (JobStatus.FAILED, 3, None)
    assert ended.is_final


def test_retries_follow_the_settings_of_the_type(world: World) -> None:
    world.store.put_queue_config(QueueConfig("daily_ca", max_retries=1, retry_delay_s=60))
    job = world.add()
    world.store.fail(world.claim_one(), an_error(), retryable=True)
    world.advance(61)
    assert world.store.reap().retried == (job.id,)
    world.store.fail(world.claim_one(), an_error(), retryable=True)
    assert world.job(job).is_final


def test_jobs_own_max_retries_goes_before_the_types(world: World) -> None:
    job = world.add(max_retries=0)
    world.store.fail(world.claim_one(), an_error(), retryable=True)
    assert world.job(job).is_final


def test_release_counts_neither_as_retry_nor_as_crash(world: World) -> None:
    job = world.add()
    assert world.store.release(world.claim_one(), reason="worker stopping")
    released = world.job(job)
    assert released.status is JobStatus.QUEUED
    assert (released.retry_count, released.crash_count) == (0, 0)
    assert released.reason == "worker stopping"
    assert released.lease_owner is None
    assert world.claim_one().job.id == job.id


def test_a_job_given_back_because_the_database_failed_counts_as_interrupted_and_ends_in_time(world: World) -> None:
    job = world.add()
    for crash in (1, 2):
        assert world.store.release(world.claim_one(), reason="interrupted: the server is restarting", interrupted=True)
        back = world.job(job)
        assert (back.status, back.crash_count, back.retry_count) == (JobStatus.QUEUED, crash, 0)
        assert back.lease_owner is None
    assert world.store.release(world.claim_one(), reason="interrupted: the disk is full", interrupted=True)
    ended = world.job(job)
    assert (ended.status, ended.crash_count, ended.is_final) == (JobStatus.FAILED, 3, True)
    assert ended.error is not None
    assert ended.error.message.startswith("interrupted: the disk is full; the job was interrupted 3 times")
    assert ended.error.type is FailureClass.UNAVAILABLE
    assert ended.lease_owner is None


def test_an_interrupted_job_that_was_to_be_cancelled_is_cancelled(world: World) -> None:
    job = world.add()
    lease = world.claim_one()
    world.store.cancel(job.id, by="ann")
    assert world.store.release(lease, reason="interrupted: away", interrupted=True)
    assert world.job(job).status is JobStatus.CANCELLED


def test_cancel_of_a_queued_job_is_at_once(world: World) -> None:
    job = world.add()
    assert world.store.cancel(job.id, by="ann") is CancelOutcome.CANCELLED
    cancelled = world.job(job)
    assert (cancelled.status, cancelled.reason) == (JobStatus.CANCELLED, "cancelled by ann")
    assert cancelled.completed_at is not None
    assert world.claim() == []


def test_cancel_of_a_job_that_waits_for_its_retry_is_at_once(world: World) -> None:
    job = world.add()
    world.store.fail(world.claim_one(), an_error(), retryable=True)
    assert world.store.cancel(job.id, by="ann") is CancelOutcome.CANCELLED
    assert world.job(job).retry_at is None
    world.advance(301)
    assert not world.store.reap()
    assert world.job(job).error == an_error()


def test_cancel_of_a_running_job_is_heard_with_the_heartbeat(world: World) -> None:
    job = world.add()
    lease = world.claim_one()
    assert not world.store.heartbeat(lease, lease_s=LEASE_S).cancel_requested
    assert world.another().cancel(job.id, by="ann") is CancelOutcome.REQUESTED
    asked = world.job(job)
    assert asked.status is JobStatus.PROCESSING
    assert asked.cancel_requested_at is not None
    assert world.store.heartbeat(lease, lease_s=LEASE_S).cancel_requested
    assert world.store.finish_cancel(lease)
    ended = world.job(job)
    assert (ended.status, ended.reason) == (JobStatus.CANCELLED, "cancelled by ann")
    assert ended.cancel_requested_at is None


def test_second_cancel_keeps_who_and_when_of_the_first(world: World) -> None:
    job = world.add()
    world.claim_one()
    world.store.cancel(job.id, by="ann")
    first = world.job(job)
    world.advance(5)
    assert world.store.cancel(job.id, by="bob") is CancelOutcome.REQUESTED
    second = world.job(job)
    assert second.reason == "cancelled by ann"
    assert second.cancel_requested_at == first.cancel_requested_at


@pytest.mark.parametrize("end", ["complete", "fail", "cancel"])
def test_ended_job_cannot_be_cancelled(world: World, end: str) -> None:
    job = world.add()
    match end:
        case "complete":
            world.store.complete(world.claim_one(), RESULT)
        case "fail":
            world.store.fail(world.claim_one(), an_error(), retryable=False)
        case _:
            world.store.cancel(job.id, by="ann")
    before = world.job(job)
    assert world.store.cancel(job.id, by="bob") is CancelOutcome.NOT_CANCELLABLE
    assert world.job(job) == before


def test_job_that_fails_while_its_cancel_is_underway_does_not_come_back(world: World) -> None:
    job = world.add()
    lease = world.claim_one()
    world.store.cancel(job.id, by="ann")
    assert world.store.fail(lease, an_error(), retryable=True)
    ended = world.job(job)
    assert (ended.status, ended.retry_at, ended.error) == (JobStatus.CANCELLED, None, an_error())


def test_job_given_back_while_its_cancel_is_underway_is_cancelled(world: World) -> None:
    job = world.add()
    lease = world.claim_one()
    world.store.cancel(job.id, by="ann")
    assert world.store.release(lease, reason="stopping")
    assert world.job(job).status is JobStatus.CANCELLED


def test_job_that_was_done_before_the_cancel_was_heard_is_completed(world: World) -> None:
    job = world.add()
    lease = world.claim_one()
    world.store.cancel(job.id, by="ann")
    assert world.store.complete(lease, RESULT)
    ended = world.job(job)
    assert (ended.status, ended.cancel_requested_at, ended.reason) == (JobStatus.COMPLETED, None, None)


def test_retry_by_an_operator_resets_the_counts_and_keeps_checkpoints(world: World) -> None:
    job = world.add()
    world.advance(LEASE_S)
    world.claim_one()
    world.advance(LEASE_S + 1)
    world.store.reap()
    lease = world.claim_one()
    world.store.save_checkpoint(lease, checkpoint(lease), lease_s=LEASE_S)
    world.store.fail(lease, an_error(), retryable=False)
    assert world.job(job).crash_count == 1
    assert world.store.retry(job.id, by="ann")
    again = world.job(job)
    assert (again.status, again.retry_count, again.crash_count) == (JobStatus.QUEUED, 0, 0)
    assert (again.completed_at, again.retry_at, again.reason) == (None, None, "retried by ann")
    assert len(world.store.checkpoints(job.id)) == 1
    assert not world.store.retry(job.id, by="ann"), "it is queued"


def test_retry_starts_a_cancelled_job_and_one_that_waits_for_its_retry(world: World) -> None:
    cancelled, waiting = world.add_many(2)
    world.store.cancel(cancelled.id, by="ann")
    world.store.fail(world.claim_one(), an_error(), retryable=True)
    for job in (cancelled, waiting):
        assert world.store.retry(job.id, by="ann")
    assert len(world.claim()) == 2
    assert not world.store.retry(waiting.id, by="ann"), "it is processing"


def test_completed_job_is_not_retried_but_rendered_anew(world: World) -> None:
    job = world.add(idempotency_key="k", payload={"n": 1})
    lease = world.claim_one()
    world.store.save_checkpoint(lease, checkpoint(lease), lease_s=LEASE_S)
    world.store.complete(lease, replace(RESULT, degraded=True))
    assert not world.store.retry(job.id, by="ann")
    deadline = world.job(job).updated_at + timedelta(hours=1)
    assert world.store.rerender(job.id, by="ann", deadline_at=deadline)
    again = world.job(job)
    assert (again.status, again.idempotency_key, again.deadline_at) == (JobStatus.QUEUED, "k", deadline)
    assert (again.retry_count, again.crash_count, again.progress, again.degraded) == (0, 0, 0.0, False)
    assert (again.error, again.started_at, again.completed_at) == (None, None, None)
    assert again.reason == "re-rendered by ann"
    assert again.attempt == 1, "the fence goes on counting"
    assert world.store.checkpoints(job.id) == []
    assert not world.store.rerender(job.id, by="ann"), "it is queued"


def test_rerender_without_a_deadline_takes_the_old_one_away(world: World) -> None:
    job = world.add()
    world.store.cancel(job.id, by="ann")
    assert world.store.rerender(job.id, by="ann")
    assert world.job(job).deadline_at is None


def test_owners_are_those_with_leases_and_can_be_let_run_out(world: World) -> None:
    world.add_many(3)
    world.claim("b", limit=2)
    kept = world.claim_one("a")
    assert world.store.owners() == ["a", "b"]
    assert world.store.expire_owner("b") == 2
    assert world.store.expire_owner("nobody") == 0
    assert len(world.store.reap().expired) == 2
    assert world.store.owners() == ["a"]
    assert world.store.holds(kept)
