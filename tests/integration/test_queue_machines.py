"""Two ``predawn worker`` processes on one PostgreSQL, as on two machines, and rows that another application inserts.

They really render, which takes a minute: run by ``make chaos``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dispatch_world import fresh_database, postgresql_server, url_of
from test_daemon import BRIEF, PREDAWN, environment

from config.settings import QueueSettings
from scheduler.domain.job import JobStatus
from scheduler.ports.store import Store
from scheduler.store import open_store

BARE = "INSERT INTO jobs (job_type, priority, status, payload) VALUES ('daily_ca', 'normal', 'queued', %s) RETURNING id"
PATIENT_S = 180.0
PROMISED_S = 60.0
"""Seconds from the death of a worker until another one has finished its jobs, with the settings that ship."""
LEASE_S = QueueSettings().lease_s


@contextmanager
def worker(home: Path, url: str) -> Generator[subprocess.Popen[str], None, None]:
    home.mkdir()
    shipped = {name: value for name, value in environment(home).items() if not name.startswith("PREDAWN_QUEUE__")}
    more = {"PREDAWN_DATABASE_URL": url, "PREDAWN_QUEUE__SLOTS": "1"}
    with (home / "worker.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen([*PREDAWN, "worker"], env=shipped | more, stdout=log, stderr=log, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def until(condition: Callable[[], Any], within_s: float = PATIENT_S) -> Any:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s} s")


def holder(store: Store, job: str) -> str | None:
    """Process number of the worker that has a job in hand."""
    owner = store.get(job).lease_owner
    return owner.split("/")[1] if owner else None


@pytest.mark.skipif(os.environ.get("PREDAWN_TEST_CHAOS") != "long", reason="renders for a minute: make chaos")
@pytest.mark.timeout(600)
def test_two_workers_render_bare_rows_and_the_job_of_one_that_is_killed_is_finished_by_the_other(
    tmp_path: Path,
) -> None:
    brief = tmp_path / "brief.md"
    brief.write_text(BRIEF, encoding="utf-8")
    with postgresql_server(tmp_path) as server, fresh_database(server) as name:
        url = url_of(server, name)
        store = open_store(url)
        try:
            with worker(tmp_path / "a", url) as first, worker(tmp_path / "b", url) as second:
                until(lambda: len(store.processes()) == 2)
                with psycopg.connect(url, autocommit=True) as application:
                    rows: list[Any] = [
                        application.execute(BARE, (json.dumps({"brief": str(brief)}),)).fetchone() for _ in range(2)
                    ]
                jobs = [str(row[0]) for row in rows]
                until(lambda: {holder(store, job) for job in jobs} == {str(first.pid), str(second.pid)})
                (lost,) = [job for job in jobs if holder(store, job) == str(first.pid)]
                first.send_signal(signal.SIGKILL)
                first.wait()
                killed = time.monotonic()
                until(lambda: all(store.get(job).status is JobStatus.COMPLETED for job in jobs))
                took = time.monotonic() - killed
                sys.stdout.write(f"all done {took:.1f} s after the kill, with leases of {LEASE_S:g} s\n")
                assert took <= PROMISED_S
                done = store.get(lost)
                assert (done.crash_count, done.retry_count) == (1, 0)
                assert all(
                    Path(store.get(job).payload["video_url"].removeprefix("file://")).stat().st_size for job in jobs
                )
        finally:
            store.close()
