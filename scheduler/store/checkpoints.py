"""Moving SQLite's write-ahead log into the database beside the commits, not inside one of them.

SQLite does it in the commit that makes the log longer than a thousand pages: that one then pays for the sync of two
files, and all who wait for it do too (measured beside ten renders: the slowest took 126 ms instead of 22).
A thread does it here. SQLite's own way stays as the net below it, at a length that the thread does not let come about.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

EVERY = 250
"""Commits of this process after which the log is moved: about a thousand pages, as SQLite has it."""
NET_PAGES = 8_000
"""Length of the log (32 MB) at which a commit moves it itself."""


class Checkpoints:
    """Counts commits and moves the log. Thread-safe; the thread is there from the first time that it is needed.

    Args:
        engine: connections to an SQLite file.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._commits = 0
        self._due = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    def committed(self) -> None:
        """Count one commit; called by whoever has the turn to write, so one at a time."""
        self._commits += 1
        if self._commits < EVERY or self._closed:
            return
        self._commits = 0
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="predawn-checkpoints", daemon=True)
            self._thread.start()
        self._due.set()

    def close(self) -> None:
        """End the thread, after the move that it is in."""
        self._closed = True
        self._due.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while self._due.wait() and not self._closed:
            self._due.clear()
            # A disk that is full or a file that is gone: the next commit meets it too and tells.
            with suppress(SQLAlchemyError, sqlite3.Error):
                self._move()

    def _move(self) -> None:
        connection = self._engine.raw_connection()
        try:
            driver: Any = connection.driver_connection
            # Passive: waits for nobody, and nobody for it.
            driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        finally:
            connection.close()
