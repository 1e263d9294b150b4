"""Checks of single settings; each raises ``ValueError`` with the remedy."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from datetime import datetime, time
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CRON_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("weekday", 0, 6, WEEKDAYS),
)
_CRON_ITEM = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?", re.ASCII)


def check_url(value: str) -> str:
    """An http(s) base URL, returned without a trailing slash.

    Raises:
        ValueError: it is not one.
    """
    problem = f"{value!r} is no http(s) URL; write it like http://127.0.0.1:5000"
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise ValueError(problem) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(problem)
    return value.rstrip("/")


def check_network(value: str) -> str:
    """An address or a network of addresses, as it is written usually.

    Raises:
        ValueError: it is neither.
    """
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError as error:
        raise ValueError(f"{value!r} is no address and no network; write it like 127.0.0.1 or 10.0.0.0/8") from error
    return str(network if network.num_addresses > 1 else network.network_address)


def check_object_prefix(value: str) -> str:
    """The beginning of objects' paths, returned without a leading slash and with one at its end.

    Raises:
        ValueError: it holds what a path of an object should not.
    """
    if not value.strip("/"):
        return ""
    parts = value.strip("/").split("/")
    if any(part in {"", ".", ".."} or not re.fullmatch(r"[A-Za-z0-9._-]+", part) for part in parts):
        raise ValueError(f"{value!r} is no prefix for objects; write letters, digits and . _ - like videos/predawn/")
    return "/".join(parts) + "/"


def check_public_url(value: str) -> str:
    """The template of a public address.

    Raises:
        ValueError: it is no http(s) URL, names something else than ``{bucket}`` and ``{path}``, or lacks ``{path}``.
    """
    named = set(re.findall(r"\{(.*?)\}", value))
    if "path" not in named or not named <= {"bucket", "path"}:
        raise ValueError(f"{value!r} must hold {{path}}, and besides only {{bucket}}: https://cdn.example.net/{{path}}")
    check_url(value.replace("{bucket}", "b").replace("{path}", "p"))
    return value


def check_time_zone(value: str) -> str:
    """An IANA time zone.

    Raises:
        ValueError: no such zone.
    """
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{value!r} is no IANA time zone; write it like Asia/Kolkata") from error
    return value


def check_cron(value: str) -> str:
    """A cron line of five fields with weekdays by name, each value in its range.

    Raises:
        ValueError: not five fields, a value out of range, or a weekday by number (APScheduler counts Monday as 0, cron
            counts Sunday as 0).
    """
    fields = value.split()
    if len(fields) != len(CRON_FIELDS):
        raise ValueError(
            f"{value!r} has {len(fields)} fields, cron needs {len(CRON_FIELDS)}: minute hour day month weekday"
        )
    if re.search(r"(?<!/)\b\d", fields[4]):
        raise ValueError(f"weekday {fields[4]!r} is ambiguous by number; use names: mon,tue or mon-fri")
    for text, (name, low, high, names) in zip(fields, CRON_FIELDS, strict=True):
        for problem in _cron_problems(text, low, high, names):
            raise ValueError(f"{name} {text!r} of {value!r}: {problem}")
    return value


def _cron_problems(text: str, low: int, high: int, names: tuple[str, ...]) -> Iterator[str]:
    accepted = f"{low}-{high}" if not names else f"{names[0]}-{names[-1]}"
    for item in text.split(","):
        found = _CRON_ITEM.fullmatch(item)
        if found is None:
            yield f"{item!r} is not understood; write *, {accepted}, a list with commas or */STEP"
            continue
        ends = [_cron_number(end, low, names) for end in found.group("first", "last") if end is not None]
        if any(end is None or not low <= end <= high for end in ends):
            yield f"{item!r} is out of range; it takes {accepted}"
        elif len(ends) == len(("first", "last")) and (ends[0] or 0) > (ends[1] or 0):
            yield f"the range {item!r} runs backwards; write it as two, with a comma"
        if found["step"] is not None and int(found["step"]) < 1:
            yield f"the step of {item!r} must be at least 1"


def _cron_number(text: str, low: int, names: tuple[str, ...]) -> int | None:
    if text.isdigit():
        return int(text)
    return low + names.index(text.lower()) if text.lower() in names else None


def check_local_moment(value: datetime) -> datetime:
    """A local time without an offset: the schedule's time zone gives it one.

    Raises:
        ValueError: it has an offset, or seconds.
    """
    if value.tzinfo is not None:
        raise ValueError(f'{value} has a UTC offset; write the local time, like "2026-12-31T03:00", and set timezone')
    if value.second or value.microsecond:
        raise ValueError(f'{value} has seconds; write it like "2026-12-31T03:00"')
    return value


def check_clock_input(value: object) -> object:
    """The input of a time of day: text or a TOML local time; ``6`` would mean six seconds past midnight.

    Raises:
        ValueError: it is neither.
    """
    if value is None or isinstance(value, str | time):
        return value
    raise ValueError(f'{value!r} is no time of day; write it like "06:00"')


def check_clock(value: time | None) -> time | None:
    """A time of day without an offset: the schedule's time zone gives it one.

    Raises:
        ValueError: it has an offset.
    """
    if value is not None and value.tzinfo is not None:
        raise ValueError(f'{value} has a UTC offset; write the local time, like "06:00", and set timezone')
    return value
