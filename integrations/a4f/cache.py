"""Narrations that were spoken before: kept by text and voice, for the night on which the endpoint is out.

A folder of sound files, ``<sha256 of text, voice and speed>.<suffix>``. Everything in it can be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

import structlog

from integrations.kit.files import PartFile

log = structlog.get_logger("predawn.speech")


class NarrationCache:
    """The folder. Synchronous; the first that is used last goes first when there is no room.

    Args:
        folder: made when the first narration is kept.
        limit: bytes that all files may have together.
    """

    def __init__(self, folder: Path, *, limit: int) -> None:
        self._folder = folder
        self._limit = limit

    def find(self, text: str, *, voice: str, speed: float) -> Path | None:
        """The narration of this very text in this voice and rate, or None. It counts as used now."""
        key = _key(text, voice, speed)
        with contextlib.suppress(OSError):
            for path in self._folder.glob(f"{key}.*"):
                os.utime(path)
                return path
        return None

    def keep(self, text: str, sound: Path, *, voice: str, speed: float) -> None:
        """Copy a narration into the folder. What cannot be kept is told and left: it is only for a bad night."""
        try:
            if sound.stat().st_size > self._limit:
                return
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with PartFile(self._folder / f"{_key(text, voice, speed)}{sound.suffix}") as part:
                part.write(sound.read_bytes())
                part.commit()
            self._make_room()
        except OSError as error:
            log.warning("a narration could not be kept", folder=str(self._folder), error=str(error))

    def _make_room(self) -> None:
        files: list[tuple[float, int, Path]] = []
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                status = path.stat()
                files.append((status.st_mtime, status.st_size, path))
        over = sum(size for _, size, _ in files) - self._limit
        for _, size, path in sorted(files):
            if over <= 0:
                break
            path.unlink(missing_ok=True)
            over -= size


def _key(text: str, voice: str, speed: float) -> str:
    said = json.dumps([" ".join(text.split()), voice, speed], ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()
