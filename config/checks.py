"""Checks of single settings; each raises ``ValueError`` with the remedy."""

from __future__ import annotations

import re
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

CRON_FIELDS = 5


def check_url(value: str) -> str:
    """An http(s) base URL, returned without a trailing slash.

    Raises:
        ValueError: it is not one.
    """
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{value!r} is no http(s) URL; write it like http://127.0.0.1:5000")
    return value.rstrip("/")


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
    """A cron line of five fields with weekdays by name.

    Raises:
        ValueError: not five fields, or a weekday by number (APScheduler counts Monday as 0, cron counts Sunday as 0).
    """
    fields = value.split()
    if len(fields) != CRON_FIELDS:
        raise ValueError(f"{value!r} has {len(fields)} fields, cron needs five: minute hour day month weekday")
    if re.search(r"\d", fields[4]):
        raise ValueError(f"weekday {fields[4]!r} is ambiguous by number; use names: mon,tue or mon-fri")
    return value
