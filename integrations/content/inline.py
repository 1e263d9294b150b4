"""A brief that stands as a JSON object in a job's payload: put right and checked as one in a file is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from integrations.content.limits import (
    count_problems,
    edition_problems,
    headline_problems,
    language_of,
    language_problem,
    sentence_count_problems,
    sentence_problems,
    source_problems,
    title_problems,
    url_problems,
)
from integrations.content.problems import BriefError, BriefProblem
from integrations.content.text import folded, one_line
from scheduler.domain.codec import CodecError, brief_from_json
from scheduler.domain.content import Brief, Headline


def brief_of_object(source: Mapping[str, Any], *, origin: str) -> Brief:
    """A brief from its JSON object (``scheduler.domain.codec.brief_to_json``).

    Raises:
        BriefError: lists every problem with its field and remedy.
    """
    wrong = list(_wrong_kinds(source))
    try:
        read = brief_from_json({**source, **{key: None for key, _ in wrong}} if wrong else source)
    except CodecError as error:
        raise BriefError(origin, [*(problem for _, problem in wrong), BriefProblem("", str(error))]) from error
    brief = _clean(read)
    problems = [*(problem for _, problem in wrong), *_problems(brief)]
    if problems:
        raise BriefError(origin, problems)
    return Brief(brief.date, brief.title, brief.headlines, language_of(brief.language) or "en", brief.edition)


def _wrong_kinds(source: Mapping[str, Any]) -> Iterator[tuple[str, BriefProblem]]:
    """The fields that may be left out but must be text when they are there."""
    for key in ("language", "edition"):
        if not isinstance(source.get(key), str | None):
            yield key, BriefProblem(key, f"must be text, not {type(source[key]).__name__}")


def _clean(brief: Brief) -> Brief:
    headlines = tuple(
        Headline(
            one_line(headline.title),
            tuple(one_line(sentence) for sentence in headline.sentences),
            one_line(headline.source),
            # The codec lets any value through here; what is no text is no address, and is said so below.
            None if headline.source_url is None else str(headline.source_url),
        )
        for headline in brief.headlines
    )
    edition = None if brief.edition is None else one_line(brief.edition)
    return Brief(brief.date, one_line(brief.title), headlines, brief.language, edition)


def _problems(brief: Brief) -> Iterator[BriefProblem]:
    yield from _at("title", title_problems(brief.title))
    if brief.edition is not None:
        yield from _at("edition", edition_problems(brief.edition))
    if language_of(brief.language) is None:
        yield BriefProblem("language", language_problem(brief.language))
    yield from _at("headlines", count_problems(len(brief.headlines)))
    first: dict[str, int] = {}
    for number, headline in enumerate(brief.headlines):
        place = f"headlines[{number}]"
        yield from _at(f"{place}.title", headline_problems(headline.title))
        yield from _at(f"{place}.sentences", sentence_count_problems(headline.title, len(headline.sentences)))
        for index, sentence in enumerate(headline.sentences):
            yield from _at(f"{place}.sentences[{index}]", sentence_problems(sentence))
        yield from _at(f"{place}.source", source_problems(headline.source))
        if headline.source_url is not None:
            yield from _at(f"{place}.source_url", url_problems(headline.source_url))
        key = folded(headline.title)
        if key and key in first:
            yield BriefProblem(f"{place}.title", f"is the same as headlines[{first[key]}].title; keep one")
        first.setdefault(key, number)


def _at(where: str, messages: Iterable[str]) -> Iterator[BriefProblem]:
    return (BriefProblem(where, message) for message in messages)
