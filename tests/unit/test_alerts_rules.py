"""The rules, one look at a time: what is trouble and what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from config.sections.alerts import RuleSettings
from scheduler.alerting.observation import Observation, OutputLook, RunLook, SlaLook
from scheduler.alerting.rules import endings, evaluate
from scheduler.domain.alert import Rule, Sample, Severity
from scheduler.domain.deadline import Prediction, Verdict
from scheduler.domain.failure import FailureClass, JobError
from scheduler.domain.job import UPGRADE, Job, JobStatus, Priority, QueueDepth
from scheduler.domain.outbox import ChannelHealth, SocketLook
from scheduler.domain.service import Probe, ServiceHealth, ServiceState
from scheduler.domain.snapshot import ProcessInfo, Tonight

NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
DEADLINE = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)
OK, BAD, STOPPED, RUNS, WAITS = (
    JobStatus.COMPLETED,
    JobStatus.FAILED,
    JobStatus.CANCELLED,
    JobStatus.PROCESSING,
    JobStatus.QUEUED,
)


def look(**values: Any) -> list[Sample]:
    observed = replace(Observation(NOW, zone="Asia/Kolkata"), **values)
    return list(evaluate(observed, RuleSettings(), warning_s=900))


def told(samples: list[Sample]) -> list[tuple[Rule, str, Severity]]:
    return [(sample.rule, sample.subject, sample.severity) for sample in samples]


def job(status: JobStatus, number: int = 1, **values: Any) -> Job:
    error = JobError("503", FailureClass.API_ERROR, NOW, stage="manim", provider="manim-api") if status is BAD else None
    fields: dict[str, Any] = {
        "id": f"{number:08d}",
        "seq": number,
        "job_type": "daily_ca",
        "priority": Priority.HIGH,
        "status": status,
        "payload": {"video_url": "https://x/v.mp4"},
        "retry_count": 0,
        "max_retries": 3,
        "created_at": NOW,
        "updated_at": NOW - timedelta(minutes=number),
        "error": error,
    }
    return Job(**fields | values)


@pytest.mark.parametrize(
    ("newest_first", "fires"),
    [
        ((BAD, BAD, BAD), True),
        ((BAD, BAD), False),
        ((BAD, OK, BAD, BAD), False),
        ((OK, BAD, BAD, BAD), False),
        ((BAD, STOPPED, BAD, BAD), True),
        ((BAD, BAD, BAD, OK), True),
        ((), False),
    ],
)
def test_failures_in_a_row(newest_first: tuple[JobStatus, ...], *, fires: bool) -> None:
    samples = look(ended=tuple(job(status, n) for n, status in enumerate(newest_first)))
    assert told(samples) == ([(Rule.CONSECUTIVE_FAILURES, "daily_ca", Severity.CRITICAL)] if fires else [])


def test_failures_of_other_types_do_not_count_and_retries_count_once() -> None:
    mixed = (job(BAD, 1), job(BAD, 2, job_type="doubt"), job(BAD, 3, retry_count=3))
    assert look(ended=mixed) == []


def test_what_is_tried_again_by_itself_has_not_failed_and_upgrades_are_nobodys_trouble() -> None:
    retried = (job(BAD, 1), job(BAD, 2, retry_at=NOW), job(BAD, 3))
    assert look(ended=retried) == []
    assert told(look(ended=(*retried, job(BAD, 4)))) == [
        (Rule.CONSECUTIVE_FAILURES, "daily_ca", Severity.CRITICAL),
    ]
    assert look(ended=tuple(job(BAD, n, job_type=UPGRADE) for n in range(5))) == []


@pytest.mark.parametrize(
    ("queued", "oldest_s", "found"),
    [
        (20, 0, [("jobs", True)]),
        (21, 0, [("jobs", False)]),
        (15, 0, []),
        (16, 0, [("jobs", True)]),
        (1, 1801, [("oldest", False)]),
        (1, 1800, []),
    ],
)
def test_queue_depth_with_hysteresis_and_age(queued: int, oldest_s: float, found: list[tuple[str, bool]]) -> None:
    samples = look(depth=QueueDepth({WAITS: queued}, oldest_s))
    assert [(sample.subject, sample.holds) for sample in samples] == found


def minutes(number: float) -> datetime:
    return DEADLINE + timedelta(minutes=number)


def run(
    p50: float | None = None,
    p90: float | None = None,
    *,
    status: JobStatus | None = RUNS,
    due_at: datetime | None = NOW,
    **values: Any,
) -> RunLook:
    guess = None if p50 is None or p90 is None else Prediction(minutes(p50), minutes(p90))
    held = {name: values.pop(name) for name in ("held", "ready_at") if name in values}
    tonight = Tonight(
        verdict=Verdict.ON_TRACK,
        schedule="nightly",
        run_date=date(2026, 11, 21),
        timezone="Asia/Kolkata",
        deadline_at=DEADLINE,
        starts_at=None,
        job=None if status is None else job(status, started_at=NOW if status is RUNS else None),
        render=None,
        stages=(),
        prediction=guess,
        slack_s=None,
        note="note",
    )
    return RunLook(replace(tonight, **values), due_at=due_at, **held)


AT_RISK, LATE, MISSED = Rule.DEADLINE_AT_RISK, Rule.START_LATE, Rule.DEADLINE_MISSED
WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL


@pytest.mark.parametrize(
    ("one", "found"),
    [
        (run(-60, -16), []),
        (run(-60, -15), []),
        (run(-60, -14), [(AT_RISK, WARNING, 2)]),
        (run(-1, 30), [(AT_RISK, WARNING, 2)]),
        (run(0, 30), [(AT_RISK, WARNING, 2)]),
        (run(1, 30), [(AT_RISK, CRITICAL, 2)]),
        (run(-5, 1, status=None), [(AT_RISK, CRITICAL, 2)]),  # the latest safe start has gone by
        (run(-5, 1, status=None, due_at=None), [(AT_RISK, WARNING, 2)]),  # it is still to come
        (run(-60, -50, status=None, due_at=NOW - timedelta(seconds=299)), []),
        (run(-60, -50, status=None, due_at=NOW - timedelta(seconds=300)), [(LATE, WARNING, 1)]),
        (run(-60, -50, status=WAITS, due_at=NOW - timedelta(seconds=300)), [(LATE, WARNING, 1)]),
        (run(-60, -50, status=RUNS, due_at=NOW - timedelta(seconds=300)), []),
        (run(status=BAD), [(AT_RISK, CRITICAL, 1)]),
        (run(status=STOPPED), [(AT_RISK, CRITICAL, 1)]),
        (run(status=None, held=True, due_at=NOW - timedelta(hours=1)), []),
        (run(status=OK, ready_at=NOW), []),
        (run(status=RUNS, ready_at=NOW), []),
        (run(deadline_at=NOW), [(MISSED, CRITICAL, 1)]),
        (run(deadline_at=NOW, ready_at=NOW + timedelta(hours=1)), []),
        (run(deadline_at=NOW, held=True, status=None), []),
        (run(deadline_at=None), []),
    ],
)
def test_a_run_and_its_deadline(one: RunLook, found: list[tuple[Rule, Severity, int]]) -> None:
    samples = look(runs=(one,))
    assert [(sample.rule, sample.severity, sample.needs) for sample in samples] == found
    assert {sample.fingerprint for sample in samples} <= {"deadline|nightly|2026-11-21"}


def test_what_is_told_of_a_run_at_risk() -> None:
    [sample] = look(runs=(run(10, 30),))
    facts = sample.facts
    assert facts.title == "nightly will probably miss 06:00 IST: most likely 10 min late"
    assert facts.lines[-1].startswith("2 h 30 min left; out by 06:10 IST in half of the cases")
    assert facts.command == "predawn jobs show 00000001"


def test_how_a_run_ended_is_told() -> None:
    on_time, late = run(ready_at=minutes(-40)), run(ready_at=minutes(20))
    assert list(endings([on_time], NOW).values()) == ["published 05:20 IST, 40 min before the deadline"]
    assert list(endings([late], NOW).values()) == ["published 06:20 IST, 20 min late"]
    assert endings([run()], NOW) == {}


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (OutputLook(job(OK), exists=True, duration_s=60, render_s=40), None),
        (OutputLook(job(OK), exists=False), "is not there"),
        (OutputLook(job(OK, payload={})), "no video is named"),
        (OutputLook(job(OK), duration_s=9), "less than 10 s"),
        (OutputLook(job(OK), render_s=2), "too fast to be true"),
        (OutputLook(job(BAD), problem="the sound is silent"), "the sound is silent"),
        (OutputLook(job(BAD)), None),
    ],
)
def test_what_a_run_left_behind(output: OutputLook, words: str | None) -> None:
    samples = look(outputs=(output,))
    assert (words is not None) == bool(samples)
    if words is not None:
        assert words in samples[0].facts.lines[0]


@pytest.mark.parametrize(
    ("samples", "misses", "found"),
    [(30, 0, None), (30, 1, WARNING), (30, 2, CRITICAL), (19, 2, WARNING), (5, 1, WARNING)],
)
def test_the_on_time_rate(samples: int, misses: int, found: Severity | None) -> None:
    record = SlaLook("nightly", 30, samples, misses, 1.5, 0.95)
    results = look(sla=(record,))
    assert [sample.severity for sample in results] == ([] if found is None else [found])
    if samples < 20 and results:
        assert "too few" in results[0].facts.lines[1]


def test_services_that_are_down_and_only_those() -> None:
    states = [ServiceState.UP, ServiceState.DEGRADED, ServiceState.UNKNOWN, ServiceState.DOWN]
    probe = Probe("s3", NOW, ok=False, error="connection refused")
    found = look(services=tuple(ServiceHealth(f"s{n}", "u", s, NOW, probe) for n, s in enumerate(states)))
    assert told(found) == [(Rule.SERVICE_DOWN, "s3", WARNING)]


def process(number: int, silent_s: float, started_s: float = 9999, host: str = "a") -> ProcessInfo:
    beat = NOW - timedelta(seconds=silent_s)
    return ProcessInfo(str(number), "worker", host, number, NOW - timedelta(seconds=started_s), beat, silent_s < 30)


@pytest.mark.parametrize(
    ("processes", "found"),
    [
        ((process(1, 5),), None),
        ((process(1, 61), process(2, 5)), WARNING),
        ((process(1, 61),), CRITICAL),
        ((process(1, 61), process(2, 5, started_s=30)), None),  # started anew in its place
        ((process(1, 61), process(2, 5, started_s=30, host="b")), WARNING),
        ((process(1, 90_000), process(2, 5)), None),  # forgotten
        ((process(1, 80_000), process(2, 61, started_s=70_000)), CRITICAL),  # only the newer one is the trouble
    ],
)
def test_lost_workers(processes: tuple[ProcessInfo, ...], found: Severity | None) -> None:
    assert [sample.severity for sample in look(processes=processes)] == ([] if found is None else [found])


@pytest.mark.parametrize(
    ("health", "fires"),
    [
        (ChannelHealth("slack"), False),
        (ChannelHealth("slack", 1, NOW, oldest_waiting=NOW - timedelta(seconds=119)), False),
        (ChannelHealth("slack", 1, NOW, oldest_waiting=NOW - timedelta(seconds=120)), True),
        (ChannelHealth("slack", 0, None, oldest_waiting=NOW - timedelta(hours=1)), False),  # a long queue, no failure
        (ChannelHealth("slack", 1, NOW, dead=1), True),
    ],
)
def test_channels_that_take_nothing(health: ChannelHealth, *, fires: bool) -> None:
    assert bool(look(channels=(health,))) == fires


@pytest.mark.parametrize(
    ("socket", "subjects"),
    [
        (None, []),
        (SocketLook(None), []),
        (SocketLook(NOW - timedelta(seconds=59)), []),
        (SocketLook(NOW - timedelta(seconds=60)), ["slack"]),
        (SocketLook(None, 2), ["slack-twice"]),
    ],
)
def test_slacks_socket(socket: SocketLook | None, subjects: list[str]) -> None:
    assert [sample.subject for sample in look(socket=socket)] == subjects
