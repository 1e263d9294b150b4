"""Files that are whole or not there: written beside their place, synced, then renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

PART_SUFFIX = ".part"


def part_name(target: Path) -> Path:
    """A fresh hidden name beside ``target`` for what is not finished yet."""
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}{PART_SUFFIX}")


class PartFile:
    """A file that appears under its name only when ``commit`` is called; left without it, nothing stays.

    Synchronous: call it from a thread where the disk may be slow. Writing and leaving may happen in different threads
    (a cancelled task leaves while its last write still runs): the buffered file's own lock orders them.

    Raises:
        OSError: the folder is missing or unwritable, or the disk is full.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = part_name(target)
        self.size = 0
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        self._file = self.path.open("xb")
        return self

    def write(self, chunk: bytes) -> None:
        """Append ``chunk``."""
        if self._file is None:
            raise ValueError(f"{self.path} is not open")
        self._file.write(chunk)
        self.size += len(chunk)

    def commit(self) -> None:
        """Sync the content, put it in its place at once, and sync the folder: it survives a power cut from here on."""
        if self._file is None:
            raise ValueError(f"{self.path} is not open")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None
        self.path.replace(self.target)
        sync_folder(self.target.parent)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            # A full disk may refuse the last buffered bytes; what matters here is that nothing stays.
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None
        self.path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable. Without effect where folders cannot be synced (some network disks)."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(target: Path, content: bytes) -> None:
    """Write a small file so that a reader sees the old one or the new one, never half of it.

    Raises:
        OSError: the folder is missing or unwritable, or the disk is full.
    """
    with PartFile(target) as part:
        part.write(content)
        part.commit()
