"""The recording's file: what was written is read at any moment, and space is bounded."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from recording_world import AT, night_snapshot, probed

from scheduler.domain.deadline import Verdict
from scheduler.domain.job import JobStatus
from scheduler.domain.recording import MarkKind
from scheduler.domain.service import ServiceState
from scheduler.domain.snapshot import Snapshot
from scheduler.ports.recording import NothingRecordedError, RecordingError
from scheduler.recording.file import size_of
from scheduler.recording.marks import marks_between
from scheduler.recording.reader import RecordingReader
from scheduler.recording.state import state_of
from scheduler.recording.writer import RecordingInUseError, RecordingWriter, gap_mark


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "recording.db"


@pytest.fixture
def reader(path: Path) -> Iterator[RecordingReader]:
    reader = RecordingReader(path)
    yield reader
    reader.close()


def keep(writer: RecordingWriter, snapshot: Snapshot, last: Snapshot | None = None) -> Snapshot:
    writer.write(snapshot.taken_at, state_of(snapshot, writer.state), marks_between(last, snapshot))
    return snapshot


def a_night(writer: RecordingWriter) -> None:
    last = keep(writer, night_snapshot())
    for snapshot in (
        night_snapshot(after(60), manim=ServiceState.DOWN),
        night_snapshot(after(120), Verdict.AT_RISK, manim=ServiceState.DOWN),
        night_snapshot(after(180), Verdict.AT_RISK, manim=ServiceState.DOWN, fallback=True),
        night_snapshot(after(240), Verdict.READY, manim=ServiceState.DOWN, fallback=True, job=JobStatus.COMPLETED),
    ):
        last = keep(writer, snapshot, last)


@pytest.mark.parametrize(
    ("seconds", "verdict", "manim"),
    [
        (0, Verdict.ON_TRACK, ServiceState.UP),
        (59.9, Verdict.ON_TRACK, ServiceState.UP),
        (60, Verdict.ON_TRACK, ServiceState.DOWN),
        (150, Verdict.AT_RISK, ServiceState.DOWN),
        (240, Verdict.READY, ServiceState.DOWN),
    ],
)
def test_every_moment_shows_what_stood_then(
    path: Path, reader: RecordingReader, seconds: float, verdict: Verdict, manim: ServiceState
) -> None:
    with RecordingWriter(path) as writer:
        a_night(writer)
    with RecordingWriter(path):  # opened again: the stretch is closed and packed
        past = reader.at(after(seconds))
    assert past.snapshot.tonight.verdict is verdict
    assert past.snapshot.services[0].state is manim
    assert past.snapshot.taken_at == after(seconds)
    assert not past.in_gap


def test_a_night_is_told_by_its_marks_newest_first(path: Path, reader: RecordingReader) -> None:
    with RecordingWriter(path) as writer:
        a_night(writer)
        told = [(mark.kind, mark.text.split(":")[0]) for mark in reader.marks()]
    assert told == [
        (MarkKind.JOB, "daily_ca completed"),
        (MarkKind.VERDICT, "AT RISK → READY"),
        (MarkKind.FALLBACK, "manim falls back to static-cards"),
        (MarkKind.VERDICT, "ON TRACK → AT RISK"),
        (MarkKind.SERVICE, "manim up → down"),
        (MarkKind.VERDICT, "ON TRACK"),
    ]


def test_the_next_mark_and_the_one_before_are_found(path: Path, reader: RecordingReader) -> None:
    with RecordingWriter(path) as writer:
        a_night(writer)
    assert reader.marks(before=after(120), limit=1)[0].kind is MarkKind.SERVICE
    assert reader.marks(after=after(120), limit=1)[0].kind is MarkKind.FALLBACK
    assert [mark.at for mark in reader.marks(kinds=[MarkKind.SERVICE])] == [after(60)]


def test_it_is_read_while_it_is_written_back_and_forth(path: Path, reader: RecordingReader) -> None:
    with RecordingWriter(path) as writer:
        snapshot = keep(writer, night_snapshot())
        for n in range(1, 40):
            snapshot = keep(writer, probed(snapshot, after(n * 15), float(n)), snapshot)
            for back in (n, n // 2, n):
                health = reader.at(after(back * 15)).snapshot.services[0]
                assert (health.last_probe and health.last_probe.latency_ms) == (back or 12.3)


def test_nothing_new_is_not_written(path: Path) -> None:
    with RecordingWriter(path) as writer:
        assert writer.write(AT, state_of(night_snapshot()))
        assert not writer.write(after(1), state_of(night_snapshot(after(1)), writer.state))


def test_a_killed_recorder_leaves_what_it_wrote_and_the_next_one_goes_on(path: Path, reader: RecordingReader) -> None:
    dead = RecordingWriter(path)
    a_night(dead)
    dead._lock.close()  # pyright: ignore[reportPrivateUsage] - what the kernel does for a killed process; the connection is never closed
    assert reader.at(after(200)).snapshot.tonight.verdict is Verdict.AT_RISK
    with RecordingWriter(path) as writer:
        keep(writer, night_snapshot(after(4000)))
        assert reader.at(after(200)).snapshot.tonight.verdict is Verdict.AT_RISK
        assert reader.at(after(4000)).snapshot.tonight.verdict is Verdict.ON_TRACK
    dead._db.close()  # pyright: ignore[reportPrivateUsage]


def test_time_in_which_nobody_recorded_is_told(path: Path, reader: RecordingReader) -> None:
    with RecordingWriter(path) as writer:
        a_night(writer)
        writer.alive(after(300))
    with RecordingWriter(path) as writer:
        writer.mark(gap_mark(writer, after(4000)))
        keep(writer, night_snapshot(after(4000)))
        held = reader.at(after(290))
        lost = reader.at(after(2000))
        assert (held.in_gap, lost.in_gap) == (False, True)
        assert (lost.recorded_at, lost.gap_until) == (after(300), after(4000))
        assert "62 min" in reader.marks(kinds=[MarkKind.GAP])[0].text


def test_before_the_first_moment_there_is_nothing(path: Path, reader: RecordingReader) -> None:
    with pytest.raises(RecordingError, match="nothing is recorded yet"):
        reader.at(AT)
    assert reader.info().began is None
    assert reader.marks() == ()
    with RecordingWriter(path) as writer:
        keep(writer, night_snapshot())
    with pytest.raises(NothingRecordedError, match="the oldest that is, is of 2026-11-20 21:42:30"):
        reader.at(after(-1))


def test_only_one_process_records(path: Path) -> None:
    with RecordingWriter(path), pytest.raises(RecordingInUseError):
        RecordingWriter(path)


def test_a_clock_that_steps_back_begins_a_new_stretch(path: Path, reader: RecordingReader) -> None:
    with RecordingWriter(path) as writer:
        keep(writer, night_snapshot(after(600)))
        keep(writer, night_snapshot(after(0), Verdict.AT_RISK))
        assert reader.at(after(1)).snapshot.tonight.verdict is Verdict.AT_RISK


def test_a_file_that_is_none_is_named(path: Path, reader: RecordingReader) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(RecordingError, match=r"recording\.db"):
        reader.at(AT)
    with pytest.raises(RecordingError, match="move it away"):
        RecordingWriter(path)


def test_a_newer_format_is_refused(path: Path, reader: RecordingReader) -> None:
    RecordingWriter(path).close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meta SET value = 99 WHERE key = 'format'")
    db.close()
    with pytest.raises(RecordingError, match="format 99"):
        reader.at(AT)


def test_when_space_runs_out_old_stretches_are_thinned_then_dropped_and_marks_stay(
    path: Path, reader: RecordingReader
) -> None:
    """Days in a file of 100 kB, whose states change far more than it can hold."""
    limit = 100_000
    biggest = 0
    with RecordingWriter(path, main_bytes=limit) as writer:
        last = None
        snapshot = night_snapshot()
        for n in range(12 * 96):  # a quarter of an hour, for twelve days
            at = after(900 * n)
            snapshot = probed(
                night_snapshot(at, Verdict.AT_RISK if n % 96 == 5 else Verdict.ON_TRACK), at, float(n % 97)
            )
            for step in range(4):
                moved = probed(snapshot, at + timedelta(seconds=step * 20), float((n * 7 + step * 13) % 89) + 0.1)
                last = keep(writer, moved, last)
            biggest = max(biggest, size_of(path)) if n % 50 == 0 else biggest
        info = reader.info()
    assert biggest <= limit + 2_200_000  # and the write-ahead log with its index
    assert info.until is not None
    assert reader.at(info.until).snapshot.services[0].latencies_ms
    verdicts = reader.marks(kinds=[MarkKind.VERDICT], limit=1000)
    assert len(verdicts) >= 13
    assert info.began is not None
    oldest = next(mark for mark in reversed(verdicts) if mark.at >= info.began and mark.subject == "AT RISK")
    past = reader.at(oldest.at)
    assert past.coarse
    assert past.snapshot.tonight.verdict is Verdict.AT_RISK


def test_readers_on_other_threads_get_whole_answers(path: Path, reader: RecordingReader) -> None:
    wrong: list[str] = []

    def read(seconds: float, expected: Verdict) -> None:
        found = [reader.at(after(seconds)).snapshot.tonight.verdict for _ in range(50)]
        wrong.extend(f"{seconds}: {verdict}" for verdict in found if verdict is not expected)

    with RecordingWriter(path) as writer:
        a_night(writer)
        threads = [
            threading.Thread(target=read, args=(10, Verdict.ON_TRACK)),
            threading.Thread(target=read, args=(250, Verdict.READY)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert not wrong
