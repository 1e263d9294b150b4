"""Schedules in real processes: two on one database, and a daemon that was away when its run was due."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config.settings import ScheduleSettings, Settings
from scheduler.domain.job import Job
from scheduler.ports.store import Store
from scheduler.schedules.definitions import schedule_definitions
from scheduler.store import open_store

TIMER = Path(__file__).parent / "nights_timer.py"
ROOT = Path(__file__).parents[2]


def until(condition: Callable[[], object], *, within_s: float = 60) -> None:
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {within_s} s")
        time.sleep(0.05)


def test_two_processes_on_one_database_make_one_job_for_each_nominal_time(tmp_path: Path) -> None:
    """A day around the night on which New York's clocks go back, every ten minutes of the wall clock."""
    url, gate = f"sqlite:///{tmp_path / 'predawn.db'}", tmp_path / "gate"
    open_store(url).close()
    zone = ZoneInfo("America/New_York")
    begin, end = datetime(2026, 10, 31, 12, 5, tzinfo=zone), datetime(2026, 11, 1, 12, 5, tzinfo=zone)
    arguments = [url, begin.isoformat(), end.isoformat(), "18000", "*/10 * * * *", zone.key, str(gate)]
    timers = [
        subprocess.Popen(
            [sys.executable, str(TIMER), *arguments], stdout=subprocess.PIPE, text=True, env=_environment()
        )
        for _ in range(2)
    ]
    try:
        for timer in timers:
            assert timer.stdout is not None
            assert timer.stdout.readline() == "ready\n"
        gate.touch()
        made = [int(timer.communicate(timeout=90)[0]) for timer in timers]
    finally:
        for timer in timers:
            timer.kill()
            timer.wait()
    store = open_store(url)
    jobs = store.list(limit=1000).items
    store.close()
    assert sum(made) == len(jobs)
    keys = {job.idempotency_key for job in jobs}
    assert len(keys) == len(jobs)
    # Each of the day's 144 wall-clock times is a start of its own; what a slow machine looked at late is passed over.
    assert len(jobs) <= 144
    assert "doubt:often:2026-11-01T12:00" in keys
    assert len([key for key in keys if key and "2026-11-01T01:" in key]) <= 6


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREDAWN_")}
    return kept | {"PYTHONPATH": str(ROOT)}


@contextmanager
def serving(home: Path) -> Generator[subprocess.Popen[bytes], None, None]:
    settings = {
        "PREDAWN_CONFIG": str(home / "predawn.toml"),
        "PREDAWN_API__ENABLED": "false",
        "PREDAWN_SERVICES__MANIM__ENABLED": "false",
        "PREDAWN_SERVICES__REVIDEO__ENABLED": "false",
        "PREDAWN_SERVICES__ORCHESTRATOR__ENABLED": "false",
    }
    log = (home / "daemon.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "console.cli.main", "--home", str(home), "serve"],
        env=_environment() | settings,
        stdout=log,
        stderr=log,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        log.close()


@pytest.mark.timeout(180)
def test_a_daemon_that_was_away_at_the_start_catches_up_once_before_the_deadline(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    start, deadline = now - timedelta(minutes=4), now + timedelta(minutes=30)
    (tmp_path / "predawn.toml").write_text(
        f'[schedules.nightly]\ntimezone = "UTC"\nstart = "{start:%H:%M}"\ndeadline = "{deadline:%H:%M}"\n'
        'payload = { brief_text = "too short" }\n',
        encoding="utf-8",
    )
    left = ScheduleSettings(timezone="UTC", start=start.time().replace(second=0, microsecond=0))
    url = f"sqlite:///{tmp_path / 'predawn.db'}"
    store = open_store(url)
    try:
        # As a daemon left it that was stopped ten minutes ago.
        definitions = schedule_definitions(Settings(home=tmp_path, schedules={"nightly": left}))
        store.sync_schedules(definitions, now=now - timedelta(minutes=10))
        with serving(tmp_path):
            until(lambda: jobs_of(store))
        [job] = jobs_of(store)
        assert job.schedule_name == "nightly"
        assert job.deadline_at is not None
        assert job.created_at < job.deadline_at <= deadline + timedelta(minutes=1)
        with serving(tmp_path):
            until(lambda: store.processes() and store.processes()[0].alive)
            looked = store.schedules()[0].last_fire
            assert looked is not None
        assert [one.id for one in jobs_of(store)] == [job.id]
    finally:
        store.close()


def jobs_of(store: Store) -> list[Job]:
    return list(store.list().items)
