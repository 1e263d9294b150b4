"""The row that tells of a job's end is written in the transaction that ends it: by every way in which a job can end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from store_world import RESULT, World, an_error

from scheduler.domain.job import JobStatus, Lease, QueueConfig
from scheduler.domain.outbox import Delivery
from scheduler.domain.settlement import CancelFinished, Completed, Failed

URL = "https://hooks.example.org/ended"


def told(world: World) -> list[Delivery]:
    return [row for row in world.store.deliveries(limit=50).items if row.channel == "callback"]


def taken(world: World) -> Lease:
    world.add("doubt", payload={"callback_url": URL})
    return world.claim_one()


ENDS: list[tuple[str, Callable[[World, Lease], object]]] = [
    ("completed", lambda world, lease: world.store.complete(lease, RESULT)),
    ("failed", lambda world, lease: world.store.fail(lease, an_error(), retryable=False)),
    (
        "completed",
        lambda world, lease: world.store.settle_and_claim([Completed(lease, RESULT)], "w", limit=0, lease_s=30),
    ),
    (
        "failed",
        lambda world, lease: world.store.settle_and_claim(
            [Failed(lease, an_error(), retryable=False)], "w", limit=0, lease_s=30
        ),
    ),
    (
        "cancelled",
        lambda world, lease: (
            world.store.cancel(lease.job.id, by="ann"),
            world.store.settle_and_claim([CancelFinished(lease)], "w", limit=0, lease_s=30),
        ),
    ),
    (
        "cancelled",
        lambda world, lease: (world.store.cancel(lease.job.id, by="ann"), world.advance(60), world.store.reap()),
    ),
]


@pytest.mark.parametrize(("status", "end"), ENDS)
def test_each_end_is_told_once(world: World, status: str, end: Callable[[World, Lease], object]) -> None:
    world.store.put_queue_config(QueueConfig("doubt", max_retries=0))
    lease = taken(world)
    assert told(world) == []
    end(world, lease)
    (row,) = told(world)
    assert world.job(lease).status is JobStatus(status)
    body = row.payload["body"]
    assert (row.payload["url"], row.subject) == (URL, lease.job.id)
    assert (body["event"], body["job_id"], body["status"]) == (f"job.{status}", lease.job.id, status)
    assert body["event_id"] == f"{lease.job.id}:1:{status}"
    if status == "completed":
        assert (body["video_url"], body["duration"]) == (f"/api/videos/{lease.job.id}/download", RESULT.duration)
    if status == "failed":
        assert (body["error"]["type"], body["error"]["stage"]) == ("API_ERROR", "manim")
        assert "stack" not in body["error"]


def test_an_end_that_is_none_yet_is_not_told(world: World) -> None:
    lease = taken(world)
    assert world.store.fail(lease, an_error(), retryable=True)
    assert world.job(lease).retry_at is not None
    assert told(world) == []
    world.store.cancel(lease.job.id, by="ann")
    (row,) = told(world)
    assert row.payload["body"]["status"] == "cancelled"


def test_a_lost_lease_tells_nothing(world: World) -> None:
    lease = taken(world)
    world.advance(60)
    world.store.reap()
    assert not world.store.complete(lease, RESULT)
    assert told(world) == []


def test_a_job_made_anew_is_told_anew(world: World) -> None:
    lease = taken(world)
    world.store.complete(lease, RESULT)
    world.store.rerender(lease.job.id, by="ann")
    world.store.complete(world.claim_one(), RESULT)
    assert len({row.payload["body"]["event_id"] for row in told(world)}) == 2


def test_who_wants_no_callback_gets_none(world: World) -> None:
    for payload in ({}, {"callback_url": ""}, {"callback_url": 5}, {"callback_url": "https://x/" + "x" * 3000}):
        world.add("doubt", payload=payload)
        world.store.complete(world.claim_one(), RESULT)
    assert told(world) == []
