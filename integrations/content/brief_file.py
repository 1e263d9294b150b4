"""Reads a brief from its Markdown file. All that is wrong with it is found in one pass."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from integrations.content.front_matter import split_front_matter
from integrations.content.limits import (
    MAX_BYTES,
    count_problems,
    headline_problems,
    sentence_count_problems,
    sentence_problems,
    source_problems,
    url_problems,
)
from integrations.content.problems import BriefError, BriefProblem
from integrations.content.sentences import split_sentences
from integrations.content.text import MAX_MARKED, clean_text, folded, has_words, one_line, plain, without_comments
from scheduler.domain.content import Brief, Headline

_HEADING = re.compile(r"(?P<marks>#{1,6})(?:\s+(?P<text>.*?))?(?:\s+#+)?\s*")
_SOURCE = re.compile(r"[*_]*(?:sources?|स्रोत|स्त्रोत)[*_]*\s*[:：][*_]*\s*(?P<text>.*)", re.IGNORECASE)
_LINKED = re.compile(r"\[(?P<name>.*)\]\(\s*(?P<url>\S*?)\s*\)\.?")
_TRAILING_URL = re.compile(r"(?P<name>.*?)[\s,;:–—-]*[(<]?(?P<url>https?://[^\s<>]+?)[)>]?\.?")
_BULLET = re.compile(r"(?:[-*+•]|\d{1,2}[.)])\s+(?P<text>.*)")
_UNREADABLE = re.compile(r"```|~~~|<!--|\||>|!\[|(?:[-*_]\s*){3,}$")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_DATED_NAME = re.compile(r"(?P<date>\d{4}-\d{2}-\d{2})(?!\d).*\.md", re.IGNORECASE)
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(slots=True)
class _Item:
    """A headline that is being read."""

    title: str
    line: int
    paragraphs: list[tuple[int, list[str]]] = field(default_factory=list[tuple[int, list[str]]])
    source: tuple[int, str] | None = None
    open: bool = False
    in_list: bool = False
    refused: bool = False

    def add(self, line: int, text: str, *, bullet: bool = False) -> None:
        if bullet or not self.open:
            self.paragraphs.append((line, []))
            self.in_list = bullet
        self.paragraphs[-1][1].append(text)
        self.open = True


def read_brief(path: Path) -> Brief:
    """Read a brief from a file. A date in its name must be the brief's own.

    Raises:
        BriefError: it cannot be read, or is no good brief; lists everything that is wrong.
    """
    origin = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BriefError(origin, [BriefProblem("", f"it cannot be read: {error.strerror or error}")]) from error
    brief = parse_brief(decode_brief(data, origin=origin), origin=origin)
    named = _DATED_NAME.fullmatch(path.name)
    if named is not None and named["date"] != brief.date.isoformat():
        message = f"the file's name says {named['date']}, its front matter {brief.date}; make them the same"
        raise BriefError(origin, [BriefProblem("", message)])
    return brief


def decode_brief(data: bytes, *, origin: str) -> str:
    """The text of a brief's bytes.

    Raises:
        BriefError: it is too large or not UTF-8; says which byte.
    """
    if len(data) > MAX_BYTES:
        raise BriefError(origin, [_too_large()])
    if data.startswith(UTF16):
        raise BriefError(origin, [BriefProblem.at_line(1, "it is UTF-16 (bytes 0 and 1); save it as UTF-8")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The offset is that of the file, so the three bytes of a mark at its beginning count.
        at = error.start + (len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0)
        line = data[:at].count(b"\n") + 1
        message = f"byte {at} (0x{data[at]:02x}) is not UTF-8; save the file as UTF-8"
        raise BriefError(origin, [BriefProblem.at_line(line, message)]) from error


def parse_brief(text: str, *, origin: str) -> Brief:
    """A brief from its Markdown text.

    Args:
        text: the whole file; line ends, a byte order mark, decomposed and control characters are put right.
        origin: where it came from, for the error.

    Raises:
        BriefError: lists every problem with its line and remedy.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise BriefError(origin, [_too_large()])
    lines = without_comments(clean_text(text)).split("\n")
    head, body = split_front_matter(lines)
    problems = list(head.problems)
    items = _items(lines, body, problems)
    headlines = tuple(_headline(item, problems) for item in items)
    problems += _duplicates(items)
    if items or body < len(lines) or not problems:
        problems += [BriefProblem("", message) for message in count_problems(len(items))]
    if problems or head.date is None or head.title is None:
        raise BriefError(origin, problems)
    return Brief(head.date, head.title, headlines, head.language, head.edition)


def dated(path: Path) -> date | None:
    """The date that a file's name begins with, or None."""
    named = _DATED_NAME.fullmatch(path.name)
    try:
        return date.fromisoformat(named["date"]) if named else None
    except ValueError:
        return None


def _too_large() -> BriefProblem:
    return BriefProblem("", f"it is larger than {MAX_BYTES // 1024} KiB; a brief is a few pages of text")


def _items(lines: Sequence[str], start: int, problems: list[BriefProblem]) -> list[_Item]:
    """The headlines with what stands below each."""
    items: list[_Item] = []
    lost = False
    for number, line in enumerate(lines[start:], start=start + 1):
        text = " ".join(line.split())
        if (heading := _HEADING.fullmatch(text)) is not None:
            _begin(heading, number, items, problems)
        elif not text:
            if items:
                items[-1].open = False
        elif not items and not lost:
            lost = True
            message = f'text before the first headline is not shown: {text[:40]!r}; put it below a "## "'
            problems.append(BriefProblem.at_line(number, message))
        elif items:
            _add(text, number, items[-1], problems)
    return items


def _begin(heading: re.Match[str], line: int, items: list[_Item], problems: list[BriefProblem]) -> None:
    marks, text = heading["marks"], one_line(plain(heading["text"] or ""))
    if len(marks) != len("##"):
        problems.append(BriefProblem.at_line(line, f'headlines begin with "## ", not "{marks} "'))
    problems += [BriefProblem.at_line(line, message) for message in headline_problems(text)]
    items.append(_Item(text, line))


def _add(text: str, line: int, item: _Item, problems: list[BriefProblem]) -> None:
    bullet = _BULLET.fullmatch(text)
    if bullet is not None and text[0].isdigit() and item.open and not item.in_list:
        # A line of prose that happens to begin with "12. ", not a list.
        bullet = None
    if (source := _SOURCE.fullmatch(bullet["text"] if bullet else text)) is not None:
        if item.source is not None:
            message = f"a second Source line (the first is line {item.source[0]}); name both sources in one"
            problems.append(BriefProblem.at_line(line, message))
        else:
            item.source = (line, source["text"])
    elif item.source is not None:
        message = f'text behind the Source line (line {item.source[0]}); put it before, or a new "## " above it'
        problems.append(BriefProblem.at_line(line, message))
    elif _UNREADABLE.match(text):
        item.refused = True
        message = f"{text[:20]!r}: tables, quotes, code, pictures and rules cannot be read out; write plain sentences"
        problems.append(BriefProblem.at_line(line, message))
    elif (tag := _TAG.search(text)) is not None:
        item.refused = True
        problems.append(BriefProblem.at_line(line, f"HTML is not shown: {tag[0][:40]!r}; remove it"))
    elif bullet is not None:
        item.add(line, bullet["text"], bullet=True)
    else:
        item.add(line, text)


def _headline(item: _Item, problems: list[BriefProblem]) -> Headline:
    sentences: list[str] = []
    for line, paragraph in item.paragraphs:
        text = " ".join(paragraph)
        if len(text) > MAX_MARKED:
            item.refused = True
            message = f"the paragraph has {len(text)} characters, at most {MAX_MARKED} are read; split or shorten it"
            problems.append(BriefProblem.at_line(line, message))
            continue
        for sentence in split_sentences(plain(text)):
            sentences.append(sentence)
            problems += [BriefProblem.at_line(line, message) for message in sentence_problems(sentence)]
    if sentences or not item.refused:
        messages = sentence_count_problems(item.title, len(sentences))
        problems += [BriefProblem.at_line(item.line, message) for message in messages]
    if item.source is None:
        message = f'headline {item.title[:50]!r} has no source; end it with "Source: [PIB](https://…)"'
        problems.append(BriefProblem.at_line(item.line, message))
        return Headline(item.title, tuple(sentences), "")
    line, text = item.source
    name, url = _source(text)
    problems += [BriefProblem.at_line(line, message) for message in source_problems(name)]
    if url is not None:
        problems += [BriefProblem.at_line(line, message) for message in url_problems(url)]
    return Headline(item.title, tuple(sentences), name, url)


def _source(text: str) -> tuple[str, str | None]:
    """The name and the address of a source: ``[name](url)``, ``name, url``, ``name`` alone."""
    if len(text) > MAX_MARKED:
        return text, None
    found = _LINKED.fullmatch(text) or _TRAILING_URL.fullmatch(text)
    if found is None:
        return plain(text), None
    return plain(found["name"].strip()), found["url"]


def _duplicates(items: Sequence[_Item]) -> list[BriefProblem]:
    first: dict[str, int] = {}
    problems: list[BriefProblem] = []
    for item in items:
        key = folded(item.title)
        if key in first and has_words(item.title):
            message = f"headline {item.title[:50]!r} is also on line {first[key]}; keep one, or say what differs"
            problems.append(BriefProblem.at_line(item.line, message))
        first.setdefault(key, item.line)
    return problems
