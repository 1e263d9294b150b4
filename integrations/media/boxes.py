"""Looking at a file's bytes before decoding it: what it is not, and where an mp4 keeps its index."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from scheduler.domain.failure import StageFailure

_PAGES = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")
_HEADER = 8
_LARGE = 16


def refuse_what_is_no_media(path: Path) -> None:
    """Name what people are really sent in place of a video.

    Raises:
        StageFailure: INVALID_OUTPUT: missing, empty, a web page, or JSON.
    """
    try:
        with path.open("rb") as file:
            start = file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
            size = path.stat().st_size
    except OSError as error:
        raise StageFailure.invalid_output(f"{path.name} cannot be read: {error.strerror}") from error
    if size == 0:
        raise StageFailure.invalid_output(f"{path.name} is empty (0 bytes)")
    if start.startswith(_PAGES):
        raise StageFailure.invalid_output(f"{path.name} is a web page, not a media file: {_excerpt(start)}")
    if start.startswith((b"{", b"[")):
        raise StageFailure.invalid_output(f"{path.name} is JSON, not a media file: {_excerpt(start)}")


def is_faststart(path: Path) -> bool:
    """Whether an mp4's index (``moov``) comes before its data (``mdat``), so that it plays while it loads."""
    for name in boxes(path):
        if name == b"moov":
            return True
        if name == b"mdat":
            return False
    return False


def boxes(path: Path) -> Iterator[bytes]:
    """The names of the top-level boxes of an ISO file, in order; ends where they make no sense."""
    end = path.stat().st_size
    position = 0
    with path.open("rb") as file:
        while position + _HEADER <= end:
            file.seek(position)
            head = file.read(_LARGE)
            size, name = struct.unpack(">I4s", head[:_HEADER])
            yield name
            if size == 1 and len(head) == _LARGE:
                (size,) = struct.unpack(">Q", head[_HEADER:])
            if size < _HEADER:
                return
            position += size


def _excerpt(start: bytes) -> str:
    text = "".join(char if char.isprintable() else " " for char in start[:80].decode("utf-8", "replace"))
    return repr(" ".join(text.split()))
