"""Durations, ages, times of day and sizes, as people read them. Pure; shared by CLI and console."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_TENTHS_BELOW_S = 10
_SHORT_ID = 8
_KIB = 1024
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def duration(seconds: float) -> str:
    """A length of time for a sentence: ``0.4 s``, ``12 s``, ``3 min 20 s``, ``2 h 40 min``, ``3 d 4 h``.

    Two units at most, cut and not rounded: 59.9 s is never shown as a minute. Negative counts as zero.
    """
    seconds = max(seconds, 0.0)
    if seconds < _TENTHS_BELOW_S and seconds != int(seconds):
        return f"{int(seconds * 10) / 10} s"
    return " ".join(f"{count} {unit}" for count, unit in _parts(int(seconds), ("d", "h", "min", "s")))


def short_duration(seconds: float) -> str:
    """The same for a column, at most 6 characters: ``0.4s``, ``12s``, ``3m20s``, ``2h40m``, ``3d4h``, ``120d``."""
    seconds = max(seconds, 0.0)
    if seconds < _TENTHS_BELOW_S and seconds != int(seconds):
        return f"{int(seconds * 10) / 10}s"
    parts = _parts(int(seconds), ("d", "h", "m", "s"))
    text = "".join(f"{count}{unit}" for count, unit in parts)
    return text if len(text) <= 6 else f"{parts[0][0]}{parts[0][1]}"  # noqa: PLR2004 - the width promised above


def _parts(seconds: int, units: tuple[str, str, str, str]) -> list[tuple[int, str]]:
    """The two greatest units of a whole number of seconds that are not zero; ``0 s`` for none."""
    days, rest = divmod(seconds, _DAY)
    hours, rest = divmod(rest, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    counted = list(zip((days, hours, minutes, rest), units, strict=True))
    first = next((n for n, (count, _) in enumerate(counted) if count), 3)
    return [part for n, part in enumerate(counted[first : first + 2]) if part[0] or n == 0]


def age(then: datetime, now: datetime) -> str:
    """How long ago ``then`` was, for a column: ``12s``, ``3m``, ``2h40m``, ``3d``.

    Coarse on purpose: what is older than a minute need not change every second. A ``then`` to come (clocks differ)
    counts as now.
    """
    return coarse_duration((now - then).total_seconds())


def coarse_duration(seconds: float) -> str:
    """A waiting time for a column, as coarse as ``age``."""
    whole = int(max(seconds, 0))
    if whole < _HOUR:
        return f"{whole}s" if whole < _MINUTE else f"{whole // _MINUTE}m"
    return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02}m" if whole < _DAY else f"{whole // _DAY}d"


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The time zone of this IANA name; UTC when there is none of that name, so that a bad name never hides a time."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def clock_time(moment: datetime, timezone: str, *, seconds: bool = False) -> str:
    """The time of day in a zone: ``03:04`` or ``03:04:12``."""
    return moment.astimezone(zone(timezone)).strftime("%H:%M:%S" if seconds else "%H:%M")


def zone_abbreviation(moment: datetime, timezone: str) -> str:
    """What the zone is called at that moment: ``IST``, ``CET``, ``+04``."""
    return moment.astimezone(zone(timezone)).tzname() or timezone


def day(value: date) -> str:
    """A day: ``Fri 20 Nov``. The same in every locale."""
    return f"{_WEEKDAYS[value.weekday()]} {value.day} {_MONTHS[value.month - 1]}"


def moment(then: datetime, now: datetime, timezone: str, *, seconds: bool = False) -> str:
    """A time in a zone as seen from ``now``: the time alone today, with the day on any other day."""
    local = then.astimezone(zone(timezone))
    text = clock_time(then, timezone, seconds=seconds)
    return text if local.date() == now.astimezone(zone(timezone)).date() else f"{day(local.date())} {text}"


def stamp(then: datetime, timezone: str) -> str:
    """A time with everything in it: ``2026-11-20 03:04:12 IST``."""
    local = then.astimezone(zone(timezone))
    return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname() or timezone}"


def short_id(identifier: str) -> str:
    """The first characters of an id: enough to tell jobs apart, and accepted by every command as a prefix."""
    return identifier[:_SHORT_ID]


def percent(fraction: float) -> str:
    """A share of 1: ``43 %``; 100 % only when all of it is there."""
    return f"{int(min(max(fraction, 0.0), 1.0) * 100)} %"


def size(count: int) -> str:
    """A number of bytes: ``812 B``, ``14.2 KiB``, ``3.1 MiB``."""
    if count < _KIB:
        return f"{count} B"
    value = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        value /= _KIB
        if value < _KIB:
            return f"{value:.1f} {unit}"
    return f"{value / _KIB:.1f} TiB"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """``1 job``, ``3 jobs``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
