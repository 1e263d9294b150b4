"""Completing a filter while it is typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scheduler.domain.failure import FailureClass
from scheduler.domain.filter import Field
from scheduler.domain.job import JobStatus, Priority
from scheduler.domain.render import StageName

ABOUT: Mapping[Field, str] = {
    Field.STATUS: "where a job is",
    Field.TYPE: "its job type; daily* for all that begin so",
    Field.PRIORITY: "high, normal or low",
    Field.STAGE: "the stage that runs, or in which it failed",
    Field.ERROR: "class of the error, or a part of its message",
    Field.AFTER: "made then or later: -2h, 22:00, 2026-11-20",
    Field.BEFORE: "made before: -2h, 06:00, 2026-11-20",
    Field.DEGRADED: "made with a fallback: yes or no",
    Field.ID: "how its id begins",
    Field.KEY: "its idempotency key",
    Field.SCHEDULE: "the schedule that made it",
    Field.DATE: "its run date: 2026-11-20, today, yesterday",
    Field.TAG: "one of payload.tags",
    Field.TEXT: "words in type, key, payload or error",
}
VALUES: Mapping[Field, Sequence[str]] = {
    Field.STATUS: [status.value for status in JobStatus],
    Field.PRIORITY: [priority.value for priority in Priority],
    Field.STAGE: [stage.value for stage in StageName],
    Field.ERROR: [kind.value.lower() for kind in FailureClass],
    Field.AFTER: ["-1h", "-2h", "-1d", "-7d", "today", "yesterday"],
    Field.BEFORE: ["-1h", "-2h", "-1d", "-7d", "today", "yesterday"],
    Field.DEGRADED: ["yes", "no"],
    Field.DATE: ["today", "yesterday"],
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may stand in place of ``text[start:end]``; ``about`` says what it is, for people."""

    text: str
    start: int
    end: int
    about: str = ""


def complete(
    text: str, cursor: int | None = None, known: Mapping[Field, Sequence[str]] | None = None
) -> tuple[Candidate, ...]:
    """What may follow at the cursor: names of fields, or values of the field before it.

    Args:
        text: the filter so far; it need not be right.
        cursor: place in it, from 0; None: its end.
        known: values that only the installation knows (job types, schedules, tags), by field.
    """
    at = len(text) if cursor is None else max(0, min(cursor, len(text)))
    start = at
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    if text[:start].count('"') % 2:
        return ()  # inside of a quoted text
    while start < at and text[start] == "-":
        start += 1
    end = at
    while end < len(text) and not text[end].isspace():
        end += 1
    word = text[start:at]
    name, colon, begun = word.partition(":")
    if not colon:
        return tuple(
            Candidate(f"{field}:", start, end, ABOUT[field]) for field in Field if field.value.startswith(name.lower())
        )
    if name.lower() not in set(Field):
        return ()
    field = Field(name.lower())
    values = list(VALUES.get(field, ())) or list((known or {}).get(field, ()))
    value_start = start + len(name) + 1
    return tuple(
        Candidate(quoted(value), value_start, end)
        for value in dict.fromkeys(values)
        if value.lower().startswith(begun.strip('"').lower())
    )


def quoted(value: str) -> str:
    """A value as it must be written: in quotes where it holds a space or a quote."""
    if value and not any(char.isspace() or char in '"\\' for char in value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
