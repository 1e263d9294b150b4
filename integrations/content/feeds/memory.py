"""What feeds sent and what was made of it: kept in a folder, so that nothing is fetched or told twice.

Everything here can be deleted at any time: it is fetched again then, and a story may be told a second time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from integrations.content.feeds.entries import Entry
from integrations.content.feeds.same import canonical_url, words_of
from integrations.kit.files import write_whole
from scheduler.domain.content import Headline

MOST_SEEN = 2000
"""Undated entries whose first appearance is remembered, for each feed."""
MOST_DAYS = 60


@dataclass(frozen=True, slots=True)
class Kept:
    """A feed's last document with what its server said of its version."""

    body: bytes
    content_type: str
    etag: str | None
    last_modified: str | None


class FeedMemory:
    """The folder.

    Args:
        folder: made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def document(self, url: str) -> Kept | None:
        """The last document of a feed, or None."""
        path = self._path(url)
        note = _read(path.with_suffix(".json"))
        try:
            body = path.with_suffix(".xml").read_bytes()
        except OSError:
            return None
        if note.get("sha256") != hashlib.sha256(body).hexdigest():
            return None
        return Kept(body, str(note.get("content_type") or ""), note.get("etag"), note.get("last_modified"))

    def keep(self, url: str, kept: Kept) -> None:
        """Keep a feed's document. A folder that cannot be written costs speed, not the brief."""
        note = {"url": url, "sha256": hashlib.sha256(kept.body).hexdigest(), "content_type": kept.content_type}
        note |= {"etag": kept.etag, "last_modified": kept.last_modified}
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self._path(url).with_suffix(".xml"), kept.body)
            write_whole(self._path(url).with_suffix(".json"), json.dumps(note).encode())

    def dated(self, url: str, entries: Sequence[Entry], now: datetime) -> tuple[Entry, ...]:
        """The entries with a time each: those of feeds that tell none get the time they were first seen."""
        if all(entry.at is not None for entry in entries):
            return tuple(entries)
        path = self._path(url).with_suffix(".seen.json")
        seen = {key: when for key, when in _read(path).items() if isinstance(when, str)}
        known: dict[str, str] = {}
        found: list[Entry] = []
        for entry in entries:
            if entry.at is not None:
                found.append(entry)
                continue
            key = _key(entry)
            known[key] = seen.get(key, now.isoformat())
            found.append(replace(entry, at=_time(known[key]) or now))
        kept = known | {key: when for key, when in seen.items() if key not in known}
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(path, json.dumps(dict(list(kept.items())[:MOST_SEEN])).encode())
        return tuple(found)

    def told(self, run_date: date, days: int) -> tuple[Headline, ...]:
        """Headlines of the briefs made for so many days before the run date."""
        first = run_date - timedelta(days=days)
        found: list[Headline] = []
        for day, items in _read(self._told).items():
            with contextlib.suppress(ValueError, TypeError, KeyError):
                if first <= date.fromisoformat(day) < run_date:
                    pairs = cast("list[dict[str, Any]]", items)
                    found += [Headline(str(item["title"]), (), "", item.get("url")) for item in pairs]
        return tuple(found)

    def tell(self, run_date: date, headlines: Iterable[Headline]) -> None:
        """Remember what was told for a day; a second brief of the same day takes the first one's place."""
        days = _read(self._told)
        days[run_date.isoformat()] = [{"title": one.title, "url": one.source_url} for one in headlines]
        kept = dict(sorted(days.items(), reverse=True)[:MOST_DAYS])
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self._told, json.dumps(kept, ensure_ascii=False).encode())

    @property
    def _told(self) -> Path:
        return self._folder / "told.json"

    def _path(self, url: str) -> Path:
        return self._folder / hashlib.sha256(url.encode()).hexdigest()[:32]


def _key(entry: Entry) -> str:
    page = canonical_url(entry.url) if entry.url else None
    return page or " ".join(sorted(words_of(entry.title)))


def _read(path: Path) -> dict[str, Any]:
    try:
        value: Any = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
