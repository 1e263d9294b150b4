"""Output: stdout is data, stderr is narration. Everything shown is stripped of control characters."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn, cast

import typer

from console.text import clean, clean_lines
from scheduler.ports.operations import InvalidError

GAP = "  "


def plain(value: Any) -> Any:
    """A value as JSON has it: times ISO 8601 with offset, enums as their words, paths as text."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in cast("Sequence[Any]", value)]
    return value


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False, default=str))


def print_items(items: Sequence[Any], next_cursor: str | None = None) -> None:
    """A list as one JSON document: ``{"items": […], "next": cursor|null}``."""
    print_json({"items": items, "next": next_cursor})


def print_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Aligned columns on stdout; the last one takes what is left."""
    cells = [[clean("" if cell is None else str(cell), limit=200) for cell in row] for row in rows]
    table = [[title.upper() for title in header], *cells]
    widths = [max(len(row[n]) for row in table) for n in range(len(header))]
    for row in table:
        padded = [cell.ljust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)]
        typer.echo(GAP.join([*padded, row[-1]]).rstrip())


def say(text: str) -> None:
    """A line of narration on stderr."""
    typer.echo(clean_lines(text), err=True)


def fail(text: str, code: int) -> NoReturn:
    """An error on stderr and the exit.

    Raises:
        typer.Exit: always.
    """
    sys.stdout.flush()
    say(f"predawn: {text}")
    raise typer.Exit(code)


def confirm(question: str, *, yes: bool) -> None:
    """Ask on the terminal.

    Raises:
        typer.Abort: the answer is no.
        InvalidError: nobody can be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidError(f"{question} Nobody can be asked here: say --yes, or look first with --dry-run")
    typer.confirm(question, abort=True, err=True)
