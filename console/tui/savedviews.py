"""Filters under a name: those that everybody has, those of the config, and those a reader has kept."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from console.text import clean

BUILT_IN: Mapping[str, str] = {
    "all": "",
    "failed": "status:failed",
    "running": "status:processing",
    "waiting": "status:queued",
    "since yesterday": "after:yesterday",
    "degraded": "degraded:yes",
}
_LONGEST_NAME, _LONGEST_FILTER, _MOST = 40, 4000, 200


@dataclass(frozen=True, slots=True)
class SavedView:
    """A filter under a name.

    Attributes:
        own: the reader kept it, and can take it away.
    """

    name: str
    filter: str
    own: bool = False


class SavedViews:
    """The kept filters.

    Args:
        path: a JSON file, made for its owner alone; None: they are forgotten at the end.
        configured: filters by name from the config.
    """

    def __init__(self, path: Path | None = None, configured: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._configured = dict(configured or {})
        self._own: dict[str, str] | None = None

    def views(self) -> tuple[SavedView, ...]:
        """All of them; one of the reader's stands in place of another of the same name."""
        own = self._read()
        given = {name: text for name, text in {**BUILT_IN, **self._configured}.items() if name not in own}
        return (
            *(SavedView(name, text) for name, text in given.items()),
            *(SavedView(name, text, own=True) for name, text in own.items()),
        )

    def keep(self, name: str, text: str) -> None:
        """Keep a filter.

        Raises:
            OSError: the file cannot be written.
            ValueError: the name is empty or too long, or there are too many.
        """
        name = clean(name)
        if not name or len(name) > _LONGEST_NAME:
            raise ValueError(f"a view's name has 1 to {_LONGEST_NAME} characters")
        own = self._read() | {name: text[:_LONGEST_FILTER]}
        if len(own) > _MOST:
            raise ValueError(f"{_MOST} views are kept already; take one away first")
        self._write(own)

    def drop(self, name: str) -> None:
        """Take one of the reader's away; nothing when there is none.

        Raises:
            OSError: the file cannot be written.
        """
        own = dict(self._read())
        if own.pop(name, None) is not None:
            self._write(own)

    def _read(self) -> dict[str, str]:
        if self._own is not None and self._path is None:
            return self._own
        self._own = {}
        if self._path is not None:
            with suppress(OSError, ValueError):
                found: Any = json.loads(self._path.read_text("utf-8"))
                if isinstance(found, dict):
                    self._own = {
                        clean(name, limit=_LONGEST_NAME): clean(text, limit=_LONGEST_FILTER)
                        for name, text in cast("dict[str, Any]", found).items()
                        if isinstance(text, str)
                    }
        return self._own

    def _write(self, own: dict[str, str]) -> None:
        self._own = own
        if self._path is None:
            return
        draft = self._path.with_suffix(f".{os.getpid()}.new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(own, file, ensure_ascii=False, indent=2)
        draft.replace(self._path)
