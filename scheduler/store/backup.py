"""A copy of an SQLite database that is in use."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from scheduler.domain.maintenance import BackupReport
from scheduler.ports.maintenance import NotForThisDatabaseError, Progress
from scheduler.ports.store import StoreCorruptError
from scheduler.store.engine import Database

PAGES = 1000
"""Copied between two reports of progress."""


def backup(database: Database, target: Path, *, overwrite: bool, progress: Progress | None) -> BackupReport:
    """Copy the database as it is now; see ``Maintenance.backup``."""
    if not database.is_sqlite:
        url = database.engine.url.set(drivername="postgresql").render_as_string()
        raise NotForThisDatabaseError(
            f"a PostgreSQL database is saved with its own tool: pg_dump --format=custom --file={target} '{url}'"
        )
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} is there already; give another name, or --force to replace it")
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        # Made first and for this user alone: the copy holds what the database holds.
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with database.translated():
            _copy(database, unfinished, progress)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(target)
    finally:
        with suppress(FileNotFoundError):
            unfinished.unlink()
    return BackupReport(target, target.stat().st_size)


def _copy(database: Database, target: Path, progress: Progress | None) -> None:
    with (
        closing(sqlite3.connect(f"file:{_uri(database)}?mode=ro", uri=True, isolation_level=None)) as source,
        closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        # One look at the database for the whole copy: without it, every write of another process begins it anew.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()

        def tell(_status: int, remaining: int, total: int) -> None:
            if progress:
                progress(total - remaining, total)

        source.backup(copy, pages=PAGES, progress=tell, sleep=0)
        source.execute("ROLLBACK")
        # Without a write-ahead log it is one file, which may be copied further.
        copy.execute("PRAGMA journal_mode=DELETE")
        found = [str(row[0]) for row in copy.execute("PRAGMA quick_check(5)")]
        if found != ["ok"]:
            raise StoreCorruptError(f"{database.name} is damaged, and so is a copy of it: {'; '.join(found)}")


def _uri(database: Database) -> str:

    return quote(str(Path(database.engine.url.database or "").absolute()))
