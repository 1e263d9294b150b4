"""What the local Orchestrator shows and says of a job's input. Pure, and honest: it knows no answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from scheduler.domain.codec import CodecError, brief_from_json
from scheduler.domain.content import Brief, Segment, SegmentKind
from scheduler.domain.requests import language_of

SENTENCES = {"short": 1, "medium": 3, "long": 8}
"""Sentences of a headline that a video of this length says."""
HEADING = 120
NO_ANSWER = "This is the local stand-in of the Video Orchestrator: it shows the question and does not answer it."
CARD_S = 4.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A video, segment by segment."""

    title: str
    language: str
    segments: tuple[Segment, ...]
    date: dt.date | None = None


def plan_of(given: str | Mapping[str, Any], *, length: str) -> Plan:
    """The plan for an ``input``: a text, or an object with ``brief``, ``question`` or ``prompt``.

    Raises:
        ValueError: none of these is in it.
    """
    if isinstance(given, str):
        return _of_text(given)
    brief = given.get("brief")
    if isinstance(brief, Mapping):
        try:
            return _of_brief(brief_from_json(cast("Mapping[str, Any]", brief)), SENTENCES.get(length, 3))
        except CodecError as error:
            raise ValueError(f"input.brief: {error}") from error
    text = next((value for key in ("question", "prompt", "text") if isinstance(value := given.get(key), str)), "")
    if not text.strip():
        raise ValueError("input: it needs a brief, a question or a prompt")
    return _of_text(text)


def _of_text(text: str) -> Plan:
    line = " ".join(text.split())
    title = line if len(line) <= HEADING else f"{line[:HEADING].rsplit(' ', 1)[0]}…"
    segments = (
        Segment(0, SegmentKind.INTRO, title, (), line[:600], CARD_S),
        Segment(1, SegmentKind.POINT, title, (NO_ANSWER,), NO_ANSWER, CARD_S, number=1),
    )
    return Plan(title, language_of(line), segments)


def _of_brief(brief: Brief, sentences: int) -> Plan:
    if not brief.headlines:
        raise ValueError("input.brief: it has no headline")
    segments = [Segment(0, SegmentKind.INTRO, brief.title, (), brief.title, CARD_S)]
    for number, headline in enumerate(brief.headlines, start=1):
        said = headline.sentences[:sentences]
        segments.append(
            Segment(
                index=number,
                kind=SegmentKind.POINT,
                heading=headline.title,
                lines=said[:4],
                narration=" ".join((f"{headline.title}.", *said)),
                duration_s=CARD_S,
                source=headline.source or None,
                number=number,
            )
        )
    return Plan(brief.title, brief.language, tuple(segments), brief.date)
