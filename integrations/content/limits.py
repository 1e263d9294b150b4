"""How much a brief may hold. ``docs/briefs.md`` states these figures; a test compares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from integrations.content.text import has_words

MAX_BYTES = 256 * 1024
MAX_HEADLINES = 12
MAX_TITLE = 120
MAX_HEADLINE = 200
MAX_SENTENCES = 8
MAX_SENTENCE = 400
MAX_SOURCE = 160
MAX_EDITION = 40
MAX_URL = 2048
LANGUAGES = ("en", "hi")
"""A region may follow (``en-IN``); it is dropped."""

_URL_IN_TEXT = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)


def title_problems(title: str) -> Iterator[str]:
    """What is wrong with the title of a brief."""
    yield from _text_problems("title", title, MAX_TITLE, "write what the day is about")


def edition_problems(edition: str) -> Iterator[str]:
    """What is wrong with the edition."""
    yield from _text_problems("edition", edition, MAX_EDITION, "write a word like morning, or leave it out")


def language_of(text: str) -> str | None:
    """The language predawn works in for a BCP 47 tag, or None when it cannot."""
    primary = text.strip().replace("_", "-").split("-")[0].lower()
    return primary if primary in LANGUAGES else None


def language_problem(text: str) -> str:
    """What to say about a language that there is no voice for."""
    return f"language {text!r} is not spoken here; use {' or '.join(LANGUAGES)}"


def headline_problems(title: str) -> Iterator[str]:
    """What is wrong with a headline."""
    yield from _text_problems("headline", title, MAX_HEADLINE, "write it behind ##")


def count_problems(count: int) -> Iterator[str]:
    """What is wrong with the number of headlines."""
    if count == 0:
        yield 'there is no headline; begin each item with "## "'
    elif count > MAX_HEADLINES:
        yield f"there are {count} headlines, at most {MAX_HEADLINES} fit one video; drop or join some"


def sentence_count_problems(headline: str, count: int) -> Iterator[str]:
    """What is wrong with the number of sentences below a headline."""
    if count == 0:
        yield f"headline {_cut(headline)!r} has no text; write 1 to {MAX_SENTENCES} sentences below it"
    elif count > MAX_SENTENCES:
        yield f"headline {_cut(headline)!r} has {count} sentences, at most {MAX_SENTENCES} are read out; shorten it"


def sentence_problems(sentence: str) -> Iterator[str]:
    """What is wrong with a sentence."""
    yield from _text_problems("sentence", sentence, MAX_SENTENCE, "write it out", long="split it in two")
    if (url := _URL_IN_TEXT.search(sentence)) is not None:
        yield f"the address {_cut(url[0])!r} would be read aloud; put it into the Source line"


def source_problems(source: str) -> Iterator[str]:
    """What is wrong with the name of a source."""
    yield from _text_problems("source", source, MAX_SOURCE, 'name who says so: "Source: [PIB](https://…)"')


def url_problems(url: str) -> Iterator[str]:
    """What is wrong with the address of a source."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or re.search(r"\s", url):
        yield f"the source's address {_cut(url)!r} is no http(s) URL; write it like https://pib.gov.in/…"
    elif len(url) > MAX_URL:
        yield f"the source's address has {len(url)} characters, at most {MAX_URL} are kept; use a shorter one"


def _text_problems(name: str, text: str, limit: int, empty: str, *, long: str = "shorten it") -> Iterator[str]:
    if not has_words(text):
        yield f"the {name} is empty; {empty}"
    elif len(text) > limit:
        yield f"the {name} has {len(text)} characters, at most {limit} fit: {_cut(text)!r}; {long}"


def _cut(text: str, limit: int = 50) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"
