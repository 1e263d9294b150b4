"""Briefs of jobs that bring their own words: a question, a prompt. The checks are ``scheduler.domain.requests``'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from integrations.content.limits import MAX_HEADLINE, MAX_SENTENCE, MAX_TITLE
from integrations.kit.payload_source import PayloadSource
from scheduler.domain.content import Brief, BriefKind, Headline
from scheduler.domain.requests import Doubt, PromptVideo, language_of

ASKED_BY = {"en": "asked by a viewer", "hi": "एक दर्शक का प्रश्न"}
BEING_PREPARED = {
    "en": "The answer is being prepared; this video shows the question.",
    "hi": "उत्तर तैयार किया जा रहा है; यह वीडियो प्रश्न दिखाता है।",
}
WISHED_BY = {"en": "a request", "hi": "एक अनुरोध"}


class DoubtSource(PayloadSource[Doubt]):
    """The brief of job type ``doubt``: ``{question, style, length, voice}``.

    Its one headline is the question, and all it says is that the answer is being prepared: that is what the script by
    rule can honestly say. A chat endpoint answers ``Brief.asked`` instead.
    """

    origin = "payload.question"

    def read(self, payload: Mapping[str, Any]) -> Doubt:
        """The question."""
        return Doubt.of(payload)

    def brief(self, asked: Doubt, day: date) -> Brief:
        """The question as a brief."""
        language = asked.language
        return _brief_of(
            asked.question,
            BriefKind.QUESTION,
            language,
            day=day,
            source=ASKED_BY[language],
            last=BEING_PREPARED[language],
        )


class PromptSource(PayloadSource[PromptVideo]):
    """The brief of job type ``prompt_video``: ``{prompt, duration, fps, priority, size}``."""

    origin = "payload.prompt"

    def read(self, payload: Mapping[str, Any]) -> PromptVideo:
        """The prompt."""
        return PromptVideo.of(payload)

    def brief(self, asked: PromptVideo, day: date) -> Brief:
        """The prompt as a brief."""
        language = language_of(asked.prompt)
        return _brief_of(asked.prompt, BriefKind.PROMPT, language, day=day, source=WISHED_BY[language])


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
