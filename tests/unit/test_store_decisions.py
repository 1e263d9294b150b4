"""The store's decisions, as tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.domain.failure import FailureClass
from scheduler.domain.job import (
    EXPIRE,
    POISON,
    REAP_CANCELLED,
    TIME_OUT,
    CancelOutcome,
    Job,
    JobStatus,
    Priority,
    QueueConfig,
    Transition,
)
from scheduler.store.decisions import (
    TIME_LIMIT_GRACE_S,
    Candidate,
    Room,
    cancel_outcome,
    pick,
    poison_error,
    retry_in_s,
    room,
    spell_seconds,
    takes_back,
    time_out_error,
)

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def ago(seconds: float | None) -> datetime | None:
    return None if seconds is None else NOW - timedelta(seconds=seconds)


def job(
    status: JobStatus = JobStatus.PROCESSING,
    *,
    expired: float | None = -10.0,
    limit: float | None = None,
    cancel: float | None = None,
    crashes: int = 0,
    retries: int = 0,
    max_retries: int = 3,
    retry_at: datetime | None = None,
    stage: str | None = None,
) -> Job:
    return Job(
        id="j",
        seq=1,
        job_type="daily_ca",
        priority=Priority.NORMAL,
        status=status,
        payload={},
        retry_count=retries,
        max_retries=max_retries,
        created_at=NOW,
        updated_at=NOW,
        retry_at=retry_at,
        lease_expires_at=ago(expired),
        time_limit_at=ago(limit),
        cancel_requested_at=ago(cancel),
        crash_count=crashes,
        stage=stage,
    )


@pytest.mark.parametrize(
    ("expired", "limit", "cancel", "crashes", "expected"),
    [
        (-10, None, None, 0, None),
        (-10, -5, None, 0, None),
        (-10, 0, None, 0, None),
        (-10, TIME_LIMIT_GRACE_S - 1, None, 0, None),
        (-10, TIME_LIMIT_GRACE_S, None, 0, TIME_OUT),
        (-10, TIME_LIMIT_GRACE_S, 3, 0, REAP_CANCELLED),
        (-10, None, 3, 0, None),
        (0, None, None, 0, EXPIRE),
        (None, None, None, 0, EXPIRE),
        (10, None, None, 1, EXPIRE),
        (10, None, None, 2, POISON),
        (10, None, None, 9, POISON),
        (10, -5, None, 0, EXPIRE),
        (10, 1, None, 2, TIME_OUT),
        (10, 1, 3, 2, REAP_CANCELLED),
        (10, None, 3, 2, REAP_CANCELLED),
    ],
)
def test_reaper_takes_back(
    expired: float | None, limit: float | None, cancel: float | None, crashes: int, expected: Transition | None
) -> None:
    found = takes_back(job(expired=expired, limit=limit, cancel=cancel, crashes=crashes), NOW, max_crashes=3)
    assert found is expected


@pytest.mark.parametrize(
    ("retries", "max_retries", "expected"), [(0, 3, 60.0), (2, 3, 60.0), (3, 3, None), (4, 3, None), (0, 0, None)]
)
def test_retry_is_due_while_tries_are_left(retries: int, max_retries: int, expected: float | None) -> None:
    config = QueueConfig("daily_ca", retry_delay_s=60.0)
    assert retry_in_s(job(retries=retries, max_retries=max_retries), config) == expected


@pytest.mark.parametrize(
    ("status", "retry_at", "expected"),
    [
        (JobStatus.QUEUED, None, CancelOutcome.CANCELLED),
        (JobStatus.FAILED, NOW, CancelOutcome.CANCELLED),
        (JobStatus.FAILED, None, CancelOutcome.NOT_CANCELLABLE),
        (JobStatus.PROCESSING, None, CancelOutcome.REQUESTED),
        (JobStatus.COMPLETED, None, CancelOutcome.NOT_CANCELLABLE),
        (JobStatus.CANCELLED, None, CancelOutcome.NOT_CANCELLABLE),
    ],
)
def test_cancel(status: JobStatus, retry_at: datetime | None, expected: CancelOutcome) -> None:
    assert cancel_outcome(job(status, retry_at=retry_at)) is expected


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1, "1 second"),
        (1.5, "1.5 seconds"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (90, "90 seconds"),
        (600, "10 minutes"),
        (3600, "1 hour"),
        (10_800, "3 hours"),
        (5400, "90 minutes"),
    ],
)
def test_lengths_of_time_in_words(value: float, words: str) -> None:
    assert spell_seconds(value) == words


def test_time_out_says_the_limit_and_the_stage() -> None:
    error = time_out_error(job(stage="manim"), NOW, QueueConfig("daily_ca"))
    assert (error.type, error.message, error.stage) == (FailureClass.TIMEOUT, "timed out after 10 minutes", "manim")
    lifted = time_out_error(job(), NOW, QueueConfig("daily_ca", timeout_s=0))
    assert "timed out" in lifted.message


def test_poison_says_how_often_and_where() -> None:
    error = poison_error(job(crashes=2, stage="revideo"), NOW)
    assert error.type is FailureClass.UNKNOWN
    assert "3 times" in error.message
    assert "revideo" in error.message
    assert "once" in poison_error(job(), NOW).message


def test_room_beside_what_is_processing() -> None:
    configs = {
        "a": QueueConfig("a", concurrency=2),
        "b": QueueConfig("b", concurrency=9),
        "c": QueueConfig("c", paused=True),
    }
    space = room({"a": 2, "x": 3}, configs, cap=10, default=QueueConfig("*", concurrency=4))
    assert space.total == 5
    assert space.by_type == {"a": 0, "b": 5, "c": 0, "x": 1}
    assert space.closed == ("a", "c")


def test_more_processing_than_the_cap_leaves_no_room() -> None:
    assert room({"a": 12}, {}, cap=10, default=QueueConfig("*")).total == 0


def test_pick_passes_full_types_and_stops_at_the_total() -> None:
    order = [Candidate(n, job_type) for n, job_type in enumerate("aabbcab")]
    picked, left = pick(order, Room(4, {"a": 1, "c": 0}), default_concurrency=2)
    assert [(c.seq, c.job_type) for c in picked] == [(0, "a"), (2, "b"), (3, "b")]
    assert left.total == 1
    assert left.closed == ("a", "b", "c")
    picked, left = pick(order, Room(2, {}), default_concurrency=10)
    assert [c.seq for c in picked] == [0, 1]
    assert left.total == 0
