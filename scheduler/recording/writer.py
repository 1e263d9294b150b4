"""The writing side of the recording: records, marks, segments, and what is thinned or dropped when space runs out."""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, Self

from scheduler.domain.recording import Mark, MarkKind
from scheduler.ports.recording import RecordingError
from scheduler.recording.delta import SET, Json, Patch, apply, diff
from scheduler.recording.file import MAIN_BYTES, PAGE, from_ms, open_for_writing, pack, to_ms, unpack

SEGMENT_MS = 3_600_000
SEGMENT_CHARACTERS = 256_000
KEEP = timedelta(days=30)
GAP_S = 30.0
"""Seconds of silence after which a recording counts as interrupted."""
THIN_MS = 60_000
"""Milliseconds between the records that thinning leaves; records with a mark stay."""
THIN_FROM = 0.80
"""Share of the file that may be full before old segments are thinned, then dropped."""
UNTOUCHED = 6
"""Newest segments that are not thinned."""
MOST_MARKS = 20_000


class RecordingInUseError(RecordingError):
    """Another process writes this recording."""


class RecordingWriter:
    """Writes one recording; only one process at a time can, and of it one thread at a time.

    Args:
        path: the file; a lock file is kept beside it.
        keep: age at which what is recorded goes.
        main_bytes: the file's limit.

    Raises:
        RecordingInUseError: another process writes it.
        RecordingError: it cannot be written.
    """

    def __init__(self, path: Path, *, keep: timedelta = KEEP, main_bytes: int = MAIN_BYTES) -> None:
        self._lock = _take_lock(path)
        self._keep = keep
        self._limit_pages = main_bytes // PAGE
        try:
            self._db = open_for_writing(path, main_bytes=main_bytes)
        except RecordingError:
            self._lock.close()
            raise
        self._segment: int | None = None
        self._began = 0
        self._characters = 0
        self._state: Json = None
        self._last = 0
        with _translated():
            self._last_alive = self._close_left_open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def state(self) -> Json:
        """The last state written; None before the first."""
        return self._state

    @property
    def alive_until(self) -> datetime | None:
        """When the process before this one last said that it lives; None: there was none."""
        return from_ms(self._last_alive) if self._last_alive else None

    def write(self, at: datetime, state: Json, marks: Sequence[Mark] = ()) -> bool:
        """Keep a state and what is to be said of the moment. False: nothing has changed, nothing was written.

        Raises:
            RecordingError: the file cannot be written (its disk is full).
        """
        patch: Patch | None = [SET, state] if self._segment is None else diff(self._state, state)
        if patch is None and not marks:
            return False
        with _translated():
            self._write(to_ms(at), state, patch if patch is not None else [1, {}], marks)
        return True

    def mark(self, marks: Iterable[Mark]) -> None:
        """Keep moments worth a look, without a state.

        Raises:
            RecordingError: the file cannot be written.
        """
        with _translated(), self._transaction():
            for mark in marks:
                self._insert_mark(to_ms(mark.at), mark)

    def alive(self, at: datetime) -> None:
        """Say that what was written last still holds.

        Raises:
            RecordingError: the file cannot be written.
        """
        with _translated():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('alive', ?)", (to_ms(at),))

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
        self._lock.close()

    # --- inside ------------------------------------------------------------------------------------------------------

    def _write(self, at: int, state: Json, patch: Patch, marks: Sequence[Mark]) -> None:
        if self._segment is not None and (at < self._last or self._is_full(at)):
            self._close_segment()
            patch = [SET, state]
        self._make_room(at)
        at = max(at, self._last + 1) if self._segment is not None else at
        body = json.dumps([at, patch], separators=(",", ":"), ensure_ascii=False)
        with self._transaction():
            if self._segment is None:
                row = self._db.execute(
                    "INSERT INTO segments (began, ended) VALUES (?, ?) RETURNING id", (at, at)
                ).fetchone()
                self._segment, self._began, self._characters = row[0], at, 0
            self._db.execute("INSERT INTO records VALUES (?, ?, ?)", (self._segment, at, body))
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('alive', ?)", (at,))
            for mark in marks:
                self._insert_mark(at, mark)
        self._state, self._last = state, at
        self._characters += len(body)

    def _is_full(self, at: int) -> bool:
        return at - self._began >= SEGMENT_MS or self._characters >= SEGMENT_CHARACTERS

    def _insert_mark(self, at: int, mark: Mark) -> None:
        self._db.execute(
            "INSERT INTO marks SELECT ?, coalesce(max(n), 0) + 1, ?, ?, ? FROM marks WHERE at = ?",
            (at, mark.kind.value, mark.subject, mark.text, at),
        )

    def _close_left_open(self) -> int:
        """Close what a killed process left open; when it last said that it lives (ms), or 0."""
        row = self._db.execute("SELECT value FROM meta WHERE key = 'alive'").fetchone()
        alive = int(row[0]) if row else 0
        for (segment,) in self._db.execute("SELECT id FROM segments WHERE body IS NULL").fetchall():
            self._segment = segment
            self._close_segment(alive)
        return alive

    def _close_segment(self, alive: int | None = None) -> None:
        segment, self._segment = self._segment, None
        rows = self._db.execute("SELECT at, body FROM records WHERE segment = ? ORDER BY at", (segment,)).fetchall()
        if alive is None:
            alive = int(self._db.execute("SELECT value FROM meta WHERE key = 'alive'").fetchone()[0])
        with self._transaction():
            if rows:
                self._db.execute(
                    "UPDATE segments SET body = ?, ended = ? WHERE id = ?",
                    (pack(body for _, body in rows), max(alive, rows[-1][0]), segment),
                )
            else:
                self._db.execute("DELETE FROM segments WHERE id = ?", (segment,))
            self._db.execute("DELETE FROM records WHERE segment = ?", (segment,))

    # Space

    def _make_room(self, now: int) -> None:
        """Only between segments: one more fits into the rest of the file."""
        if self._segment is not None:
            return
        old = now - int(self._keep.total_seconds() * 1000)
        with self._transaction():
            self._db.execute("DELETE FROM segments WHERE ended < ? AND body IS NOT NULL", (old,))
            self._db.execute("DELETE FROM marks WHERE at < ?", (old,))
            self._db.execute(
                "DELETE FROM marks WHERE at < (SELECT at FROM marks ORDER BY at DESC, n DESC LIMIT 1 OFFSET ?)",
                (MOST_MARKS,),
            )
        while self._fill() > THIN_FROM and self._thin_oldest():
            pass
        while self._fill() > THIN_FROM and self._drop_oldest():
            pass

    def _fill(self) -> float:
        pages = (
            self._db.execute("PRAGMA page_count").fetchone()[0]
            - self._db.execute("PRAGMA freelist_count").fetchone()[0]
        )
        return pages / self._limit_pages

    def _thin_oldest(self) -> bool:
        row = self._db.execute(
            "SELECT id, body FROM segments WHERE thinned = 0 AND body IS NOT NULL "
            "AND id <= (SELECT max(id) FROM segments) - ? ORDER BY id LIMIT 1",
            (UNTOUCHED,),
        ).fetchone()
        if row is None:
            return False
        records = [json.loads(body) for body in unpack(row[1])]
        marked = {
            at
            for (at,) in self._db.execute(
                "SELECT at FROM marks WHERE at BETWEEN ? AND ?", (records[0][0], records[-1][0])
            )
        }
        with self._transaction():
            self._db.execute(
                "UPDATE segments SET body = ?, thinned = 1 WHERE id = ?", (pack(thin(records, marked)), row[0])
            )
        return True

    def _drop_oldest(self) -> bool:
        with self._transaction():
            return (
                self._db.execute(
                    "DELETE FROM segments WHERE id = (SELECT min(id) FROM segments WHERE body IS NOT NULL)"
                ).rowcount
                > 0
            )

    @contextmanager
    def _transaction(self) -> Any:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def thin(records: Sequence[list[Any]], marked: set[int], every_ms: int = THIN_MS) -> list[str]:
    """Records at least ``every_ms`` apart, and those at a marked moment, with what changed between.

    Args:
        records: ``[ms, patch]``, the first of them the whole state.
        marked: moments that stay.
        every_ms: between those that stay without a mark.
    """
    kept: list[str] = []
    state: Json = None
    written: Json = None
    last = 0
    for n, (at, patch) in enumerate(records):
        state = apply(state, patch)
        if n and n < len(records) - 1 and at not in marked and at - last < every_ms:
            continue
        change = diff(written, state) if n else [SET, state]
        if change is not None:
            kept.append(json.dumps([at, change], separators=(",", ":"), ensure_ascii=False))
            written, last = state, at
    return kept


def gap_mark(writer: RecordingWriter, now: datetime) -> tuple[Mark, ...]:
    """What is to be said of the time since the last process wrote, if it was long."""
    until = writer.alive_until
    if until is None or (now - until).total_seconds() < GAP_S:
        return ()
    minutes = (now - until).total_seconds() / 60
    return (Mark(now, MarkKind.GAP, f"recording goes on: nobody recorded for {minutes:.0f} min (no daemon ran)"),)


def _take_lock(path: Path) -> IO[bytes]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = Path(f"{path}.lock").open("ab")  # noqa: SIM115 - held until close()
    except OSError as error:
        raise RecordingError(f"the recording {path} cannot be written ({error.strerror})") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise RecordingInUseError(f"another process writes the recording {path}") from error
    return lock


@contextmanager
def _translated() -> Any:
    try:
        yield
    except sqlite3.Error as error:
        raise RecordingError(f"the recording cannot be written ({error}): is the disk full?") from error


Opening = Callable[[], RecordingWriter]
"""Opens the recording when it is time to."""
