"""Steering schedules through Operations and the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from config.settings import Settings
from console.bootstrap.reading import make_operations
from console.cli.schedules import first_of_each, next_words
from scheduler.domain.access import Role
from scheduler.domain.job import JobStatus
from scheduler.operations import StoreOperations
from scheduler.ports.operations import Actor, InvalidError, UpcomingFire
from scheduler.schedules.definitions import schedule_definitions
from scheduler.testing import FakeClock, MemoryStore

ANN = Actor("ann", "cli", role=Role.ADMIN)
ZONE = ZoneInfo("Asia/Kolkata")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 11, 20, 12, 0, tzinfo=ZONE).astimezone(UTC))


@pytest.fixture
def operations(tmp_path: Path, clock: FakeClock) -> StoreOperations:
    settings = Settings(home=tmp_path)
    store = MemoryStore(clock)
    store.sync_schedules(schedule_definitions(settings), now=clock.now())
    made = make_operations(settings, store)
    made._clock = clock  # pyright: ignore[reportPrivateUsage] - the night is not today
    return made


def test_a_coming_date_is_skipped_and_owed_again(operations: StoreOperations) -> None:
    day = date(2026, 11, 22)
    assert operations.skip_date("nightly", day, actor=ANN).skip_dates == (day,)
    assert operations.skip_date("nightly", day, actor=ANN).skip_dates == (day,)
    held = {one.fire.run_date: one for one in operations.upcoming(count=3)}
    assert (held[day].skipped, held[day].why, held[day].starts_at) == (True, "skipped by an operator", None)
    assert held[date(2026, 11, 21)].starts_at == datetime(2026, 11, 21, 3, 0, tzinfo=ZONE)
    assert operations.unskip_date("nightly", day, actor=ANN).skip_dates == ()
    with pytest.raises(InvalidError, match="does not skip 2026-11-22; skipped are: none"):
        operations.unskip_date("nightly", day, actor=ANN)


def test_a_date_that_is_over_cannot_be_skipped(operations: StoreOperations, clock: FakeClock) -> None:
    with pytest.raises(InvalidError, match="2026-11-20 is over"):
        operations.skip_date("nightly", date(2026, 11, 20), actor=ANN)
    clock.advance(17 * 3600)
    operations.skip_date("nightly", date(2026, 11, 21), actor=ANN)
    clock.advance(3600)
    with pytest.raises(InvalidError, match="2026-11-21 is over"):
        operations.skip_date("nightly", date(2026, 11, 21), actor=ANN)


def test_a_date_whose_job_is_there_is_not_skipped_but_cancelled(operations: StoreOperations) -> None:
    job = operations.run_schedule("nightly", actor=ANN).job
    assert job.status is JobStatus.QUEUED
    with pytest.raises(InvalidError, match=f"predawn jobs cancel {job.id[:8]}"):
        operations.skip_date("nightly", date(2026, 11, 21), actor=ANN)


def test_a_pause_holds_back_every_coming_start_and_is_a_difference_to_the_config(operations: StoreOperations) -> None:
    assert operations.schedule_differences() == ()
    operations.pause_schedule("nightly", paused=True, actor=ANN)
    assert {one.why for one in operations.upcoming(count=4)} == {"the schedule is paused"}
    [difference] = operations.schedule_differences()
    assert (difference.field, difference.table) == ("paused", "yes, by an operator")
    coming = first_of_each(operations.upcoming(count=4))["nightly"]
    assert next_words(coming) == "none (the schedule is paused; Sat 21 Nov 03:00 IST would be)"


def test_the_next_start_is_the_first_that_is_not_held_back(operations: StoreOperations) -> None:
    operations.skip_date("nightly", date(2026, 11, 21), actor=ANN)
    coming = first_of_each(operations.upcoming(count=4))["nightly"]
    assert next_words(coming) == "Sun 22 Nov 03:00 IST"
    assert coming.starts_at is not None
    early = UpcomingFire(coming.fire, skipped=False, starts_at=coming.starts_at - timedelta(minutes=20))
    assert next_words(early) == "Sun 22 Nov 03:00 IST, early at 02:40"
    assert next_words(None) == "never"


def predawn(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREDAWN_")}
    return subprocess.run(
        [sys.executable, "-m", "console.cli.main", "--home", str(home), *arguments],
        env=kept,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def test_the_commands_speak_json(tmp_path: Path) -> None:
    def told(*arguments: str) -> Any:
        done = predawn(tmp_path, *arguments, "--json")
        assert done.returncode in {0, 3, 5}, done.stderr
        return json.loads(done.stdout)

    assert told("sla")["windows"][1]["days"] == 30
    simulated = told("simulate", "--nights", "3", "--fault", "manim=down", "--no-history")
    assert (simulated["nights"], simulated["on_time"], simulated["degraded"]) == (3, 3, 3)


def test_watch_ends_when_nobody_reads_it(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREDAWN_")}
    line = f"{sys.executable} -m console.cli.main --home {tmp_path} watch --every 3600 | head -1"
    done = subprocess.run(["bash", "-c", line], env=kept, capture_output=True, text=True, check=False, timeout=90)
    assert "IDLE" in done.stdout
