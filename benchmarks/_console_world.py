"""Databases of any size for the console's figures, and somebody who changes them meanwhile."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Self

from scheduler.store import open_store

_BULK = 20_000
_FILL = """
    WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < :rows)
    INSERT INTO jobs (id, job_type, priority, status, payload, attempt, created_at, completed_at, idempotency_key,
        error_message)
    SELECT lower(hex(randomblob(16))), CASE n % 3 WHEN 0 THEN 'doubt' ELSE 'daily_ca' END,
        CASE n % 5 WHEN 0 THEN 'high' ELSE 'normal' END,
        CASE n % 50 WHEN 0 THEN 'failed' WHEN 1 THEN 'cancelled' WHEN 2 THEN 'queued' ELSE 'completed' END,
        json_object('brief', json_object('title', 'Current affairs of day ' || n), 'video_url', 'file:///v.mp4'),
        1, strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-' || (3600 + :total - :first - n) || ' seconds'),
        strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-1 hour'), 'daily_ca:' || (:first + n),
        CASE n % 50 WHEN 0 THEN json_object('message', 'no answer within 240 s', 'type', 'TIMEOUT', 'timestamp',
            '2026-11-20T03:00:00+00:00', 'stage', 'revideo') END
    FROM count"""
_RUN = """
    UPDATE jobs SET status = 'processing', progress = 0.1, stage = 'manim', lease_owner = 'bench', attempt = 2,
        started_at = strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'),
        lease_expires_at = strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '+1 day')
    WHERE seq > (SELECT max(seq) FROM jobs) - ?"""

_STOP = """
    UPDATE jobs SET status = 'completed', lease_owner = NULL, lease_expires_at = NULL, progress = 1.0
    WHERE status = 'processing'"""


def fill(home: Path, rows: int) -> None:
    """A database of so many jobs, nearly all of them long done; in the last hour nothing has come."""
    home.mkdir(parents=True, exist_ok=True)
    open_store(f"sqlite:///{home / 'predawn.db'}", synchronous="NORMAL").close()
    with closing(sqlite3.connect(home / "predawn.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        for first in range(0, rows, _BULK):
            connection.execute(_FILL, {"rows": min(_BULK, rows - first), "first": first, "total": rows})


def set_running(home: Path, count: int) -> None:
    """The newest so many jobs are being rendered, and no others."""
    with closing(sqlite3.connect(home / "predawn.db", timeout=30, isolation_level=None)) as connection:
        connection.execute(_STOP)
        connection.execute(_RUN, (count,))


class Writer:
    """Changes the database while it is looked at: ``changes`` jobs a second, each in a transaction of its own batch.

    Args:
        home: the folder of the database.
        changes: how many jobs a second.
        batches: transactions a second.
    """

    def __init__(self, home: Path, changes: int, batches: int = 10) -> None:
        self._home = home
        self._each = max(changes // batches, 1)
        self._pause = 1.0 / batches
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _write(self) -> None:
        with closing(sqlite3.connect(self._home / "predawn.db", timeout=30, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=OFF")
            round_ = 0
            while not self._ends.wait(self._pause):
                round_ += 1
                newest = connection.execute("SELECT max(seq) FROM jobs").fetchone()[0]
                rows = [(time.time() % 1, newest - n) for n in range(self._each)]
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("UPDATE jobs SET progress = ? WHERE seq = ?", rows)
                connection.execute("COMMIT")
