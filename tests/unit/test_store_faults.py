"""The fault helpers of ``scheduler.testing``."""

from __future__ import annotations

import pytest

from scheduler.domain.job import JobResult, JobSpec, JobStatus
from scheduler.ports.store import StoreCorruptError, StoreUnavailableError
from scheduler.testing import Faults, MemoryStore, faulty

RESULT = JobResult("file:///v.mp4", None, 1.0, degraded=False)


def test_calls_fail_as_often_as_asked_for_and_then_work() -> None:
    faults = Faults()
    store = faulty(MemoryStore(), faults)
    faults.fail("enqueue", times=2)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            store.enqueue(JobSpec("daily_ca"))
    assert store.enqueue(JobSpec("daily_ca")).created
    assert store.count().number == 1
    assert faults.calls == ["enqueue"] * 3 + ["count"]


def test_write_whose_answer_is_lost_has_been_done() -> None:
    faults = Faults()
    store = faulty(MemoryStore(), faults)
    store.enqueue(JobSpec("daily_ca"))
    (lease,) = store.claim("w", limit=1, lease_s=30)
    faults.fail("complete", written=True)
    with pytest.raises(StoreUnavailableError):
        store.complete(lease, RESULT)
    assert store.get(lease.job.id).status is JobStatus.COMPLETED
    assert not store.complete(lease, RESULT), "the second time the lease is gone: the caller must look"


def test_any_call_may_fail_until_it_is_healed() -> None:
    faults = Faults()
    store = faulty(MemoryStore(), faults)
    faults.fail("*", times=100, error=StoreCorruptError("damaged"))
    with pytest.raises(StoreCorruptError, match="damaged"):
        store.data_version()
    with pytest.raises(StoreCorruptError):
        store.reap()
    faults.heal()
    assert not store.reap()
