"""The recorder looks when something has changed, survives a broken database, and never records twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from recording_world import AT, night_snapshot

from scheduler.domain.deadline import Verdict
from scheduler.domain.recording import MarkKind
from scheduler.domain.snapshot import Snapshot
from scheduler.ports.store import StoreUnavailableError
from scheduler.recording.reader import RecordingReader
from scheduler.recording.recorder import REOPEN_S, RESNAP_S, Recorder
from scheduler.recording.writer import RecordingWriter
from scheduler.testing import FakeClock


class Scene:
    """A database whose snapshots a test decides, and a recorder over it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "recording.db"
        self.clock = FakeClock(AT)
        self.version = 1
        self.verdict = Verdict.ON_TRACK
        self.broken: Exception | None = None
        self.looks = 0
        self.reader = RecordingReader(self.path)
        self.recorder = self.another()

    def another(self) -> Recorder:
        return Recorder(
            lambda: RecordingWriter(self.path),
            version=self.data_version,
            look=self.look,
            clock=self.clock,
            every_s=0.01,
        )

    def data_version(self) -> int:
        if self.broken is not None:
            raise self.broken
        return self.version

    def look(self) -> Snapshot:
        self.looks += 1
        return night_snapshot(self.clock.now(), self.verdict)

    def pass_(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.recorder.once()


def test_it_looks_when_somebody_has_written_and_now_and_then(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.recorder.once()
    scene.pass_(1)
    scene.pass_(1)
    assert scene.looks == 1
    scene.version += 1
    scene.pass_(1)
    assert scene.looks == 2
    scene.pass_(RESNAP_S)
    assert scene.looks == 3
    scene.recorder.close()


def test_a_verdict_that_changes_is_marked_and_found(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.recorder.once()
    scene.verdict, scene.version = Verdict.AT_RISK, 2
    scene.pass_(60)
    assert [mark.text for mark in scene.reader.marks()] == ["ON TRACK → AT RISK: rendering", "ON TRACK: rendering"]
    assert scene.reader.at(AT + timedelta(seconds=59)).snapshot.tonight.verdict is Verdict.ON_TRACK
    assert scene.reader.at(AT + timedelta(seconds=60)).snapshot.tonight.verdict is Verdict.AT_RISK
    scene.recorder.close()
    scene.reader.close()


def test_a_database_out_of_reach_is_recorded_once_and_so_is_its_return(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.recorder.once()
    scene.broken = StoreUnavailableError("the database is locked")
    for _ in range(3):
        scene.pass_(1)
    scene.broken = None
    scene.pass_(10)
    marks = scene.reader.marks(kinds=[MarkKind.DATABASE])
    assert [mark.text for mark in marks] == [
        "the database can be read again",
        "the database cannot be read: the database is locked",
    ]
    scene.recorder.close()
    scene.reader.close()


def test_a_second_daemon_waits_until_the_first_is_gone(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.recorder.once()
    second = scene.another()
    second.once()
    looks = scene.looks
    scene.recorder.close()
    second.once()
    assert scene.looks == looks  # not before its time
    scene.clock.advance(REOPEN_S)
    second.once()
    assert scene.looks == looks + 1
    second.close()


async def test_it_runs_until_it_is_told_to_stop_and_lets_go_of_the_file(tmp_path: Path) -> None:
    scene, stop = Scene(tmp_path), asyncio.Event()
    running = asyncio.create_task(scene.recorder.run(stop))
    async with asyncio.timeout(30):
        while scene.looks == 0:  # noqa: ASYNC110 - another thread counts
            await asyncio.sleep(0.01)
        scene.verdict = Verdict.READY
        stop.set()
        await running
    assert scene.reader.marks()[0].subject == "READY"  # the last look
    RecordingWriter(scene.path).close()  # it would refuse if the first still had it
    scene.reader.close()


def test_a_fault_of_the_recorder_does_not_reach_the_daemon(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.broken = RuntimeError("a bug")
    scene.recorder.once()
    scene.broken = None
    scene.pass_(REOPEN_S)
    assert scene.looks == 1
    scene.recorder.close()
