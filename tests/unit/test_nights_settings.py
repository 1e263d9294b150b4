from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from config.loader import ConfigError, load_settings
from config.settings import Settings
from scheduler.domain.job import JobSpec
from scheduler.domain.schedule import ScheduleState
from scheduler.schedules.definitions import differences, schedule_definitions
from scheduler.schedules.timer import fire_due
from scheduler.testing import FakeClock, MemoryStore

WEEKDAYS = """
[schedules.nightly]
start = "03:30"
weekdays = ["mon", "fri"]
holidays = [2026-12-25]
latest_start = "05:00"
payload_file = "tonight.json"

[schedules.gala]
at = ["2026-12-31T22:00"]
timezone = "Europe/London"
"""


def load(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "predawn.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(config_file=path, overrides={"home": str(tmp_path)}).settings


def test_schedules_are_read_from_toml(tmp_path: Path) -> None:
    nightly, gala = schedule_definitions(load(tmp_path, WEEKDAYS))
    assert (nightly.cron, nightly.when) == ("30 3 * * mon,fri", "30 3 * * mon,fri")
    assert (nightly.holidays, nightly.latest_start) == ((date(2026, 12, 25),), time(5, 0))
    assert nightly.payload_file == str(tmp_path / "tonight.json")
    assert (gala.cron, gala.when) == ("", "at 2026-12-31 22:00")
    assert gala.at == (datetime.fromisoformat("2026-12-31T22:00"),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('start = "03:00"\ncron = "0 4 * * *"', "cron and start both say when it starts"),
        ('start = "03:00"\nat = ["2026-12-31T22:00"]', "start and at both say when it starts"),
        ('weekdays = ["mon"]', "weekdays go with start"),
        ('at = ["2026-12-31T22:00+05:30"]', "has a UTC offset"),
        ('start = "03:00:30"', "has seconds"),
    ],
)
def test_what_does_not_go_together_is_said_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        load(tmp_path, f"[schedules.nightly]\n{text}\n")
    assert "predawn.toml" in str(caught.value)


def test_the_payload_file_is_read_when_the_run_is_due_and_one_that_cannot_be_costs_no_night(tmp_path: Path) -> None:
    definition = replace(schedule_definitions(Settings(home=tmp_path))[0], payload_file=str(tmp_path / "tonight.json"))
    clock = FakeClock(datetime(2026, 11, 20, 20, 0, tzinfo=UTC))
    store = MemoryStore(clock)
    store.sync_schedules([replace(definition, payload={"a": 1, "b": 2})], now=clock.now())
    (tmp_path / "tonight.json").write_text(json.dumps({"b": 3}), encoding="utf-8")
    clock.advance(2 * 3600)
    [job] = fire_due(store, clock.now())
    assert job.payload == {"a": 1, "b": 3}
    for broken in ("[1]", "{"):
        (tmp_path / "tonight.json").write_text(broken, encoding="utf-8")
        clock.advance(86_400)
        [job] = fire_due(store, clock.now())
        assert job.payload == {"a": 1, "b": 2}
    assert isinstance(job.created_at, datetime)
    assert JobSpec("daily_ca").payload == {}


def test_where_config_and_table_differ_is_told(tmp_path: Path) -> None:
    definitions = schedule_definitions(load(tmp_path, WEEKDAYS))
    nightly, _ = definitions
    assert differences(definitions, [ScheduleState(one) for one in definitions]) == ()
    table = [
        ScheduleState(replace(nightly, cron="0 3 * * *", enabled=False), paused=True, skip_dates=(date(2026, 12, 24),)),
        ScheduleState(replace(nightly, name="old")),
    ]
    told = [(one.schedule, one.field, one.config, one.table) for one in differences(definitions, table)]
    assert told == [
        ("nightly", "cron", "30 3 * * mon,fri", "0 3 * * *"),
        ("nightly", "enabled", "yes", "no"),
        ("nightly", "paused", "no", "yes, by an operator"),
        ("nightly", "skip_dates", "none", "2026-12-24"),
        ("gala", "schedule", "declared", "not there: start the daemon anew"),
        ("old", "schedule", "not there", "declared: restart the daemon to take it out"),
    ]
