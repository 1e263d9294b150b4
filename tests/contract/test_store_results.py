"""A completed job gets another address for its video; anything else is left alone."""

from __future__ import annotations

import pytest
from store_world import RESULT, World, an_error

from scheduler.domain.job import JobResult, JobStatus

UP = JobResult(video_url="https://cdn/v.mp4", thumbnail_url="https://cdn/v.jpg", duration=61.4, degraded=True)


def test_a_completed_jobs_video_moves(world: World) -> None:
    job = world.add(payload={"brief": "हिन्दी.md"})
    world.store.complete(world.claim_one(), RESULT)
    before, version = world.job(job), world.store.data_version()
    world.advance(5)
    assert world.store.update_result(job.id, UP, replaces=RESULT.video_url)
    after = world.job(job)
    assert after.payload == {
        "brief": "हिन्दी.md",
        "video_url": "https://cdn/v.mp4",
        "thumbnail_url": "https://cdn/v.jpg",
        "duration": pytest.approx(61.4),
    }
    assert (after.status, after.degraded, after.attempt) == (JobStatus.COMPLETED, True, before.attempt)
    assert after.completed_at == before.completed_at
    assert after.updated_at > before.updated_at
    assert world.store.data_version() != version


def test_the_second_time_changes_nothing(world: World) -> None:
    job = world.add()
    world.store.complete(world.claim_one(), RESULT)
    assert world.store.update_result(job.id, UP, replaces=RESULT.video_url)
    moved = world.job(job)
    assert not world.store.update_result(job.id, RESULT, replaces=RESULT.video_url)
    assert world.job(job) == moved


@pytest.mark.parametrize("state", ["queued", "processing", "failed", "rerendered"])
def test_a_job_that_is_not_completed_is_left_alone(world: World, state: str) -> None:
    job = world.add()
    if state != "queued":
        lease = world.claim_one()
        if state == "failed":
            world.store.fail(lease, an_error(), retryable=False)
        elif state == "rerendered":
            world.store.complete(lease, RESULT)
            world.store.rerender(job.id, by="ann")
    before = world.job(job)
    assert not world.store.update_result(job.id, UP, replaces=RESULT.video_url)
    assert world.job(job) == before


def test_a_job_that_is_not_there(world: World) -> None:
    assert not world.store.update_result("00000000-0000-4000-8000-000000000000", UP, replaces="x")
    assert not world.store.update_result("nonsense", UP, replaces="x")
