"""Several calls of a store as one transaction: what a command does, and the line about it."""

from __future__ import annotations

import contextlib
import threading

import pytest
from store_world import World

from scheduler.domain.access import Role
from scheduler.domain.audit import AuditEntry, AuditOutcome
from scheduler.domain.job import JobSpec, JobStatus

LINE = AuditEntry("ann", Role.OPERATOR, "cli", "", "job.cancel", "x", AuditOutcome.DONE, "", {})


def test_all_is_done_or_nothing(world: World) -> None:
    store = world.store
    job = store.enqueue(JobSpec("doubt")).job

    def fails() -> None:
        with store.together():
            store.cancel(job.id, by="ann")
            assert store.get(job.id).status is JobStatus.CANCELLED  # what was written is read in the block
            store.enqueue(JobSpec("doubt", idempotency_key="k"))
            store.add_audit([LINE])
            raise RuntimeError("not so")

    with pytest.raises(RuntimeError, match="not so"):
        fails()
    assert store.get(job.id).status is JobStatus.QUEUED
    assert store.by_key("k") is None
    assert store.audit_head() is None
    with store.together():
        store.cancel(job.id, by="ann")
        with store.together():
            store.add_audit([LINE])
    assert store.get(job.id).status is JobStatus.CANCELLED
    assert [line.seq for line in store.audit_chain()] == [1]


def test_a_call_that_fails_in_it_takes_back_only_its_own(world: World) -> None:
    store = world.store
    with store.together():
        store.enqueue(JobSpec("doubt", idempotency_key="good"))
        with pytest.raises(Exception, match=r".+"):
            store.enqueue(JobSpec("doubt", payload={"x": {1, 2}}, idempotency_key="bad"))
    assert store.by_key("good") is not None
    assert store.by_key("bad") is None


def test_other_threads_are_no_part_of_it(world: World) -> None:
    store = world.store
    seen: list[object] = []
    with store.together():
        store.data_version()
        if world.name != "memory":
            store.add_audit([LINE])
            other = threading.Thread(target=lambda: seen.append(store.audit_head()))
            other.start()
            other.join(30)
    assert seen in ([], [None])


def test_many_jobs_at_once_are_all_of_it_or_nothing_of_it_is_done(world: World) -> None:
    """Also when somebody catches the error: nobody pays a savepoint for a step that is the whole command."""
    if world.name == "memory":
        pytest.skip("it has no transactions to spoil")
    store = world.store
    unstorable = JobSpec("doubt", payload={"x": {1, 2}}, idempotency_key="bad")
    with pytest.raises(Exception, match=r".+"), store.together():  # noqa: PT012 - what is caught in it is the point
        store.enqueue(JobSpec("doubt", idempotency_key="good"))
        with contextlib.suppress(Exception):
            store.enqueue_many([unstorable])
    assert store.by_key("good") is None
    assert store.by_key("bad") is None
    with store.together():
        store.enqueue_many([JobSpec("doubt", idempotency_key="good")])
    assert store.by_key("good") is not None
