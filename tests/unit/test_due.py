from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduler.domain.schedule import ScheduleDefinition, ScheduleState
from scheduler.schedules.due import coming_run, due, fire_at, next_nominal, previous_nominal, spec_of

KOLKATA = ZoneInfo("Asia/Kolkata")


def nightly(**changes: object) -> ScheduleDefinition:
    fields: dict[str, object] = {
        "name": "nightly",
        "job_type": "daily_ca",
        "cron": "0 3 * * *",
        "timezone": "Asia/Kolkata",
        "deadline": time(6, 0),
        "catch_up_s": 3 * 3600.0,
    }
    return ScheduleDefinition(**(fields | changes))  # pyright: ignore[reportArgumentType] - test data by name


def local(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=KOLKATA)


def state(last: datetime, **changes: object) -> ScheduleState:
    return ScheduleState(nightly(), last_fire=last.astimezone(UTC), **changes)  # pyright: ignore[reportArgumentType]


def test_a_fire_is_for_its_deadlines_day_and_has_the_contracts_key() -> None:
    fire = fire_at(nightly(), local(21, 3))
    assert fire.run_date == date(2026, 11, 21)
    assert fire.key == "daily_ca:2026-11-21"
    assert fire.deadline_at == local(21, 6).astimezone(UTC)


def test_a_start_before_midnight_is_for_the_next_day() -> None:
    fire = fire_at(nightly(cron="30 23 * * *"), local(20, 23, 30))
    assert fire.run_date == date(2026, 11, 21)
    assert fire.deadline_at == local(21, 6).astimezone(UTC)


def test_a_schedule_that_fires_more_than_once_a_day_has_the_time_in_its_key() -> None:
    fire = fire_at(nightly(cron="0 */6 * * *", deadline=None), local(20, 12))
    assert fire.key == "daily_ca:nightly:2026-11-20T12:00"
    assert fire.run_date == date(2026, 11, 20)


@pytest.mark.parametrize(
    ("last", "now", "fires", "advances", "missed"),
    [
        (local(20, 3), local(20, 12), False, False, 0),
        (local(20, 3), local(21, 2, 59), False, False, 0),
        (local(20, 3), local(21, 3), True, False, 0),
        (local(20, 3), local(21, 5, 59), True, False, 0),
        (local(20, 3), local(21, 6, 1), False, True, 1),
        (local(18, 3), local(21, 3, 30), True, False, 0),
    ],
    ids=["nothing", "just before", "on the dot", "caught up", "too late", "only the newest"],
)
def test_what_is_due(last: datetime, now: datetime, fires: bool, advances: bool, missed: int) -> None:
    found = due(state(last), now)
    assert (found.fire is not None) is fires
    assert (found.advance_to is not None) is advances
    assert found.missed == missed
    if found.fire is not None:
        assert found.fire.nominal == local(21, 3)


def test_a_day_of_missed_starts_is_counted_and_only_the_newest_made_up_for() -> None:
    definition = nightly(cron="0 * * * *", deadline=None, catch_up_s=86_400.0)
    found = due(ScheduleState(definition, last_fire=local(20, 0).astimezone(UTC)), local(20, 9, 5))
    assert found.fire is not None
    assert found.fire.nominal == local(20, 9)
    assert found.missed == 8


@pytest.mark.parametrize("held", [{"paused": True}, {"skip_dates": (date(2026, 11, 21),)}])
def test_a_pause_or_a_skipped_date_lets_the_start_pass(held: dict[str, object]) -> None:
    found = due(state(local(20, 3), **held), local(21, 3, 1))
    assert found.fire is None
    assert found.advance_to == local(21, 3).astimezone(UTC)


def test_a_schedule_never_seen_before_is_not_due() -> None:
    assert due(ScheduleState(nightly()), local(21, 3)).fire is None


def test_previous_and_next_are_strictly_around_now() -> None:
    now = local(21, 3)
    assert previous_nominal(nightly(), now, within=timedelta(days=2)) == now
    assert next_nominal(nightly(), now) == local(22, 3)


@pytest.mark.parametrize(
    ("now", "on", "run_date"),
    [
        (local(21, 2), None, date(2026, 11, 21)),
        (local(21, 5), None, date(2026, 11, 21)),
        (local(21, 7), None, date(2026, 11, 22)),
        (local(21, 7), date(2026, 11, 20), date(2026, 11, 20)),
        (local(21, 7), date(2027, 1, 31), date(2027, 1, 31)),
    ],
)
def test_a_run_by_hand_is_for_the_run_whose_deadline_is_ahead_or_for_its_date(
    now: datetime, on: date | None, run_date: date
) -> None:
    fire = coming_run(nightly(), now, on=on)
    assert fire is not None
    assert fire.run_date == run_date


def test_a_run_by_hand_on_a_day_without_a_run_is_refused() -> None:
    assert coming_run(nightly(cron="0 3 * * mon"), local(21, 7), on=date(2026, 11, 21)) is None


def test_the_job_of_a_fire_carries_payload_priority_and_deadline() -> None:
    definition = nightly(payload={"brief": "x.md"}, priority="high")
    spec = spec_of(definition, fire_at(definition, local(21, 3)))
    assert spec.idempotency_key == "daily_ca:2026-11-21"
    assert spec.payload == {"brief": "x.md"}
    assert spec.deadline_at == local(21, 6).astimezone(UTC)
    assert spec.schedule_name == "nightly"
