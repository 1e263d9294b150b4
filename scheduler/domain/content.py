"""Content: the brief an editor writes and the script that is rendered from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Headline:
    """One item of the day.

    Attributes:
        title: the headline as shown on the card; 1–200 characters.
        sentences: what is said and shown below it; 1–8 sentences.
        source: who says so, shown on the card (``RBI, 6 June 2025``).
    """

    title: str
    sentences: tuple[str, ...]
    source: str
    source_url: str | None = None


class BriefKind(StrEnum):
    """What a video is made of."""

    NEWS = "news"
    """The day's current affairs."""
    QUESTION = "question"
    """One question; the script answers it."""
    PROMPT = "prompt"
    """A wish in words: pictures of it are to be made."""


@dataclass(frozen=True, slots=True)
class Brief:
    """What a video is made from: mostly the day's current affairs as written by an editor (``docs/briefs.md``).

    Attributes:
        asked: the whole text of a question or a prompt; None for news.
    """

    date: date
    title: str
    headlines: tuple[Headline, ...]
    language: str = "en"
    edition: str | None = None
    kind: BriefKind = BriefKind.NEWS
    asked: str | None = None


class SegmentKind(StrEnum):
    """The parts of a video."""

    INTRO = "intro"
    POINT = "point"
    OUTRO = "outro"


@dataclass(frozen=True, slots=True)
class Segment:
    """One card on the screen with its narration.

    Attributes:
        index: 0-based position in the script.
        heading: large text.
        lines: body lines, shown one after another.
        narration: what is spoken; also the text of the captions.
        duration_s: planned seconds on screen; narration that turns out longer stretches it.
        number: 1-based number of the point, or None for intro and outro.
    """

    index: int
    kind: SegmentKind
    heading: str
    lines: tuple[str, ...]
    narration: str
    duration_s: float
    source: str | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """What the video shows and says, segment by segment."""

    title: str
    date: date
    language: str
    segments: tuple[Segment, ...]

    @property
    def duration_s(self) -> float:
        """Planned length of the whole video in seconds."""
        return sum(segment.duration_s for segment in self.segments)

    @property
    def points(self) -> int:
        """How many points the script has."""
        return sum(segment.kind is SegmentKind.POINT for segment in self.segments)


def name_in(language: str, name: str, names: Mapping[str, str]) -> str:
    """What is called ``name`` as it is called in a language (``hi-IN``, else ``hi``); else ``name``."""
    return names.get(language) or names.get(language.split("-", 1)[0].lower()) or name
