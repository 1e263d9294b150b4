"""Files that appear whole or not at all: written under a temporary name beside the target, synced, then renamed."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


def temporary(target: Path, token: str) -> Path:
    """The temporary name of ``target`` for the call named ``token``."""
    return target.with_name(f".{target.name}.{token}.part")


@contextmanager
def whole(target: Path, token: str) -> Generator[Path]:
    """Give a path to write; rename it to ``target`` when the block ends well, remove it when it does not."""
    part = temporary(target, token)
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
        _sync_folder(target.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def discard(folder: Path, token: str) -> None:
    """Remove what the call named ``token`` left half-written in ``folder``."""
    for part in folder.glob(f".*.{token}.part"):
        part.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
