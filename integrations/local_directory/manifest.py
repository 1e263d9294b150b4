"""The note beside each published video: what it is, whose it is, and by which key it was published."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from integrations.kit.files import write_whole

SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was published.

    Attributes:
        idempotency_key: ``job:upload``; the same key with the same ``sha256`` is published once.
        size: bytes of the video.
        duration_s: seconds.
        pending: storage that is to have it as well as soon as it can be reached, best first.
        remote_url: where it was sent up to.
    """

    job_id: str
    job_type: str
    run_date: str
    idempotency_key: str
    correlation_id: str
    video: str
    sha256: str
    size: int
    thumbnail: str | None
    duration_s: float
    degraded: bool
    published_at: str
    pending: tuple[str, ...] = ()
    remote_url: str | None = None


def read_manifest(path: Path) -> Manifest | None:
    """The note at ``path``; None when there is none, or it is not one of ours (then it is as good as none)."""
    try:
        value: Any = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(value, dict):
        return None
    fields = cast("dict[str, Any]", value)
    known = {name: fields[name] for name in Manifest.__dataclass_fields__ if name in fields}
    known["pending"] = tuple(str(name) for name in known.get("pending") or ())
    try:
        return Manifest(**known)
    except TypeError:
        return None


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write the note so that a reader sees a whole one.

    Raises:
        OSError: the folder is unwritable, or the disk is full.
    """
    write_whole(path, (json.dumps(asdict(manifest), indent=2, ensure_ascii=False) + "\n").encode())
