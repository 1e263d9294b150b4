"""From text to a ``Filter``: every mistake is named with its place and what would be right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from scheduler.domain.filter import Field, Filter, FilterValue, Term
from scheduler.domain.job import JobStatus, Priority
from scheduler.filters.lexer import FilterError, Token, tokens
from scheduler.filters.words import words

STATUS_WORDS = {status.value: status.value for status in JobStatus} | {"pending": JobStatus.QUEUED.value}
"""``pending`` is the orchestrator contract's word for queued."""
BOOLEANS = {"yes": True, "true": True, "no": False, "false": False}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
MAX_TERMS = 100
MAX_CHARS = 4000

_AGO = re.compile(r"-(\d{1,6})([smhdw])")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_TIMES = "-2h, 06:00, 2026-11-20 or 2026-11-20T06:00+05:30"


def parse(text: str, *, now: datetime, zone: tzinfo = UTC) -> Filter:
    """Read a filter.

    Args:
        text: as written; empty: every job.
        now: what ``-2h``, ``06:00`` and ``today`` count from (aware).
        zone: the zone of times and dates without an offset.

    Raises:
        FilterError: it cannot be read; says where and what would be right.
    """
    if "\0" in text:
        raise FilterError("a NUL character cannot be searched for", text.index("\0") + 1)
    if len(text) > MAX_CHARS:
        raise FilterError(f"a filter has at most {MAX_CHARS} characters", MAX_CHARS + 1)
    terms = tuple(_term(token, now, zone) for token in tokens(text))
    if len(terms) > MAX_TERMS:
        raise FilterError(f"a filter has at most {MAX_TERMS} terms", terms[MAX_TERMS].start + 1)
    return Filter(terms)


def _term(token: Token, now: datetime, zone: tzinfo) -> Term:
    if token.field is None:
        if not token.quoted and token.value in {"OR", "(", ")", "|"}:
            raise FilterError(
                f"{token.value} is not known; repeat a field for any of several: status:failed status:cancelled",
                token.start + 1,
            )
        return _text(token)
    field = _field(token)
    if field is Field.TEXT:
        return _text(token)
    value, prefix = _value(field, token, now, zone)
    return Term(field, value, token.negated, prefix, token.start)


def _field(token: Token) -> Field:
    name = (token.field or "").lower()
    if name in set(Field):
        return Field(name)
    likely = _likely(name, Field)
    hint = f", did you mean '{likely}'?" if likely else f'; put it in quotes to search for it: "{token.field}:…"'
    raise FilterError(f"unknown field '{token.field}'{hint}", token.start + 1)


def _text(token: Token) -> Term:
    if not words(token.value):
        raise FilterError(f"there is no word in '{token.value}' to search for", token.value_start + 1)
    return Term(Field.TEXT, token.value, token.negated, not token.quoted, token.start)


def _value(  # noqa: PLR0911 - one line for each kind of field
    field: Field, token: Token, now: datetime, zone: tzinfo
) -> tuple[FilterValue, bool]:
    value, place = token.value, token.value_start + 1
    if not value.strip():
        raise FilterError(f"nothing follows '{token.field}:'", place)
    match field:
        case Field.STATUS:
            return STATUS_WORDS[_one_of(value, STATUS_WORDS, field, place)], False
        case Field.PRIORITY:
            return _one_of(value, Priority, field, place), False
        case Field.DEGRADED:
            return BOOLEANS[_one_of(value, BOOLEANS, field, place)], False
        case Field.AFTER | Field.BEFORE:
            return _moment(value, field, place, now, zone), False
        case Field.DATE:
            return _day(value, place, now, zone), False
        case Field.TYPE | Field.KEY | Field.SCHEDULE if value.endswith("*") and not token.quoted:
            if value == "*":
                raise FilterError(f"'{field}:*' says nothing; write how it begins before the '*'", place)
            return value[:-1], True
        case Field.ID:
            return value.lower(), True
        case _:
            return value, False


def _one_of(value: str, known: Iterable[str], field: Field, place: int) -> str:
    wanted = value.lower()
    choices = [str(word) for word in known]
    if wanted in choices:
        return wanted
    likely = _likely(wanted, choices)
    hint = f"did you mean '{likely}'?" if likely else f"it is one of {', '.join(choices)}"
    raise FilterError(f"unknown {field} '{value}', {hint}", place)


def _likely(word: str, known: Iterable[str]) -> str | None:
    found = difflib.get_close_matches(word, [str(one) for one in known], n=1, cutoff=0.6)
    return found[0] if found else None


def _moment(value: str, field: Field, place: int, now: datetime, zone: tzinfo) -> datetime:
    ago = _AGO.fullmatch(value)
    if ago:
        try:
            return now - timedelta(seconds=int(ago[1]) * UNITS[ago[2]])
        except OverflowError as error:
            raise FilterError(f"'{value}' is too long ago", place) from error
    clock = _CLOCK.fullmatch(value)
    here = now.astimezone(zone)
    if clock:
        wall = time(int(clock[1]), int(clock[2]), int(clock[3] or 0))
        at = datetime.combine(here.date(), wall, zone)
        # Of a night's run: after 22:00 means last evening until it is 22:00 again.
        if field is Field.AFTER and at > here:
            at = datetime.combine(here.date() - timedelta(days=1), wall, zone)
        return at.astimezone(UTC)
    named = _named_day(value, here.date())
    if named is not None:
        return datetime.combine(named, time.min, zone).astimezone(UTC)
    try:
        at = datetime.fromisoformat(value)
        return (at.replace(tzinfo=zone) if at.tzinfo is None else at).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise FilterError(f"'{value}' is no time; write it like {_TIMES}", place) from error


def _day(value: str, place: int, now: datetime, zone: tzinfo) -> date:
    named = _named_day(value, now.astimezone(zone).date())
    if named is not None:
        return named
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise FilterError(f"'{value}' is no date; write it like 2026-11-20, today or yesterday", place) from error


def _named_day(value: str, today: date) -> date | None:
    return {"today": today, "yesterday": today - timedelta(days=1), "tomorrow": today + timedelta(days=1)}.get(
        value.lower()
    )
