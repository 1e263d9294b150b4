"""The reading side of the recording: the state at a moment, and the moments worth looking at. Thread-safe."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from scheduler.domain.job import JobStatus
from scheduler.domain.recording import Mark, MarkKind, Past, RecordingInfo
from scheduler.ports.recording import NothingRecordedError, RecordingError
from scheduler.recording.codec import ShapeError
from scheduler.recording.delta import OBJECT, SET, Json, Patch, PatchError, apply
from scheduler.recording.file import LIMIT_BYTES, from_ms, open_for_reading, size_of, to_ms, unpack
from scheduler.recording.state import snapshot_of

SILENCE_MS = 30_000
"""Milliseconds without a word from the recorder after which a moment counts as not recorded."""


@dataclass
class _Stretch:
    """A segment as read: its records, and the state after the first ``applied`` of them."""

    id: int
    records: list[tuple[int, Patch]]
    ended: int
    thinned: bool
    closed: bool
    applied: int = 0
    state: Json = None

    def state_at(self, moment: int) -> Json:
        wanted = sum(1 for at, _ in self.records if at <= moment)
        if wanted < self.applied:
            self.applied, self.state = 0, None
        for _, patch in self.records[self.applied : wanted]:
            self.state = apply(self.state, patch)
        self.applied = wanted
        return self.state


class RecordingReader:
    """Reads the recording at ``path``, which another process may be writing.

    Every method raises ``RecordingError`` when the file cannot be read.

    Args:
        path: the file.
        limit_bytes: what its writer never passes, for ``info``.
    """

    def __init__(self, path: Path, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self._path = path
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._kept: _Stretch | None = None

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._forget()

    def info(self) -> RecordingInfo:
        """From when until when there is something to see; also when nothing is recorded yet."""
        began = until = None
        if self._path.exists():
            with self._lock:
                row = self._one("SELECT min(began), max(ended) FROM segments")
                alive = self._alive()
            if row[0] is not None:
                began, until = from_ms(row[0]), from_ms(max(row[1], alive))
        return RecordingInfo(began, until, size_of(self._path), self._limit, str(self._path))

    def at(self, moment: datetime) -> Past:
        """What was to be seen at a moment."""
        asked = to_ms(moment)
        with self._lock:
            stretch = self._stretch_at(asked)
            if stretch is None:
                oldest = self._one("SELECT min(began) FROM segments")[0]
                since = f"; the oldest that is, is of {from_ms(oldest):%Y-%m-%d %H:%M:%S} UTC" if oldest else ""
                raise NothingRecordedError(f"nothing is recorded at {moment.isoformat(timespec='seconds')}{since}")
            try:
                state = stretch.state_at(asked)
            except PatchError as error:
                self._kept = None
                raise RecordingError(str(error)) from error
            known = min(asked, max(stretch.ended, self._alive() if not stretch.closed else 0))
            in_gap = asked - known > SILENCE_MS
            following = self._one("SELECT min(began) FROM segments WHERE began > ? AND id > ?", asked, stretch.id)[0]
        try:
            snapshot = snapshot_of(state, moment, from_ms(known))
        except ShapeError as error:
            raise RecordingError(
                f"what was recorded then cannot be read by this version of predawn ({error})"
            ) from error
        return Past(
            asked=moment,
            recorded_at=from_ms(known),
            snapshot=snapshot,
            in_gap=in_gap,
            gap_until=from_ms(following) if in_gap and following is not None else None,
            coarse=stretch.thinned,
        )

    def marks(
        self,
        *,
        after: datetime | None = None,
        before: datetime | None = None,
        kinds: Sequence[MarkKind] = (),
        limit: int = 100,
    ) -> tuple[Mark, ...]:
        """Moments worth looking at, newest first; with ``after`` alone the next ones after it."""
        if not self._path.exists():
            return ()
        where, values = ["1"], list[Any]()
        for word, moment in (("at > ?", after), ("at < ?", before)):
            if moment is not None:
                where.append(word)
                values.append(to_ms(moment))
        if kinds:
            where.append(f"kind IN ({', '.join('?' for _ in kinds)})")
            values += [kind.value for kind in kinds]
        forward = after is not None and before is None
        order = "at, n" if forward else "at DESC, n DESC"
        query = f"SELECT at, kind, text, subject FROM marks WHERE {' AND '.join(where)} ORDER BY {order} LIMIT ?"  # noqa: S608 - fixed words and question marks
        with self._lock:
            rows = self._all(query, *values, limit)
        known = set(MarkKind)
        found = tuple(
            Mark(from_ms(at), MarkKind(kind), text, subject) for at, kind, text, subject in rows if kind in known
        )
        return found[::-1] if forward else found

    def depths(self, *, since: datetime, until: datetime, steps: int) -> tuple[int | None, ...]:
        """The most jobs that were queued in each of ``steps`` equal parts of this time."""
        first, last = to_ms(since), to_ms(until)
        if not self._path.exists():
            return (None,) * steps
        with self._lock:
            spans = [span for number, ended in self._segments(first, last) for span in self._spans(number, ended)]
        return spread(spans, first, last, steps)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _segments(self, first: int, last: int) -> list[tuple[int, int]]:
        """The segments that reach into this time, oldest first: number, and until when each is known to hold."""
        rows = self._all(
            "SELECT id, ended, body IS NOT NULL FROM segments WHERE began <= ? AND id >= coalesce("
            "(SELECT max(id) FROM segments WHERE began <= ?), 0) ORDER BY id",
            last,
            first,
        )
        alive = self._alive()
        return [(number, ended if closed else max(ended, alive)) for number, ended, closed in rows]

    def _spans(self, number: int, ended: int) -> Iterator[tuple[int, int, int]]:
        """Of a segment: from when until when (ms) how many jobs were queued."""
        depth: Json = {}
        since = queued = None
        for at, patch in self._records(number):
            depth = _depth_after(depth, patch)
            now = int(depth.get("by_status", {}).get(JobStatus.QUEUED.value, 0))
            if now != queued:
                if since is not None and queued is not None:
                    yield since, at, queued
                since, queued = at, now
        if since is not None and queued is not None:
            yield since, max(ended, since) + SILENCE_MS, queued

    def _stretch_at(self, asked: int) -> _Stretch | None:
        row = self._one(
            "SELECT id, ended, thinned, body IS NOT NULL FROM segments WHERE began <= ? ORDER BY id DESC LIMIT 1", asked
        )
        if row is None:
            return None
        number, ended, thinned, closed = row
        kept = self._kept
        if kept is not None and kept.id == number and closed and kept.closed and kept.thinned == bool(thinned):
            return kept
        records = self._records(number)
        if not records:
            return None
        self._kept = _Stretch(number, records, max(ended, records[-1][0]), bool(thinned), bool(closed))
        return self._kept

    def _records(self, number: int) -> list[tuple[int, Patch]]:
        """The records of a segment, oldest first."""
        body = self._one("SELECT body FROM segments WHERE id = ? AND body IS NOT NULL", number)
        bodies: Sequence[str] = (
            unpack(body[0])
            if body is not None
            else [text for (text,) in self._all("SELECT body FROM records WHERE segment = ? ORDER BY at", number)]
        )
        return [(int(at), patch) for at, patch in map(json.loads, bodies)]

    def _alive(self) -> int:
        row = self._one("SELECT value FROM meta WHERE key = 'alive'")
        return int(row[0]) if row else 0

    def _one(self, query: str, *values: Any) -> Any:
        rows = self._all(query, *values)
        return rows[0] if rows else None

    def _all(self, query: str, *values: Any) -> list[Any]:
        if self._db is None:
            self._db = open_for_reading(self._path)
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            self._forget()
            raise RecordingError(f"the recording {self._path} cannot be read ({error})") from error

    def _forget(self) -> None:
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
        self._db, self._kept = None, None


def _depth_after(depth: Json, patch: Patch) -> Json:
    """The queue's depth after a record; what else the record changes is not looked at.

    Raises:
        RecordingError: the record does not fit what came before it.
    """
    kind, what = patch[0], cast("dict[str, Any]", patch[1])
    if kind == SET:
        return what.get("depth", {})
    inner = what.get("depth") if kind == OBJECT else None
    if inner is None:
        return depth
    try:
        return apply(depth, inner)
    except PatchError as error:
        raise RecordingError(str(error)) from error


def spread(spans: Iterable[tuple[int, int, int]], first: int, last: int, steps: int) -> tuple[int | None, ...]:
    """The greatest value in each of ``steps`` equal parts of a time; None where no span reaches. Pure.

    Args:
        spans: from when until when (that moment not included) which value; a later one holds from its beginning on.
        first: where the first part begins.
        last: where the last part ends.
        steps: at least 1.
    """
    found: list[int | None] = [None] * steps
    width = max(last - first, 1) / steps
    ordered = sorted(spans)
    for n, (began, ended, value) in enumerate(ordered):
        until = min(ended, ordered[n + 1][0]) if n + 1 < len(ordered) else ended
        if until <= first or began > last or until <= began:
            continue
        begin = min(max(int((began - first) / width), 0), steps - 1)
        end = min(-int(-(until - first) // width), steps)
        for step in range(begin, max(end, begin + 1)):
            found[step] = max(value, found[step] or 0)
    return tuple(found)
