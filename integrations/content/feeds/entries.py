"""Entries of an RSS or Atom document, read with bounds. Pure.

feedparser reads what is broken as far as it can; a document that declares entities is refused before, because no feed
needs them and every attack by XML does.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from integrations.content.text import one_line
from integrations.kit.classify import is_html
from scheduler.domain.failure import StageFailure

MAX_ENTRIES = 200
"""Entries of a document that are looked at."""
MAX_TEXT = 100_000
"""Characters of an entry's text."""
_ENTITIES = re.compile(rb"<!ENTITY", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as a feed gives it.

    Attributes:
        feed: the feed's name.
        html: its text, as HTML.
        url: its link, or None.
        at: when it was published (aware UTC), or None.
    """

    feed: str
    title: str
    html: str
    url: str | None
    at: datetime | None


def read_entries(data: bytes, *, feed: str, content_type: str = "") -> tuple[Entry, ...]:
    """The entries of a document, in its order, at most ``MAX_ENTRIES``.

    Raises:
        StageFailure: INVALID_OUTPUT: it declares entities, is a web page, or is no feed at all.
    """
    # UTF-16 would hide the word; no feed of today is written in it.
    if _ENTITIES.search(data.replace(b"\x00", b"")):
        raise StageFailure.invalid_output(f"feed {feed} declares XML entities; such documents are not read")
    if is_html(content_type, data) and b"<rss" not in data[:2000] and b"<feed" not in data[:2000]:
        raise StageFailure.invalid_output(f"feed {feed} is a web page; set content.feeds to the feed's own address")
    import feedparser  # noqa: PLC0415 - 0.1 s that only feeds need

    try:
        parsed: Any = feedparser.parse(
            BytesIO(data),
            response_headers={"content-type": content_type or "application/xml"},
            resolve_relative_uris=False,
            # Every tag is removed from what is taken: nothing is left that could be harmful.
            sanitize_html=False,
        )
    except Exception as error:  # whatever a hostile document can make a parser do, it is the document's fault
        raise StageFailure.invalid_output(f"feed {feed} cannot be read: {one_line(str(error))[:120]}") from error
    entries: list[Any] = list(parsed.get("entries") or ())[:MAX_ENTRIES]
    if not entries and (parsed.get("bozo") or not parsed.get("version")):
        why = one_line(str(parsed.get("bozo_exception", "no rss or feed element")))[:120]
        raise StageFailure.invalid_output(f"feed {feed} is no RSS or Atom document: {why}")
    return tuple(_entry(raw, feed) for raw in entries)


def _entry(raw: Any, feed: str) -> Entry:
    bodies = [str(raw.get("summary") or "")]
    bodies += [str(part.get("value") or "") for part in raw.get("content") or ()]
    # The summary if there is one: it is written to stand alone. An empty one is no summary.
    html = next((body for body in bodies if body.strip()), "")
    link = str(raw.get("link") or "").strip()
    return Entry(
        feed=feed,
        title=str(raw.get("title") or "")[:2000],
        html=html[:MAX_TEXT],
        url=link or None,
        # Past feedparser's own look-up: it takes the one for the other, and warns of it.
        at=_time(_plain(raw, "published_parsed")) or _time(_plain(raw, "updated_parsed")),
    )


def _plain(raw: dict[str, Any], key: str) -> Any:
    return dict[str, Any].get(raw, key)


def _time(parsed: Any) -> datetime | None:
    try:
        return None if parsed is None else datetime.fromtimestamp(calendar.timegm(parsed), UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        return None
