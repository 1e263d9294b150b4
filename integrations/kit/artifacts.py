"""Artifacts from files: hashed by streaming, so that a long video costs no memory."""

from __future__ import annotations

import hashlib
from pathlib import Path

from scheduler.domain.render import Artifact


def artifact_of(path: Path, media_type: str, url: str | None = None) -> Artifact:
    """Describe a finished file.

    Reads the whole file (about 1 GB/s): call it from a thread (``asyncio.to_thread``) for anything long.

    Args:
        path: an existing file; kept as an absolute path.
        media_type: IANA type, ``video/mp4``.
        url: where a service can fetch it, or None.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    return Artifact(path=str(path.absolute()), sha256=digest, size=size, media_type=media_type, url=url)
