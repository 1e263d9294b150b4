"""Text from outside, made fit for a log line and a terminal. Pure."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit, urlunsplit

MAX_MESSAGE = 300
"""Characters of a service's own words that are kept in a message."""

JOINERS = frozenset("\u200c\u200d")
"""Zero-width joiners: invisible, but Devanagari needs them."""


def one_line(text: str, limit: int = MAX_MESSAGE) -> str:
    """``text`` on one line of at most ``limit`` characters, without control, escape and direction characters."""
    # Cut first: a service may answer with a megabyte, and every character of it would be looked at below.
    kept = "".join(
        char if char in JOINERS or not unicodedata.category(char).startswith("C") else " " for char in text[: limit * 4]
    )
    line = " ".join(kept.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def shown_url(url: str) -> str:
    """A URL for messages: without user, password, query and fragment, which may hold secrets."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if ":" in host:
            host = f"[{host}]"
        if parts.port is not None:
            host = f"{host}:{parts.port}"
    except ValueError:
        return one_line(url.partition("?")[0], 120)
    return one_line(urlunsplit((parts.scheme, host, parts.path, "", "")), 200)


def html_title(html: str) -> str | None:
    """The title of an HTML page, or None: gateways say there what is wrong (``502 Bad Gateway``)."""
    found = re.search(r"<title[^>]*>(.*?)</title", html[:20_000], re.IGNORECASE | re.DOTALL)
    return (one_line(found.group(1), 80) or None) if found else None
