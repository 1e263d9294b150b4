"""What is due over the years: time zones, clocks that change and clocks that are wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.domain.schedule import ScheduleDefinition, ScheduleState
from scheduler.schedules.due import CLOCK_SLACK, MOST_EARLY, due, fire_at, latest_start_of, next_nominal
from scheduler.schedules.timer import fire_due
from scheduler.schedules.wall import moment_of
from scheduler.testing import FakeClock, MemoryStore

ZONES = ("Asia/Kolkata", "America/New_York", "Europe/London", "Australia/Lord_Howe")
MORE_ZONES = (*ZONES, "UTC", "America/Sao_Paulo", "Africa/Casablanca", "Asia/Tehran", "Pacific/Chatham", "Asia/Beirut")
DAILY = ScheduleDefinition("nightly", "daily_ca", "30 1 * * *", "Asia/Kolkata", time(6, 0))
KOLKATA = ZoneInfo("Asia/Kolkata")


def daily(zone: str, start: time, **more: Any) -> ScheduleDefinition:
    return replace(DAILY, timezone=zone, cron=f"{start.minute} {start.hour} * * *", **more)


def wall(text: str) -> datetime:
    """A wall-clock time, without a zone."""
    return datetime.fromisoformat(text)


def local(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=KOLKATA)


@pytest.mark.parametrize("year", [2026, 2028])
@pytest.mark.parametrize("start", [time(1, 30), time(2, 15), time(23, 50)])
@pytest.mark.parametrize("zone", ZONES)
def test_a_year_has_one_run_for_each_day_and_none_twice(zone: str, start: time, year: int) -> None:
    clock = FakeClock(datetime(year, 1, 1, tzinfo=ZoneInfo(zone)) - timedelta(seconds=1))
    store = MemoryStore(clock)
    store.sync_schedules([daily(zone, start, deadline=None)], now=clock.now())
    end = datetime(year + 1, 1, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    made: list[date] = []
    while clock.now() < end - timedelta(minutes=1):
        clock.advance(min(5 * 3600.0, (end - clock.now()).total_seconds() - 1))
        made += [job.run_date for job in fire_due(store, clock.now()) if job.run_date]
    days = (date(year + 1, 1, 1) - date(year, 1, 1)).days
    assert made == [date(year, 1, 1) + timedelta(days=n) for n in range(days)]
    assert len(store.list(limit=1000).items) == days


@pytest.mark.parametrize(
    ("zone", "shown", "moment"),
    [
        ("America/New_York", wall("2026-03-08T02:30"), "2026-03-08T03:00:00-04:00"),
        ("America/New_York", wall("2026-11-01T01:30"), "2026-11-01T01:30:00-04:00"),
        ("Europe/London", wall("2026-03-29T01:59"), "2026-03-29T02:00:00+01:00"),
        ("Australia/Lord_Howe", wall("2026-10-04T02:15"), "2026-10-04T02:30:00+11:00"),
        ("Australia/Lord_Howe", wall("2026-04-05T01:45"), "2026-04-05T01:45:00+11:00"),
        ("Pacific/Apia", wall("2011-12-30T05:00"), "2011-12-31T00:00:00+14:00"),
        ("Asia/Kolkata", wall("2026-03-08T02:30"), "2026-03-08T02:30:00+05:30"),
    ],
    ids=["gap", "fold", "end of a gap", "gap of half an hour", "fold of half an hour", "a day that never was", "plain"],
)
def test_a_wall_clock_time_is_one_moment(zone: str, shown: datetime, moment: str) -> None:
    assert moment_of(shown, ZoneInfo(zone)).isoformat() == moment


instants = st.datetimes(wall("2015-01-01T00:00"), wall("2035-01-01T00:00"), timezones=st.just(UTC))
crons = st.sampled_from(
    ["30 1 * * *", "15 2 * * *", "*/20 * * * *", "0 */3 * * mon-fri", "45 0 1 * *", "5 1-3 * * sun"]
)


@settings(max_examples=150, deadline=None)
@given(zone=st.sampled_from(MORE_ZONES), cron=crons, at=instants)
def test_nominal_times_go_forward_and_say_what_the_wall_clock_says(zone: str, cron: str, at: datetime) -> None:
    definition = replace(DAILY, timezone=zone, cron=cron, deadline=None)
    seen: set[str] = set()
    for _ in range(6):
        found = next_nominal(definition, at)
        assert found is not None
        assert found > at
        assert next_nominal(definition, found.astimezone(UTC) - timedelta(microseconds=1)) == found
        key = fire_at(definition, found).key
        assert key not in seen
        seen.add(key)
        at = found


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(MORE_ZONES),
    start=st.times().map(lambda clock: clock.replace(second=0, microsecond=0)),
    begin=instants,
    steps=st.lists(st.tuples(st.integers(1, 30 * 3600), st.integers(-2 * 3600, 2 * 3600)), min_size=5, max_size=25),
)
def test_whatever_the_clock_does_no_nominal_time_has_two_jobs_and_none_that_was_looked_at_is_lost(
    zone: str, start: time, begin: datetime, steps: list[tuple[int, int]]
) -> None:
    clock = FakeClock(begin)
    store = MemoryStore(clock)
    definition = daily(zone, start, deadline=None, catch_up_s=86_400.0)
    store.sync_schedules([definition], now=clock.now())
    for passes, jumps in steps:
        clock.advance(passes)
        clock.step(jumps)
        # Two daemons look, one after the other.
        made = fire_due(store, clock.now()) + fire_due(store, clock.now())
        assert len(made) <= 1
        newest = next_nominal(definition, clock.now() - timedelta(days=1))
        while newest is not None and (further := next_nominal(definition, newest)) and further <= clock.now():
            newest = further
        if newest is not None and begin < newest <= clock.now():
            # Only the newest missed one is made up for: a clock set back does not bring the ones before it back.
            later = [job.run_date for job in store.list(limit=1000).items if job.run_date]
            run_date = fire_at(definition, newest).run_date
            assert run_date in later or run_date < max(later)
    jobs = store.list(limit=1000).items
    assert len({job.run_date for job in jobs}) == len(jobs)


def test_a_clock_that_was_days_ahead_costs_no_night() -> None:
    clock = FakeClock(local(20, 12).astimezone(UTC))
    store = MemoryStore(clock)
    store.sync_schedules([daily("Asia/Kolkata", time(3, 0))], now=clock.now())
    clock.step(10 * 86_400)
    assert [job.run_date for job in fire_due(store, clock.now())] == []
    clock.step(-10 * 86_400)
    fire_due(store, clock.now())
    clock.advance(15 * 3600)
    assert [job.run_date for job in fire_due(store, clock.now())] == [date(2026, 11, 21)]


def test_a_clock_set_back_a_little_starts_nothing_twice() -> None:
    clock = FakeClock(local(21, 2, 59).astimezone(UTC))
    store = MemoryStore(clock)
    store.sync_schedules([daily("Asia/Kolkata", time(3, 0))], now=clock.now())
    clock.advance(61)
    assert len(fire_due(store, clock.now())) == 1
    clock.step(-1800)
    assert fire_due(store, clock.now()) == []
    clock.advance(3600)
    assert fire_due(store, clock.now()) == []
    assert timedelta(days=1) > MOST_EARLY + CLOCK_SLACK


def test_a_daemon_that_stood_from_one_to_five_catches_up_once_before_the_deadline() -> None:
    clock = FakeClock(local(21, 1).astimezone(UTC))
    store = MemoryStore(clock)
    definition = daily("Asia/Kolkata", time(3, 0), catch_up_s=3 * 3600.0)
    store.sync_schedules([definition], now=clock.now())
    assert fire_due(store, clock.now()) == []
    clock.advance(4 * 3600)  # nothing runs
    store.sync_schedules([definition], now=clock.now())  # a daemon starts
    [job] = fire_due(store, clock.now())
    assert (job.run_date, job.deadline_at) == (date(2026, 11, 21), local(21, 6).astimezone(UTC))
    assert clock.now() < local(21, 6).astimezone(UTC)
    assert fire_due(store, clock.now()) == []


def state(definition: ScheduleDefinition, last: datetime, **more: Any) -> ScheduleState:
    return ScheduleState(definition, last_fire=last.astimezone(UTC), **more)


@pytest.mark.parametrize(
    ("now", "lead_s", "fires", "early_s"),
    [
        (local(21, 1, 59), 3600.0, False, 0.0),
        (local(21, 2, 0), 3600.0, True, 3600.0),
        (local(21, 2, 30), 3600.0, True, 1800.0),
        (local(21, 3, 0), 3600.0, True, 0.0),
        (local(21, 2, 30), 0.0, False, 0.0),
        (local(20, 20, 59), 86_400.0, False, 0.0),
        (local(20, 21, 0), 86_400.0, True, 6 * 3600.0),
    ],
    ids=["not yet", "early", "late for early", "on time", "no need", "at most six hours", "six hours"],
)
def test_a_run_starts_early_when_it_must(now: datetime, lead_s: float, fires: bool, early_s: float) -> None:
    found = due(state(daily("Asia/Kolkata", time(3, 0)), local(20, 3)), now, lead_s=lead_s)
    assert (found.fire is not None) is fires
    assert found.early_s == early_s
    if found.fire is not None:
        assert found.fire.key == "daily_ca:2026-11-21"


def test_an_early_start_is_the_only_one_of_its_night() -> None:
    clock = FakeClock(local(20, 12).astimezone(UTC))
    store = MemoryStore(clock)
    store.sync_schedules([daily("Asia/Kolkata", time(3, 0))], now=clock.now())
    made: list[date | None] = []
    for _ in range(3 * 24 * 4):
        clock.advance(900)
        made += [job.run_date for job in fire_due(store, clock.now(), lead=lambda _state, _now: 3600.0)]
    assert made == [date(2026, 11, day) for day in (21, 22, 23)]


def test_a_held_back_night_is_not_let_pass_before_its_time() -> None:
    definition = daily("Asia/Kolkata", time(3, 0))
    held = state(definition, local(20, 3), skip_dates=(date(2026, 11, 21),))
    assert due(held, local(21, 2, 30), lead_s=3600.0).advance_to is None
    assert due(held, local(21, 3), lead_s=3600.0).advance_to == local(21, 3).astimezone(UTC)


def test_a_holiday_passes_without_a_run() -> None:
    definition = daily("Asia/Kolkata", time(3, 0), holidays=(date(2026, 11, 21),))
    assert due(state(definition, local(20, 3)), local(21, 3, 1)).fire is None
    assert due(state(definition, local(21, 3)), local(22, 3, 1)).fire is not None


def test_after_its_latest_start_a_run_is_not_caught_up() -> None:
    definition = daily("Asia/Kolkata", time(3, 0), latest_start=time(4, 30))
    assert latest_start_of(definition, local(21, 3)) == local(21, 4, 30).astimezone(UTC)
    assert due(state(definition, local(20, 3)), local(21, 4, 30)).fire is not None
    late = due(state(definition, local(20, 3)), local(21, 4, 31))
    assert (late.fire, late.missed) == (None, 1)


def test_one_off_starts_come_once_each() -> None:
    definition = replace(DAILY, cron="", at=(wall("2026-11-21T03:00"), wall("2026-12-31T22:00")))
    clock = FakeClock(local(20, 12).astimezone(UTC))
    store = MemoryStore(clock)
    store.sync_schedules([definition], now=clock.now())
    made: list[date | None] = []
    for _ in range(60 * 24):
        clock.advance(3600)
        made += [job.run_date for job in fire_due(store, clock.now())]
    assert made == [date(2026, 11, 21), date(2027, 1, 1)]
    assert next_nominal(definition, clock.now()) is None
