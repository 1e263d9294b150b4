"""Times and JSON as the store writes them: text that other applications can read and that compares as it should."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from scheduler.domain.filter import JobSort
from scheduler.domain.job import Job

MOST_DIGITS = 18
"""Of a number that every database can compare with."""


def utc_text(value: datetime) -> str:
    """A time as SQLite keeps it: fixed width, UTC, microseconds, so that text compares as time does.

    Raises:
        ValueError: the time is naive.
    """
    if value.tzinfo is None:
        raise ValueError(f"a naive time cannot be stored: {value!r}; give it a time zone")
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(value: str) -> datetime:
    """A time that we, SQLite or another application wrote as text; without a zone it is UTC."""
    parsed = datetime.fromisoformat(value)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def plain_json(value: Any) -> Any:
    """Mappings and sequences of any kind as dicts and lists, which is what ``json`` takes."""
    if isinstance(value, Mapping):
        return {str(k): plain_json(v) for k, v in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)):
        return [plain_json(item) for item in cast("Sequence[Any]", value)]
    return value


def json_text(value: Any) -> str:
    """Compact JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def cursor_seq(cursor: str) -> int:
    """The ``seq`` in a cursor.

    Raises:
        ValueError: it is none of ours.
    """
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= MOST_DIGITS):
        raise ValueError(f"{cursor!r} is no cursor of this list; ask for the first page without one")
    return int(cursor)


def cursor_rank(cursor: str) -> tuple[int, int]:
    """The rank and ``seq`` in a cursor of a list by priority.

    Raises:
        ValueError: it is none of ours.
    """
    rank, dot, seq = cursor.partition(".")
    if not dot:
        raise ValueError(f"{cursor!r} is no cursor of this list; ask for the first page without one")
    return cursor_seq(rank), cursor_seq(seq)


def cursor_of(job: Job, sort: JobSort) -> str:
    """The cursor behind which the next page of this order begins."""
    return f"{job.priority.rank}.{job.seq}" if sort is JobSort.PRIORITY else str(job.seq)
