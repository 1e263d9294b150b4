"""Files that appear whole or not at all; artifacts; what is no media."""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from integrations.kit.artifacts import artifact_of
from integrations.media import wire
from integrations.media.boxes import boxes, is_faststart, refuse_what_is_no_media
from integrations.media.files import discard, temporary, whole
from scheduler.domain.content import Segment, SegmentKind
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.media import MediaReport
from scheduler.ports.media import CardContext, TimedSegment


def test_artifact_describes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"predawn" * 1000)
    artifact = artifact_of(path, "video/mp4", url="http://localhost/a")
    assert (artifact.path, artifact.size, artifact.media_type) == (str(path), 7000, "video/mp4")
    assert artifact.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert artifact.url == "http://localhost/a"


def test_a_finished_file_appears_under_its_name_only(tmp_path: Path) -> None:
    target = tmp_path / "video.mp4"
    with whole(target, "t1") as part:
        part.write_bytes(b"x")
        assert not target.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["video.mp4"]


def test_a_failed_write_leaves_the_older_file_alone(tmp_path: Path) -> None:
    target = tmp_path / "video.mp4"
    target.write_bytes(b"older")

    def fail() -> None:
        with whole(target, "t1") as part:
            part.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"older"]


def test_discard_removes_what_one_call_left_and_nothing_else(tmp_path: Path) -> None:
    mine, others = temporary(tmp_path / "a.mp4", "mine"), temporary(tmp_path / "a.mp4", "other")
    for path in (mine, others):
        path.write_bytes(b"x")
    discard(tmp_path, "mine")
    assert list(tmp_path.iterdir()) == [others]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>502 Bad Gateway", "web page"),
        (b"\n <html>", "web page"),
        (b'{"error": "not found"}', "JSON"),
    ],
)
def test_what_is_no_media_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(content)
    with pytest.raises(StageFailure, match=words) as raised:
        refuse_what_is_no_media(path)
    assert raised.value.kind is FailureClass.INVALID_OUTPUT


def box(name: bytes, size: int) -> bytes:
    return struct.pack(">I4s", size, name) + bytes(size - 8)


@pytest.mark.parametrize(
    ("content", "first"),
    [
        (box(b"ftyp", 24) + box(b"moov", 40) + box(b"mdat", 64), True),
        (box(b"ftyp", 24) + box(b"mdat", 64) + box(b"moov", 40), False),
        (box(b"ftyp", 24) + struct.pack(">I4sQ", 1, b"mdat", 32) + bytes(16) + box(b"moov", 40), False),
        (b"RIFF", False),
        (bytes(64), False),
    ],
)
def test_faststart_is_read_from_the_boxes(tmp_path: Path, content: bytes, *, first: bool) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(content)
    assert is_faststart(path) is first
    assert len(list(boxes(path))) <= 3


def test_what_parent_and_child_say_survives_json(tmp_path: Path) -> None:
    segment = Segment(3, SegmentKind.POINT, "₹", ("क", "b"), "n", 4.5, source="RBI", number=3)
    context = CardContext("P", date(2025, 6, 6), 5, "hi")
    timed = TimedSegment(segment, tmp_path / "c.mp4", None, 6.0)
    report = MediaReport(
        "x", 1, "mp4", 1.0, "h264", 1280, 720, 30.0, 30, None, 0, None, 0, 0.0, 1.0, float("-inf"), 0.0, 1.0, 0, True
    )
    failure = StageFailure.invalid_output("cut")
    assert wire.context_from_json(json.loads(json.dumps(wire.context_to_json(context)))) == context
    assert wire.timed_from_json(json.loads(json.dumps(wire.timed_to_json(timed)))) == timed
    assert wire.report_from_json(json.loads(json.dumps(wire.report_to_json(report), allow_nan=False))) == report
    again = wire.failure_from_json(json.loads(json.dumps(wire.failure_to_json(failure))))
    assert (again.message, again.kind, again.retryable) == ("cut", FailureClass.INVALID_OUTPUT, True)


def test_the_parent_imports_nothing_heavy() -> None:
    code = (
        "import sys, integrations.media.toolkit, integrations.media.providers;"
        "print(sorted({'av', 'numpy', 'PIL', 'uharfbuzz'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"
