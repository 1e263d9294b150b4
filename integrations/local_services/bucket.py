"""Objects of the local storage: files with a note each, so that they outlive a restart as those of a real store do."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from integrations.kit.files import write_whole


@dataclass(frozen=True, slots=True)
class Stored:
    """One object.

    Attributes:
        metadata: the uploader's own.
    """

    id: str
    bucket: str
    path: str
    content_type: str
    metadata: Mapping[str, Any]
    created_at: str


class Buckets:
    """All objects of one store. Synchronous: call it from a thread.

    Args:
        folder: made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def file(self, bucket: str, path: str) -> Path:
        """Where the contents of an object lie."""
        return self._folder / f"{hashlib.sha256(f'{bucket}/{path}'.encode()).hexdigest()}.bin"

    def put(self, bucket: str, path: str, content: Path, content_type: str, metadata: Mapping[str, Any]) -> Stored:
        """Take a file over as an object; one of the same path is replaced."""
        now = datetime.now(UTC).isoformat()
        stored = Stored(str(uuid.uuid4()), bucket, path, content_type, dict(metadata), now)
        target = self.file(bucket, path)
        content.replace(target)
        write_whole(target.with_suffix(".json"), json.dumps(asdict(stored)).encode())
        return stored

    def get(self, bucket: str, path: str) -> Stored | None:
        """The object, or None."""
        target = self.file(bucket, path)
        try:
            value: Any = json.loads(target.with_suffix(".json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return Stored(**cast("dict[str, Any]", value)) if target.is_file() else None
