"""Times that people type: ``03:12``, ``2026-11-20 03:12``, ``-2h``, ``now``. Pure; shared by CLI and console."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_AGO = re.compile(r"-\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)", re.IGNORECASE)
_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "w": 7 * 86_400.0}
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_DAY_AND_CLOCK = re.compile(r"(today|yesterday|\d{4}-\d{2}-\d{2})(?:[ T]+(\d{1,2}:\d{2}(?::\d{2})?))?", re.IGNORECASE)
FORMS = "03:12, 03:12:30, yesterday 23:50, 2026-11-20 03:12, an ISO 8601 time, or how long ago: -90s, -5m, -2h, -3d"


class MomentError(ValueError):
    """What was typed is no time in the past; the message says what may be."""


def parse_moment(text: str, *, now: datetime, zone: tzinfo) -> datetime:
    """The past moment that is meant, aware UTC. A time of day alone is the last one before ``now``.

    Args:
        text: as typed.
        now: aware.
        zone: in which times without an offset are read.

    Raises:
        MomentError: it cannot be read, or is still to come.
    """
    words = " ".join(text.split())
    found = _read(words, now, zone)
    if found is None:
        raise MomentError(f"{text!r} is no time: write {FORMS}")
    found = found.astimezone(UTC)
    if found > now:
        raise MomentError(f"{text!r} is still to come")
    return found


def _read(words: str, now: datetime, zone: tzinfo) -> datetime | None:
    try:
        if ago := _AGO.fullmatch("-0s" if words.lower() == "now" else words):
            return now - timedelta(seconds=float(ago[1]) * _UNITS[ago[2].lower()])
        today = now.astimezone(zone).date()
        if clock := _CLOCK.fullmatch(words):
            at = datetime.combine(today, _time(clock), zone)
            return at if at <= now else datetime.combine(today - timedelta(days=1), _time(clock), zone)
        if both := _DAY_AND_CLOCK.fullmatch(words):
            clock = _CLOCK.fullmatch(both[2]) if both[2] else None
            return datetime.combine(_day(both[1], today), _time(clock) if clock else time(0, 0), zone)
        full = datetime.fromisoformat(words)
    except (ValueError, OverflowError):
        return None
    return full if full.tzinfo is not None else full.replace(tzinfo=zone)


def _time(clock: re.Match[str]) -> time:
    return time(int(clock[1]), int(clock[2]), int(clock[3] or 0))


def _day(word: str, today: date) -> date:
    named = {"today": today, "yesterday": today - timedelta(days=1)}
    return named.get(word.lower()) or date.fromisoformat(word)


_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)", re.IGNORECASE)
LENGTHS = "30m, 1h, 8h, 2d"


def parse_length(text: str) -> float:
    """Seconds of a length of time: ``30m``, ``1h``, ``1.5h``, ``2d``.

    Raises:
        MomentError: it cannot be read, or is nothing.
    """
    found = _LENGTH.fullmatch(text.strip())
    seconds = float(found[1]) * _UNITS[found[2].lower()] if found else 0.0
    if seconds <= 0:
        raise MomentError(f"{text!r} is no length of time: write it like {LENGTHS}")
    return seconds


def length_problem(text: str) -> str | None:
    """Why this is no length of time, with what would be; None: it is one."""
    try:
        parse_length(text)
    except MomentError as error:
        return str(error)
    return None
