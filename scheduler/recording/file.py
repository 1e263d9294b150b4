"""The recording's file: SQLite of its own beside the database, so that it can be read when the database cannot.

Space is bounded by SQLite itself (``max_page_count``) and by a write-ahead log that is folded in after every
megabyte. Commits are not synced one by one: a killed process loses nothing, a power cut the last seconds, and never
the file.

``segments`` are stretches of at most an hour. The open one has its records in ``records``, one row each, the first of
them the whole state; a closed one has them compressed in ``body``, one JSON document a line: ``[ms, patch]``.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from scheduler.ports.recording import NothingRecordedError, RecordingError

FORMAT = 1
PAGE = 4096
WAL_PAGES = 256
MEGABYTE = 1_000_000
LIMIT_BYTES = 50 * MEGABYTE
"""What database file, write-ahead log and index of the log together never pass."""
MAIN_BYTES = 44 * MEGABYTE
"""What the database file never passes."""
BUSY_S = 5.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS segments (
    id INTEGER PRIMARY KEY, began INTEGER NOT NULL, ended INTEGER NOT NULL,
    thinned INTEGER NOT NULL DEFAULT 0, body BLOB);
CREATE INDEX IF NOT EXISTS segments_began ON segments (began);
CREATE TABLE IF NOT EXISTS records (
    segment INTEGER NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (segment, at)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS marks (
    at INTEGER NOT NULL, n INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (at, n)) WITHOUT ROWID;
"""
"""``meta.alive``: when the recorder last said that what is recorded still holds (ms)."""


def to_ms(at: datetime) -> int:
    """A moment as it is kept: milliseconds since 1970."""
    return round(at.timestamp() * 1000)


def from_ms(ms: int) -> datetime:
    """The moment of ``to_ms``, aware UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def open_for_writing(path: Path, *, main_bytes: int = MAIN_BYTES) -> sqlite3.Connection:
    """Open or make the file, for its owner alone.

    Raises:
        RecordingError: it cannot be used.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600, exist_ok=True)
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_PAGES * PAGE}")
        connection.execute(f"PRAGMA max_page_count = {main_bytes // PAGE}")
        connection.executescript(SCHEMA)
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (FORMAT,))
        _check_format(connection, path)
    except (OSError, sqlite3.Error) as error:
        raise RecordingError(f"the recording {path} cannot be written ({error}): move it away to begin anew") from error
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open the file to read.

    Raises:
        RecordingError: there is none, or it cannot be read.
    """
    if not path.exists():
        raise NothingRecordedError(f"nothing is recorded yet: there is no {path} (the daemon writes it: predawn serve)")
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            timeout=BUSY_S,
            isolation_level=None,
            uri=True,
            check_same_thread=False,
        )
        _check_format(connection, path)
    except sqlite3.Error as error:
        raise RecordingError(f"the recording {path} cannot be read ({error})") from error
    return connection


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    row = connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
    if row is None or row[0] != FORMAT:
        raise RecordingError(
            f"the recording {path} has format {row[0] if row else 'none'}, this predawn reads {FORMAT}: "
            "use the predawn that wrote it, or move the file away"
        )


def pack(records: Iterable[str]) -> bytes:
    """Records of a closed segment."""
    return zlib.compress("\n".join(records).encode(), 9)


def unpack(body: bytes) -> Sequence[str]:
    """The records of ``pack``.

    Raises:
        RecordingError: they are damaged.
    """
    try:
        return zlib.decompress(body).decode().split("\n")
    except (zlib.error, UnicodeDecodeError) as error:
        raise RecordingError(f"a stretch of the recording is damaged ({error}); others can be read") from error


def size_of(path: Path) -> int:
    """Bytes of the file and of what SQLite keeps beside it."""
    total = 0
    for suffix in ("", "-wal", "-shm"):
        try:
            total += Path(f"{path}{suffix}").stat().st_size
        except FileNotFoundError:
            continue
    return total
