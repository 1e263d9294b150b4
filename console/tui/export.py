"""What is on the screen as a file: text, JSON or SVG."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from enum import Enum
from pathlib import Path
from typing import Any, cast

from console.tui.view import View

KINDS = (".txt", ".json", ".svg")


class ExportError(ValueError):
    """The file cannot be written; the message says why."""


def plain(value: Any) -> Any:
    """A value as JSON has it: times ISO 8601 with offset, enums as their words. Pure."""
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in cast("Sequence[Any]", value)]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def as_json(screen: str, view: View, lines: Sequence[str], at: datetime) -> str:
    """The screen's lines, and what it was drawn from."""
    answers = {str(key): plain(answer.value) for key, answer in view.answers.items()}
    document = {
        "screen": screen,
        "at": at.isoformat(),
        "lines": [line.rstrip() for line in lines],
        "snapshot": plain(view.snapshot),
        "upcoming": plain(view.upcoming),
        "answers": answers,
    }
    return json.dumps(document, indent=2, ensure_ascii=False, default=str)


def check(name: str) -> str | None:
    """Why a file of this name will not do, with what would; None: it does."""
    path = Path(name).expanduser()
    if path.suffix.lower() not in KINDS:
        return f"the name must end in {', '.join(KINDS)}"
    if path.exists():
        return f"{path} is there already: another name"
    if not path.absolute().parent.is_dir():
        return f"there is no folder {path.absolute().parent}"
    return None


def write(name: str, text: str) -> Path:
    """Write the file, for its owner alone; one that is there is never overwritten.

    Raises:
        ExportError: it cannot be written.
    """
    path = Path(name).expanduser()
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror}") from error
    return path.absolute()
