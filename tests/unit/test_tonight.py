from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from scheduler.domain.deadline import Prediction, Verdict
from scheduler.domain.failure import FailureClass, JobError
from scheduler.domain.job import Job, JobStatus, Priority
from scheduler.domain.schedule import ScheduleDefinition, ScheduleState
from scheduler.domain.snapshot import Tonight
from scheduler.nights.start import Content
from scheduler.tonight import Ahead, choose, starts_at, tonight

ZONE = ZoneInfo("Asia/Kolkata")
DEFINITION = ScheduleDefinition("nightly", "daily_ca", "0 3 * * *", "Asia/Kolkata", time(6, 0), 3 * 3600.0)


def local(hour: int, minute: int = 0, day: int = 21) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


def job(status: JobStatus, **changes: Any) -> Job:
    base = Job(
        id="3f2a0000-0000-4000-8000-000000000000",
        seq=1,
        job_type="daily_ca",
        priority=Priority.HIGH,
        status=status,
        payload={},
        retry_count=0,
        max_retries=3,
        created_at=local(3),
        updated_at=local(3),
        idempotency_key="daily_ca:2026-11-21",
        deadline_at=local(6),
    )
    return replace(base, **changes)


def look(
    now: datetime,
    found: Job | None = None,
    *,
    p90: datetime | None = None,
    published_at: datetime | None = None,
    hands: bool = True,
    ahead: Ahead | None = None,
    **held: Any,
) -> Tonight:
    fields: dict[str, Any] = {"last_fire": local(3, day=20)} | held
    state = ScheduleState(DEFINITION, **fields)
    run = choose([state], lambda key: found if key == "daily_ca:2026-11-21" else None, now)
    prediction = None if p90 is None else Prediction(p50_at=p90 - timedelta(minutes=5), p90_at=p90)
    return tonight(
        run,
        now=now,
        render=None,
        stages=(),
        prediction=prediction,
        warning_s=900,
        published_at=published_at,
        hands=hands,
        ahead=ahead,
    )


def test_without_a_daemon_nothing_is_on_track_and_the_note_says_why() -> None:
    for found in (None, job(JobStatus.QUEUED), job(JobStatus.PROCESSING, progress=0.24)):
        seen = look(local(1), found, p90=local(3, 20), hands=False)
        assert seen.verdict is Verdict.AT_RISK
        assert seen.prediction is None
        assert seen.note.startswith("NO DAEMON RUNS")
    assert look(local(7), job(JobStatus.COMPLETED, completed_at=local(3, 8)), hands=False).verdict is Verdict.READY


@pytest.mark.parametrize("status", [JobStatus.PROCESSING, JobStatus.CANCELLED, JobStatus.FAILED])
def test_a_video_that_is_out_stays_ready_while_it_is_made_anew(status: JobStatus) -> None:
    seen = look(local(7), job(status), published_at=local(3, 8))
    assert seen.verdict is Verdict.READY
    assert seen.note.startswith("a video is out")


def test_a_re_render_after_the_deadline_does_not_make_a_video_late() -> None:
    again = job(JobStatus.COMPLETED, completed_at=local(7))
    assert look(local(8), again, published_at=local(3, 8)).verdict is Verdict.READY


@pytest.mark.parametrize(
    ("now", "found", "p90", "expected"),
    [
        (local(1), None, local(3, 20), Verdict.ON_TRACK),
        (local(3, 5), job(JobStatus.PROCESSING), local(3, 20), Verdict.ON_TRACK),
        (local(3, 5), job(JobStatus.PROCESSING), local(5, 45), Verdict.ON_TRACK),
        (local(3, 5), job(JobStatus.PROCESSING), local(5, 46), Verdict.AT_RISK),
        (local(6), job(JobStatus.PROCESSING), local(6, 5), Verdict.MISSED),
        (local(3, 9), job(JobStatus.COMPLETED, completed_at=local(3, 8)), None, Verdict.READY),
        (local(8), job(JobStatus.COMPLETED, completed_at=local(6, 1)), None, Verdict.MISSED),
        (local(4), job(JobStatus.FAILED), None, Verdict.AT_RISK),
        (local(4), job(JobStatus.CANCELLED), None, Verdict.AT_RISK),
        (local(7), job(JobStatus.FAILED), None, Verdict.MISSED),
    ],
)
def test_the_verdict(now: datetime, found: Job | None, p90: datetime | None, expected: Verdict) -> None:
    assert look(now, found, p90=p90).verdict is expected


def test_a_run_stays_tonight_for_six_hours_after_its_deadline_and_then_the_next_one_is() -> None:
    done = job(JobStatus.COMPLETED, completed_at=local(3, 8))
    assert look(local(11, 59), done).run_date == datetime(2026, 11, 21).date()  # noqa: DTZ001 - a day
    assert look(local(12, 1), done, p90=local(3, 20, day=22)).run_date == datetime(2026, 11, 22).date()  # noqa: DTZ001


def test_a_start_that_nobody_made_is_missed_and_says_what_to_do() -> None:
    seen = look(local(6, 30), None)
    assert seen.verdict is Verdict.MISSED
    assert "predawn schedules run nightly" in seen.note


def test_a_schedule_that_began_after_the_nominal_time_looks_at_the_next_run() -> None:
    seen = look(local(4), None, p90=local(3, 20, day=22), last_fire=local(3, 30))
    assert str(seen.run_date) == "2026-11-22"
    assert seen.verdict is Verdict.ON_TRACK


@pytest.mark.parametrize(
    ("held", "words"),
    [({"paused": True}, "paused"), ({"skip_dates": (datetime(2026, 11, 21, tzinfo=ZONE).date(),)}, "skipped")],
)
def test_what_is_held_back_is_at_risk_and_says_so(held: dict[str, Any], words: str) -> None:
    seen = look(local(1), None, **held)
    assert seen.verdict is Verdict.AT_RISK
    assert words in seen.note
    assert seen.starts_at is None


def test_slack_is_measured_from_p90_and_after_the_end_from_the_finish() -> None:
    assert look(local(3, 5), job(JobStatus.PROCESSING), p90=local(5)).slack_s == 3600
    assert look(local(4), job(JobStatus.COMPLETED, completed_at=local(3, 30))).slack_s == 2.5 * 3600


def test_a_failure_is_told_with_its_reason_and_its_retry() -> None:
    error = JobError("manim: nothing answers", FailureClass.UNAVAILABLE, local(3, 1))
    assert look(local(3, 5), job(JobStatus.FAILED, error=error)).note == "failed: manim: nothing answers"
    again = look(local(3, 5), job(JobStatus.FAILED, error=error, retry_at=local(3, 6)), p90=local(3, 20))
    assert again.note.startswith("retries ")


def test_without_a_deadline_there_is_nothing_to_be_on_time_for() -> None:
    run = choose([ScheduleState(replace(DEFINITION, deadline=None))], lambda _key: None, local(3))
    assert run is None
    seen = tonight(run, now=local(3), render=None, stages=(), prediction=None, warning_s=900)
    assert seen.verdict is Verdict.IDLE


def test_of_two_schedules_the_unfinished_one_with_the_nearest_deadline_counts() -> None:
    late = replace(DEFINITION, name="late", job_type="weekly", deadline=time(7, 0))
    states = [ScheduleState(definition, last_fire=local(3, day=20)) for definition in (late, DEFINITION)]
    done = job(JobStatus.COMPLETED, completed_at=local(3, 8))
    before = choose(states, lambda _key: None, local(3, 10))
    after = choose(states, lambda key: done if key == "daily_ca:2026-11-21" else None, local(3, 10))
    assert before is not None
    assert after is not None
    assert before.state.definition.name == "nightly"
    assert after.state.definition.name == "late"


def test_a_start_that_is_due_starts_now() -> None:
    now = local(3, 1)
    run = choose([ScheduleState(DEFINITION, last_fire=local(3, day=20))], lambda _key: None, now)
    assert run is not None
    assert starts_at(run, now) == now


MISSING = "no brief for 2026-11-21: looked for 2026-11-21*.md in briefs"


@pytest.mark.parametrize(
    ("content", "hour", "expected"),
    [
        (Content(False, MISSING), 1, Verdict.AT_RISK),
        (Content(False, MISSING, hopeless=True), 1, Verdict.AT_RISK),
        (Content(True, ""), 1, Verdict.ON_TRACK),
        (Content(True, "no brief of 2026-11-21 yet: that of 2026-11-20 would be taken"), 1, Verdict.ON_TRACK),
        (Content(None), 1, Verdict.ON_TRACK),
    ],
    ids=["missing near the start", "hopeless", "there", "older", "asked for later"],
)
def test_a_run_without_anything_to_make_it_from_is_at_risk_and_says_what_is_missing(
    content: Content, hour: int, expected: Verdict
) -> None:
    seen = look(local(hour), None, p90=local(3, 20), ahead=Ahead(content=content, content_before_s=6 * 3600.0))
    assert seen.verdict is expected
    assert content.note in seen.note
    assert seen.missing == content.note


def test_missing_content_long_before_the_start_is_said_but_no_risk_yet_unless_nobody_could_put_it_there() -> None:
    noon = local(12, 1, day=20)
    early = look(
        noon, None, p90=local(3, 20), ahead=Ahead(content=Content(False, MISSING), content_before_s=6 * 3600.0)
    )
    assert (early.verdict, early.missing) == (Verdict.ON_TRACK, MISSING)
    hopeless = Ahead(content=Content(False, MISSING, hopeless=True), content_before_s=6 * 3600.0)
    assert look(noon, None, p90=local(3, 20), ahead=hopeless).verdict is Verdict.AT_RISK


def test_a_running_job_lacks_nothing() -> None:
    ahead = Ahead(content=Content(False, MISSING, hopeless=True))
    seen = look(local(3, 5), job(JobStatus.PROCESSING), p90=local(3, 20), ahead=ahead)
    assert (seen.verdict, seen.missing) == (Verdict.ON_TRACK, "")


def test_an_early_start_is_shown_and_says_why() -> None:
    ahead = Ahead(early_s=2700.0, latest_start_at=local(2, 20))
    seen = look(local(1), None, p90=local(5, 40), ahead=ahead)
    assert (seen.starts_at, seen.early_s, seen.latest_start_at) == (local(2, 15), 2700.0, local(2, 20))
    assert seen.note == "starts Sat 02:15 IST, 45 min before its time: history says that it would be too late"


def test_times_are_told_in_the_deadlines_zone() -> None:
    error = JobError("503", FailureClass.API_ERROR, local(3, 1))
    again = look(local(3, 5), job(JobStatus.FAILED, error=error, retry_at=local(3, 6)), p90=local(3, 20))
    assert again.note == "retries 03:06 IST after: 503"
    assert look(local(1), None, p90=local(3, 20)).note == "starts Sat 03:00 IST"
