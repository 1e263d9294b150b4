"""What followers are told: nothing is missed and nothing is told twice, wherever they come back."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from scheduler.api.stream import DONE, ERROR, STAGE_COMPLETE, Cursor, events, is_told
from scheduler.domain.job import Job, JobStatus, Priority
from scheduler.domain.render import Attempt, AttemptStatus, StageName
from scheduler.ports.api import JobOutlook

AT = datetime(2026, 11, 20, 3, tzinfo=UTC)
JOB = Job("j", 1, "doubt", Priority.NORMAL, JobStatus.PROCESSING, {}, 0, 3, AT, AT, attempt=1)


def attempt(number: int, status: AttemptStatus = AttemptStatus.STARTED) -> Attempt:
    return Attempt(f"a{number}", "r", "j", StageName.TTS, "p", status, AT)


@pytest.mark.parametrize("text", [None, "", "x", "5", "5.3-", "-1.2", "1.1-2.x", "9" * 99, "0.0-0-0", "٣.١"])
def test_any_text_is_a_cursor(text: str | None) -> None:
    assert isinstance(Cursor.of(text), Cursor)


@pytest.mark.parametrize(
    "cursor", [Cursor(), Cursor(5, frozenset({3, 4})), Cursor(2, frozenset(), 7), Cursor(1, frozenset({0}), 1)]
)
def test_cursors_are_read_as_they_are_written(cursor: Cursor) -> None:
    assert Cursor.of(str(cursor)) == cursor


def test_attempts_side_by_side_end_in_any_order() -> None:
    both = JobOutlook(JOB, (attempt(0), attempt(1)), 5.0)
    assert list(events(Cursor(), both)) == []
    second = JobOutlook(JOB, (attempt(0), attempt(1, AttemptStatus.COMPLETED)), 5.0)
    (told,) = events(Cursor(), second)
    assert (told.name, told.data["id"], str(told.after)) == (STAGE_COMPLETE, "a1", "2.0")
    first = JobOutlook(JOB, (attempt(0, AttemptStatus.FAILED), attempt(1, AttemptStatus.COMPLETED)), 5.0)
    (late,) = events(told.after, first)
    assert (late.name, late.data["id"], str(late.after)) == (ERROR, "a0", "2.")


def test_each_end_of_the_job_is_told_once() -> None:
    ended = JobOutlook(replace(JOB, status=JobStatus.COMPLETED), (attempt(0, AttemptStatus.COMPLETED),), None)
    *_, done = events(Cursor(), ended)
    assert (done.name, str(done.after)) == (DONE, "1..1")
    assert is_told(done.after, ended)
    assert list(events(done.after, ended)) == []
    anew = replace(ended, job=replace(ended.job, attempt=2))
    assert [event.name for event in events(done.after, anew)] == [DONE]


def test_a_failure_that_is_tried_again_is_no_end() -> None:
    waits = JobOutlook(replace(JOB, status=JobStatus.FAILED, retry_at=AT), (), 300.0)
    assert list(events(Cursor(), waits)) == []


def test_a_cursor_of_something_else_starts_anew() -> None:
    outlook = JobOutlook(JOB, (attempt(0, AttemptStatus.COMPLETED),), 1.0)
    assert [event.data["id"] for event in events(Cursor(9, frozenset({7})), outlook)] == ["a0"]


@pytest.mark.parametrize("seed", range(200))
def test_whatever_happens_between_looks_every_end_is_told_once(seed: int) -> None:
    """A life in random order, looked at at random moments, by a follower that loses its connection at random events."""
    rng = random.Random(seed)
    attempts: list[Attempt] = []
    cursor, told = Cursor(), list[str]()
    while len(attempts) < 12 or any(one.status is AttemptStatus.STARTED for one in attempts):
        still = [place for place, one in enumerate(attempts) if one.status is AttemptStatus.STARTED]
        if still and (len(attempts) >= 12 or rng.random() < 0.5):
            place = rng.choice(still)
            attempts[place] = attempt(place, rng.choice([AttemptStatus.COMPLETED, AttemptStatus.FAILED]))
        else:
            attempts.append(attempt(len(attempts)))
        if rng.random() < 0.4:
            for event in events(cursor, JobOutlook(JOB, tuple(attempts), 1.0)):
                told.append(event.data["id"])
                cursor = Cursor.of(str(event.after))
                if rng.random() < 0.3:
                    break  # the connection is lost right here
    for event in events(cursor, JobOutlook(JOB, tuple(attempts), 1.0)):
        told.append(event.data["id"])
    assert sorted(told) == sorted(f"a{number}" for number in range(12))
