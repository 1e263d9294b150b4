"""Nights on which clocks change, and what is said once a day: by local time, once."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from config.sections.alerts import AlertSettings, RuleSettings
from config.settings import Settings
from console.bootstrap.reading import make_operations
from scheduler.alerting.evaluator import Evaluator
from scheduler.alerting.extras import daily_report
from scheduler.alerting.observation import Observation, RunLook
from scheduler.alerting.rules import evaluate
from scheduler.domain.alert import Rule
from scheduler.domain.deadline import Prediction, Verdict
from scheduler.domain.schedule import ScheduleDefinition
from scheduler.domain.snapshot import Tonight
from scheduler.nights.report import headline, report_text
from scheduler.schedules.due import fire_at, next_nominal
from scheduler.testing import FakeClock, MemoryStore

BERLIN = ScheduleDefinition("nightly", "daily_ca", "0 3 * * *", "Europe/Berlin", time(6, 0))


def run_on(after: datetime, now: datetime) -> tuple[RunLook, datetime]:
    nominal = next_nominal(BERLIN, after)
    assert nominal is not None
    fire = fire_at(BERLIN, nominal)
    assert fire.deadline_at is not None
    tonight = Tonight(
        verdict=Verdict.ON_TRACK,
        schedule="nightly",
        run_date=fire.run_date,
        timezone="Europe/Berlin",
        deadline_at=fire.deadline_at,
        starts_at=None,
        job=None,
        render=None,
        stages=(),
        prediction=Prediction(now, now),
        slack_s=None,
        note="",
    )
    return RunLook(tonight, due_at=fire.nominal.astimezone(UTC)), fire.deadline_at.astimezone(UTC)


@pytest.mark.parametrize(
    ("evening", "run_date", "deadline", "shown"),
    [
        (datetime(2027, 3, 27, 20, tzinfo=UTC), date(2027, 3, 28), datetime(2027, 3, 28, 4, tzinfo=UTC), "06:00 CEST"),
        (
            datetime(2026, 10, 24, 20, tzinfo=UTC),
            date(2026, 10, 25),
            datetime(2026, 10, 25, 5, tzinfo=UTC),
            "06:00 CET",
        ),
    ],
)
def test_a_night_on_which_the_clocks_change(evening: datetime, run_date: date, deadline: datetime, shown: str) -> None:
    for minute, rule in ((-1, Rule.START_LATE), (0, Rule.DEADLINE_MISSED)):
        now = deadline + timedelta(minutes=minute)
        run, due = run_on(evening, now)
        assert (due, run.tonight.run_date) == (deadline, run_date)
        samples = evaluate(Observation(now, runs=(run,)), RuleSettings(), warning_s=0)
        worst = samples[-1]
        assert worst.rule is rule
        assert worst.fingerprint == f"deadline|nightly|{run_date}"
    assert shown in worst.facts.title


def reports(start: datetime, hours: int, zone: str) -> list[datetime]:
    """When reports were put into the outbox, with a look each minute and a new process each hour."""
    clock = FakeClock(start)
    store = MemoryStore(clock)
    found: list[datetime] = []

    def text(_look: Observation, _alerts: Any) -> dict[str, Any]:
        return {"title": "t", "lines": []}

    for _ in range(hours):
        evaluator = Evaluator(
            store, lambda: Observation(clock.now(), zone=zone), AlertSettings(), clock, "me", slack=True, report=text
        )
        for _ in range(60):
            before = len(store.deliveries(limit=1000).items)
            evaluator.look()
            if len(store.deliveries(limit=1000).items) > before:
                found.append(clock.now())
            clock.advance(60)
    return found


@pytest.mark.parametrize(
    ("start", "zone", "times"),
    [
        (datetime(2026, 11, 20, 0, tzinfo=UTC), "Asia/Kolkata", ["00:45", "00:45"]),
        (datetime(2027, 3, 27, 0, tzinfo=UTC), "Europe/Berlin", ["05:15", "04:15"]),
        (datetime(2026, 10, 24, 0, tzinfo=UTC), "Europe/Berlin", ["04:15", "05:15"]),
    ],
)
def test_the_report_comes_once_a_day_at_its_local_time(start: datetime, zone: str, times: list[str]) -> None:
    assert [f"{at:%H:%M}" for at in reports(start, 40, zone)] == times


def test_what_the_report_says_is_what_predawn_report_says(tmp_path: Path) -> None:
    clock = FakeClock(datetime(2026, 11, 21, 0, 45, tzinfo=UTC))
    operations = make_operations(Settings(home=tmp_path), MemoryStore(clock))
    report = operations.report(date(2026, 11, 21))
    told = daily_report(report, Observation(clock.now(), zone="Asia/Kolkata"), ())
    assert told["title"] == headline(report)
    for line in report_text(report).splitlines()[2:]:
        assert line[10:] in "\n".join(told["lines"])
    assert told["lines"][-2:] == ["open alerts: none", "delivery: fine"]
