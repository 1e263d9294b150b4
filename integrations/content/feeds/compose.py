"""A brief from entries: chosen by time, told apart, cut to what a brief holds. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from datetime import time as clock_time

from integrations.content.feeds.entries import Entry
from integrations.content.feeds.same import canonical_url, same_story, words_of
from integrations.content.html import paragraphs
from integrations.content.limits import MAX_HEADLINE, MAX_SENTENCE, MAX_SOURCE, url_problems
from integrations.content.sentences import split_sentences
from integrations.content.text import clean_text, folded, has_words, one_line
from scheduler.domain.content import Brief, Headline

SENTENCES = 3
"""Sentences below a headline: what is good to listen to (docs/briefs.md)."""
_URL = re.compile(r"\(?(?:https?://|www\.)\S+", re.IGNORECASE)
_ENGLISH = "January February March April May June July August September October November December"
_HINDI = "जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर"


@dataclass(frozen=True, slots=True)
class Window:
    """The time that a brief tells of: from after ``start`` to ``end`` (aware)."""

    start: datetime
    end: datetime

    def holds(self, at: datetime) -> bool:
        """Whether a time lies in it."""
        return self.start < at <= self.end


@dataclass(slots=True)
class Said:
    """What has been told already, to tell nothing twice."""

    urls: set[str] = field(default_factory=set[str])
    titles: list[frozenset[str]] = field(default_factory=list[frozenset[str]])

    def knows(self, title: str, url: str | None) -> bool:
        """Whether it has been told, by its address or by its headline."""
        page = canonical_url(url) if url else None
        words = words_of(title)
        return (page is not None and page in self.urls) or any(same_story(words, told) for told in self.titles)

    def add(self, title: str, url: str | None) -> None:
        """It is told now."""
        if url and (page := canonical_url(url)):
            self.urls.add(page)
        self.titles.append(words_of(title))


def window_of(run_date: date, *, zone: tzinfo, now: datetime, hours: float) -> Window:
    """So many hours up to the end of the run date in the schedule's time zone, or up to now if that is earlier."""
    midnight = datetime.combine(run_date + timedelta(days=1), clock_time(), tzinfo=zone)
    end = min(midnight, now.astimezone(zone))
    return Window(end - timedelta(hours=hours), end)


def compose(
    entries: Sequence[Sequence[Entry]], *, run_date: date, window: Window, told: Iterable[Headline], most: int
) -> Brief | None:
    """A brief of the newest entries, feed by feed in turn; None when nothing is left to tell.

    Args:
        entries: of each feed, in the order of the settings; all of them dated.
        run_date: the brief's day.
        window: entries outside of it are left out.
        told: headlines of the days before, which are not told again.
        most: headlines at most.
    """
    said = Said()
    for headline in told:
        said.add(headline.title, headline.source_url)
    fresh = [
        sorted((e for e in feed if e.at is not None and window.holds(e.at)), key=_newest_first) for feed in entries
    ]
    language = _language(entry.title for feed in fresh for entry in feed)
    headlines: list[Headline] = []
    for entry in _in_turn(fresh):
        if len(headlines) == most:
            break
        title = _headline_title(entry.title)
        if not has_words(title) or _language([title]) != language or said.knows(title, entry.url):
            continue
        if folded(title) in (folded(headline.title) for headline in headlines):
            continue
        said.add(title, entry.url)
        headlines.append(_headline(entry, title, language))
    return Brief(run_date, _title(run_date, language), tuple(headlines), language) if headlines else None


def sentences_of(html: str, title: str) -> tuple[str, ...]:
    """The first sentences of an entry's text, fit to be read out; the headline itself where there is no text."""
    found: list[str] = []
    for paragraph in paragraphs(html):
        for sentence in split_sentences(_URL.sub("", paragraph)):
            text = cut(one_line(sentence), MAX_SENTENCE)
            # What repeats the headline word for word would be heard twice.
            if has_words(text) and text not in found and words_of(text) != words_of(title):
                found.append(text)
            if len(found) == SENTENCES:
                return tuple(found)
    return tuple(found) or (cut(title, MAX_SENTENCE),)


def cut(text: str, limit: int) -> str:
    """``text`` with at most ``limit`` characters, cut between words, with a sign that it was."""
    if len(text) <= limit:
        return text
    whole = text[: limit - 1].rsplit(" ", 1)[0] or text[: limit - 1]
    return whole.rstrip(" ,;:–—-") + "…"


def _headline_title(html: str) -> str:
    return cut(one_line(_URL.sub("", " ".join(paragraphs(html)))), MAX_HEADLINE)


def _headline(entry: Entry, title: str, language: str) -> Headline:
    day = "" if entry.at is None else f", {spell_day(entry.at.date(), language)}"
    source = one_line(entry.feed)[: MAX_SOURCE - len(day)] + day
    url = entry.url if entry.url and not any(url_problems(entry.url)) else None
    return Headline(title, sentences_of(entry.html, title), source, url)


def spell_day(day: date, language: str) -> str:
    """``6 June 2025``, ``6 जून 2025``."""
    months = (_HINDI if language == "hi" else _ENGLISH).split()
    return f"{day.day} {months[day.month - 1]} {day.year}"


def _title(day: date, language: str) -> str:
    spelt = spell_day(day, language)
    return f"{spelt} की मुख्य ख़बरें" if language == "hi" else f"The news of {spelt}"


def _language(texts: Iterable[str]) -> str:
    """``hi`` when there are more Devanagari than Latin letters."""
    text = clean_text(" ".join(texts))
    hindi = sum("\u0900" <= char <= "\u097f" for char in text)
    latin = sum(char.isascii() and char.isalpha() for char in text)
    return "hi" if hindi > latin else "en"


def _newest_first(entry: Entry) -> float:
    return 0.0 if entry.at is None else -entry.at.timestamp()


def _in_turn(feeds: Sequence[Sequence[Entry]]) -> Iterable[Entry]:
    for number in range(max(map(len, feeds), default=0)):
        for feed in feeds:
            if number < len(feed):
                yield feed[number]
