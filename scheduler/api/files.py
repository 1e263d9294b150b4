"""Files that the API hands out: those of ours alone, wherever a row may point."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit


def path_of(url: str) -> Path | None:
    """The path in a ``file://`` address or in a plain path; None: it is neither. Pure."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"}:
        return Path(unquote(parts.path))
    return Path(url) if not parts.scheme and url.startswith("/") else None


def ours(path: Path, roots: Sequence[Path]) -> Path | None:
    """The real path of a plain file below one of the roots; None: it is gone, something else, or not ours. Blocking.

    Links are followed before it is judged: one that leads out of the roots is not ours.
    """
    try:
        real = path.resolve(strict=True)
        found = real.stat()
        inside = any(real.is_relative_to(root.resolve()) for root in roots)
    except (OSError, ValueError):
        return None
    return real if inside and stat.S_ISREG(found.st_mode) else None
