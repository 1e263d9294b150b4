"""Renders, attempts and failures: on every store."""

from __future__ import annotations

from dataclasses import replace

import pytest
from store_world import LEASE_S, World

from scheduler.domain.failure import FailureClass, FailureRecord
from scheduler.domain.render import Attempt, AttemptStatus, Checkpoint, Render, RenderStatus, StageName, StageOutput
from scheduler.ports.store import StoreError


def finished(attempt: Attempt, duration_ms: int = 1500, **values: object) -> Attempt:
    return replace(attempt, status=AttemptStatus.COMPLETED, duration_ms=duration_ms, **values)  # pyright: ignore[reportArgumentType] - any field


def test_render_is_numbered_by_job_and_bound_to_the_attempt(world: World) -> None:
    world.add_many(2)
    first, other = world.claim()
    render = world.render(first)
    assert (render.job_id, render.number, render.attempt) == (first.job.id, 1, 1)
    assert (render.status, render.correlation_id) == (RenderStatus.RUNNING, "c-1")
    assert world.render(other).number == 1
    assert world.store.get_render(render.id) == render
    assert world.store.get_render(render.id[:13]) == render
    for wrong in ("", "zz", "ffffffff-ffff-ffff-ffff-ffffffffffff"):
        assert world.store.get_render(wrong) is None


def test_next_render_interrupts_the_one_that_still_runs(world: World) -> None:
    world.add()
    lease = world.claim_one()
    lost = world.render(lease)
    open_attempt = world.attempt(lost)
    done = world.attempt(lost, 2)
    world.store.finish_attempt(finished(done))
    world.store.release(lease, reason="stopping")
    again = world.render(world.claim_one("other"))
    assert again.number == 2
    first, second = world.store.renders(again.job_id)
    assert (first.id, first.status) == (lost.id, RenderStatus.INTERRUPTED)
    assert first.finished_at is not None
    assert second.status is RenderStatus.RUNNING
    by_id = {attempt.id: attempt for attempt in world.store.attempts(render_id=lost.id)}
    assert by_id[open_attempt.id].status is AttemptStatus.FAILED
    assert by_id[open_attempt.id].duration_ms is not None
    assert by_id[done.id].status is AttemptStatus.COMPLETED


def test_finished_render_keeps_its_result_and_is_not_ended_twice(world: World) -> None:
    world.add()
    render = world.render(world.claim_one())
    running = world.attempt(render)
    world.store.finish_render(
        render.id,
        RenderStatus.COMPLETED,
        degraded=True,
        video_url="file:///v.mp4",
        thumbnail_url="file:///v.jpg",
        duration_s=61.5,
    )
    world.store.finish_render(render.id, RenderStatus.FAILED)
    (ended,) = world.store.renders(render.job_id)
    assert ended.status is RenderStatus.COMPLETED
    assert ended.degraded
    assert (ended.video_url, ended.thumbnail_url, ended.duration_s) == ("file:///v.mp4", "file:///v.jpg", 61.5)
    (log,) = world.store.attempts(render_id=render.id)
    assert (log.id, log.status, log.error_class) == (running.id, AttemptStatus.FAILED, FailureClass.CANCELLED)


def test_end_of_a_render_that_is_not_there_changes_nothing(world: World) -> None:
    world.store.finish_render("ffffffff-ffff-ffff-ffff-ffffffffffff", RenderStatus.FAILED)


def test_attempt_is_kept_as_it_was_written(world: World) -> None:
    world.add()
    render = world.render(world.claim_one())
    started = world.attempt(
        render, stage=StageName.MANIM, provider="manim-api", retry_count=2, fallback_position=1, detail={"wait_s": 1.0}
    )
    assert world.store.attempts(render_id=render.id) == [started]
    ended = replace(
        started,
        status=AttemptStatus.FAILED,
        duration_ms=2500,
        error_class=FailureClass.INVALID_OUTPUT,
        error_message="HTML instead of JSON: <html>",
        detail={"wait_s": 1.0, "sizes": [1, 2]},
    )
    world.store.finish_attempt(ended)
    assert world.store.attempts(job_id=render.job_id) == [ended]
    world.store.finish_attempt(finished(started))
    assert world.store.attempts(job_id=render.job_id) == [ended], "an ended attempt is left as it is"


def test_a_call_ends_with_its_checkpoint_or_not_at_all(world: World) -> None:
    world.add()
    lease = world.claim_one()
    render = world.render(lease)
    started = world.attempt(render, stage=StageName.MANIM)
    kept = Checkpoint(lease.job.id, StageName.MANIM, "", StageOutput(provider="manim-api"), lease.attempt)
    world.advance(LEASE_S + 1)
    world.store.reap()
    assert not world.store.save_checkpoint(lease, kept, lease_s=LEASE_S, attempt=finished(started, 10))
    assert [row.status for row in world.store.attempts(render_id=render.id)] != [AttemptStatus.COMPLETED]
    assert world.store.checkpoints(lease.job.id) == []

    lease = world.claim_one("other")
    render = world.render(lease)
    started = world.attempt(render, 2, stage=StageName.MANIM)
    assert world.store.save_checkpoint(lease, kept, lease_s=LEASE_S, attempt=finished(started, 2500))
    (row,) = world.store.attempts(render_id=render.id)
    assert (row.status, row.duration_ms) == (AttemptStatus.COMPLETED, 2500)
    assert len(world.store.checkpoints(lease.job.id)) == 1


def test_attempts_come_in_the_order_they_started_after_the_last_one_seen(world: World) -> None:
    world.add()
    render = world.render(world.claim_one())
    ids = [world.attempt(render, number).id for number in range(1, 6)]
    assert [a.id for a in world.store.attempts(render_id=render.id)] == ids
    assert [a.id for a in world.store.attempts(job_id=render.job_id, after=ids[2])] == ids[3:]
    assert world.store.attempts(job_id=render.job_id, after=ids[-1]) == []
    assert [a.id for a in world.store.attempts(job_id=render.job_id, after="pruned")] == ids


def test_attempts_of_one_job_are_not_those_of_another(world: World) -> None:
    world.add_many(2)
    first, second = (world.render(lease) for lease in world.claim())
    world.attempt(first)
    mine = world.attempt(second)
    assert [a.id for a in world.store.attempts(job_id=second.job_id)] == [mine.id]
    assert [a.id for a in world.store.attempts(render_id=second.id)] == [mine.id]
    assert len(world.store.attempts()) == 2
    assert world.store.attempts(job_id="no-uuid") == []


def test_attempt_without_its_render_is_refused(world: World) -> None:
    world.add()
    render = world.render(world.claim_one())
    with pytest.raises(StoreError):
        world.attempt(replace(render, id="ffffffff-ffff-ffff-ffff-ffffffffffff"))


def test_failures_of_a_job_come_oldest_first(world: World) -> None:
    world.add_many(2)
    render, other = (world.render(lease) for lease in world.claim())
    records = [
        FailureRecord(render.id, FailureClass.API_ERROR, "500", "manim", "manim-api", retryable=True),
        FailureRecord(
            render.id, FailureClass.TIMEOUT, "₹ too slow", None, None, retryable=False, details={"http_status": 504}
        ),
    ]
    for record in records:
        world.store.record_failure(record)
    world.store.record_failure(replace(records[0], render_id=other.id))
    assert world.store.failures(render.job_id) == records
    assert world.store.failures("ffffffff-ffff-ffff-ffff-ffffffffffff") == []


def test_stage_durations_are_the_newest_good_ones_by_provider(world: World) -> None:
    world.add()
    render = world.render(world.claim_one())
    for number in range(1, 6):
        world.store.finish_attempt(finished(world.attempt(render, number), number * 1000))
    world.store.finish_attempt(finished(world.attempt(render, 10, provider="a4f"), 250))
    world.store.finish_attempt(finished(world.attempt(render, 11), 99_000, resumed=True))
    failed = world.attempt(render, 12)
    world.store.finish_attempt(replace(failed, status=AttemptStatus.FAILED, duration_ms=99_000))
    world.attempt(render, 13)
    assert world.store.stage_durations(limit=3) == {("tts", "espeak"): [5.0, 4.0, 3.0], ("tts", "a4f"): [0.25]}


def test_stage_taken_from_a_checkpoint_is_written_as_resumed(world: World) -> None:
    world.add()
    render = world.render(world.claim_one())
    world.attempt(render, resumed=True)
    (log,) = world.store.attempts()
    assert log.resumed


def test_render_of_a_lost_lease_does_not_begin(world: World) -> None:
    world.add()
    lease = world.claim_one()
    world.advance(LEASE_S + 1)
    world.store.reap()
    assert world.store.start_render(lease, correlation_id="c") is None
    assert world.store.renders(lease.job.id) == []


def test_the_same_failure_of_several_nights_is_one_group(world: World) -> None:
    def fail(message: str, stage: str = "manim") -> str:
        world.add()
        render = world.render(world.claim_one())
        world.store.record_failure(
            FailureRecord(render.id, FailureClass.TIMEOUT, message, stage, "manim-api", retryable=True)
        )
        world.advance(3600)
        return render.job_id

    fail("no answer within 240 s")
    other = fail("no answer within 60 s", "tts")
    last = fail("no answer within 12 s")
    first, second = world.store.failure_groups()
    assert (first.count, first.job_id, first.message, first.stage) == (2, last, "no answer within 12 s", "manim")
    assert 7100 < (first.last_at - first.first_at).total_seconds() < 7300
    assert (second.count, second.job_id, second.failure_reason) == (1, other, FailureClass.TIMEOUT)
    assert [group.fingerprint for group in world.store.failure_groups(limit=1)] == [first.fingerprint]


def test_a_failure_stands_until_a_later_render_or_an_operator_resolves_it(world: World) -> None:
    def fail(render: Render, message: str) -> None:
        world.store.record_failure(
            FailureRecord(render.id, FailureClass.TIMEOUT, message, "tts", "a4f", retryable=True)
        )
        world.store.finish_render(render.id, RenderStatus.FAILED)

    world.add_many(2)
    first, second = world.claim()
    fail(world.render(first), "late")
    fail(world.render(second), "late")
    fail(world.render(second), "mute")
    mute, late = world.store.failure_groups()
    assert (late.count, late.unresolved, mute.count, mute.unresolved) == (2, 2, 1, 1)
    world.store.finish_render(world.render(first).id, RenderStatus.COMPLETED)
    mute, late = world.store.failure_groups()
    assert (late.count, late.unresolved, mute.unresolved) == (2, 1, 1), "those of the job that was made after all"
    assert world.store.resolve_failures(mute.fingerprint, by="ann") == 1
    assert world.store.resolve_failures(mute.fingerprint, by="ben") == 0
    assert world.store.resolve_failures("0" * 16, by="ben") == 0
    assert [group.unresolved for group in world.store.failure_groups()] == [0, 1]
