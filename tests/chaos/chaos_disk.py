"""A disk that fills up: a small file system that is really full, or, where none may be mounted, files that cannot grow.

Full means ``ENOSPC`` at the next page that SQLite writes. Without the right to mount, the workers' files are limited
instead (``RLIMIT_FSIZE``): the same write fails there, with ``EFBIG``.
"""

from __future__ import annotations

import contextlib
import resource
import shutil
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """What can be full for a while."""

    name: str

    def fill(self, workers: Sequence[int]) -> None:
        """From now on nothing can be written; ``workers`` are process numbers."""
        ...

    def free(self, workers: Sequence[int]) -> None:
        """There is room again."""
        ...


class SmallDisk:
    """A file system that is filled with ballast."""

    name = "full disk (ENOSPC)"

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "ballast"

    def fill(self, workers: Sequence[int]) -> None:
        """Write until nothing fits any more."""
        del workers
        with self._ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"x" * 4096):
                pass

    def free(self, workers: Sequence[int]) -> None:
        """Throw the ballast away."""
        del workers
        self._ballast.unlink(missing_ok=True)


class SmallFiles:
    """Files that may not grow beyond nothing."""

    name = "full disk (EFBIG)"

    def fill(self, workers: Sequence[int]) -> None:
        """Limit the workers."""
        self._limit(workers, 0)

    def free(self, workers: Sequence[int]) -> None:
        """Let them write again."""
        self._limit(workers, resource.RLIM_INFINITY)

    def _limit(self, workers: Sequence[int], size: int) -> None:
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(worker, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@contextmanager
def small_disk(folder: Path, *, mib: int = 64) -> Generator[Disk]:
    """``folder`` (which is made) as a file system of its own, if that is allowed."""
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        yield SmallFiles()
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
