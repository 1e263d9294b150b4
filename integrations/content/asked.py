"""Briefs of jobs that bring their own words: a question, a prompt. The checks are ``scheduler.domain.requests``'."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

from integrations.content.limits import MAX_HEADLINE, MAX_SENTENCE, MAX_TITLE
from scheduler.domain.content import Brief, BriefKind, Headline
from scheduler.domain.failure import StageFailure
from scheduler.domain.requests import Doubt, PromptVideo, RequestError, language_of
from scheduler.ports.content import ResolvedBrief

ASKED_BY = {"en": "asked by a viewer", "hi": "एक दर्शक का प्रश्न"}
BEING_PREPARED = {
    "en": "The answer is being prepared; this video shows the question.",
    "hi": "उत्तर तैयार किया जा रहा है; यह वीडियो प्रश्न दिखाता है।",
}
WISHED_BY = {"en": "a request", "hi": "एक अनुरोध"}


class DoubtSource:
    """The brief of job type ``doubt``: ``{question, style, length, voice}``.

    Its one headline is the question, and all it says is that the answer is being prepared: that is what the script by
    rule can honestly say. A chat endpoint answers ``Brief.asked`` instead.

    Args:
        today: the day for jobs without a run date.
    """

    def __init__(self, today: Callable[[], date] = date.today) -> None:
        self._today = today

    def resolve(self, payload: Mapping[str, Any], run_date: date | None) -> ResolvedBrief:
        """The question as a brief.

        Raises:
            StageFailure: INVALID_INPUT; the message names the field and the remedy.
        """
        try:
            doubt = Doubt.of(payload)
        except RequestError as error:
            raise StageFailure.invalid_input(f"payload.{error}") from error
        language = doubt.language
        brief = _brief_of(
            doubt.question,
            BriefKind.QUESTION,
            language,
            day=run_date or self._today(),
            source=ASKED_BY[language],
            last=BEING_PREPARED[language],
        )
        return ResolvedBrief(brief, stale=False, origin="payload.question")


class PromptSource:
    """The brief of job type ``prompt_video``: ``{prompt, duration, fps, priority, size}``.

    Args:
        today: the day for jobs without a run date.
    """

    def __init__(self, today: Callable[[], date] = date.today) -> None:
        self._today = today

    def resolve(self, payload: Mapping[str, Any], run_date: date | None) -> ResolvedBrief:
        """The prompt as a brief.

        Raises:
            StageFailure: INVALID_INPUT; the message names the field and the remedy.
        """
        try:
            wish = PromptVideo.of(payload)
        except RequestError as error:
            raise StageFailure.invalid_input(f"payload.{error}") from error
        language = language_of(wish.prompt)
        brief = _brief_of(
            wish.prompt,
            BriefKind.PROMPT,
            language,
            day=run_date or self._today(),
            source=WISHED_BY[language],
        )
        return ResolvedBrief(brief, stale=False, origin="payload.prompt")


def _brief_of(text: str, kind: BriefKind, language: str, *, day: date, source: str, last: str | None = None) -> Brief:
    """One headline that holds the whole text: what its title has no room for follows as sentences."""
    heading, *rest = pieces(text, MAX_HEADLINE, MAX_SENTENCE)
    sentences = (*rest, *([last] if last else []))
    headline = Headline(heading, sentences or (text,), source)
    return Brief(day, shortened(text, MAX_TITLE), (headline,), language, kind=kind, asked=text)


def shortened(text: str, limit: int) -> str:
    """``text``, or its beginning with an ellipsis: whole words, at most ``limit`` characters."""
    return text if len(text) <= limit else f"{_cut(text, limit - 1)}…"


def pieces(text: str, first: int, other: int) -> Iterator[str]:
    """``text`` in pieces of whole words: the first of at most ``first`` characters, the rest of ``other``."""
    limit = first
    while len(text) > limit:
        piece = _cut(text, limit)
        yield piece
        text, limit = text[len(piece) :].lstrip(), other
    if text:
        yield text


def _cut(text: str, limit: int) -> str:
    end = text.rfind(" ", 1, limit + 1)
    return text[: end if end > 0 else limit].rstrip()
