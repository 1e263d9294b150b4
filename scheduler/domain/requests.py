"""What is asked for by the job types that bring their own words: a doubt, a prompt. Pure; limits as in contracts.md.

``of`` reads a job's payload and checks it; what else stands in the payload (a route, an earlier result) is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

from scheduler.domain.job import Priority

SHORTEST_QUESTION = 3
LONGEST_TEXT = 2_000
"""Characters of a question or a prompt."""
STYLES = ("simple", "detailed", "exam")
"""How a doubt is answered: in plain words, with the background, or as an exam wants it. The first is the default."""
LENGTHS: Mapping[str, float] = {"short": 30.0, "medium": 60.0, "long": 120.0}
"""About how many seconds an answer takes. The first is the default."""
VOICES = ("auto", "en", "hi")
"""Language of an answer; ``auto`` is that of the question. The first is the default."""
DURATION_S = (1.0, 60.0)
FPS = (24, 60)
DEFAULT_DURATION_S = 8.0
DEFAULT_FPS = 30
SIDE = (16, 4096)
"""Pixels of a side; encoders want it even."""

_SIZE = re.compile(r"(\d{2,4})[x×](\d{2,4})", re.IGNORECASE)
_DEVANAGARI = re.compile(r"[\u0900-\u097f]")


class RequestError(ValueError):
    """A payload asks for something that cannot be made; the message names the field and the remedy."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A question that a video is to answer: the payload of job type ``doubt``.

    Attributes:
        question: on one line, 3–2,000 characters.
        style: one of ``STYLES``.
        length: one of ``LENGTHS``.
        voice: one of ``VOICES``.
    """

    question: str
    style: str = STYLES[0]
    length: str = next(iter(LENGTHS))
    voice: str = VOICES[0]

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Self:
        """The doubt in a payload.

        Raises:
            RequestError: a field is missing or wrong.
        """
        return cls(
            question=_text(payload, "question", least=SHORTEST_QUESTION),
            style=_word(payload, "style", STYLES),
            length=_word(payload, "length", LENGTHS),
            voice=_word(payload, "voice", VOICES),
        )

    @property
    def language(self) -> str:
        """``en`` or ``hi``."""
        if self.voice != "auto":
            return self.voice
        return language_of(self.question)


@dataclass(frozen=True, slots=True)
class PromptVideo:
    """A video from a prompt: the payload of job type ``prompt_video``.

    Attributes:
        prompt: not blank, at most 2,000 characters.
        duration_s: 1–60.
        fps: 24–60.
        size: ``1280x720``, or None for the service's own.
    """

    prompt: str
    duration_s: float = DEFAULT_DURATION_S
    fps: int = DEFAULT_FPS
    priority: Priority = Priority.NORMAL
    size: str | None = None

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Self:
        """The prompt in a payload.

        In that of a job that was completed once, ``duration`` is that of its video (contracts.md): what was asked for
        is the whole number beside it, or else each video made anew would be a second longer than the one before.

        Raises:
            RequestError: a field is missing or wrong.
        """
        fps = _number(payload, "fps", DEFAULT_FPS, FPS)
        if fps != int(fps):
            raise RequestError(f"fps must be a whole number from {FPS[0]} to {FPS[1]}, not {fps:g}")
        return cls(
            prompt=_text(payload, "prompt", least=1),
            duration_s=_asked_duration(payload),
            fps=int(fps),
            priority=Priority(_word(payload, "priority", [one.value for one in Priority], default=Priority.NORMAL)),
            size=_size(payload),
        )


def language_of(text: str) -> str:
    """``hi`` where a third of the letters or more are Devanagari, else ``en``."""
    letters = sum(char.isalpha() for char in text)
    return "hi" if letters and len(_DEVANAGARI.findall(text)) * 3 >= letters else "en"


def _text(payload: Mapping[str, Any], key: str, *, least: int) -> str:
    value = payload.get(key)
    if value is None:
        raise RequestError(f"{key} is missing: the payload needs a text of {least}–{LONGEST_TEXT:,} characters there")
    if not isinstance(value, str):
        raise RequestError(f"{key} must be text, not {type(value).__name__}")
    text = " ".join(value.split())
    if not any(char.isalnum() for char in text):
        raise RequestError(f"{key} is blank: write {least}–{LONGEST_TEXT:,} characters")
    if len(text) < least:
        raise RequestError(f"{key} has {len(text)} characters, at least {least} are needed")
    if len(text) > LONGEST_TEXT:
        raise RequestError(f"{key} has {len(text):,} characters, at most {LONGEST_TEXT:,} are taken: shorten it")
    return text


def _word(payload: Mapping[str, Any], key: str, words: Collection[str], default: str | None = None) -> str:
    value = payload.get(key)
    if value is None:
        return default or next(iter(words))
    if not isinstance(value, str) or value.strip().lower() not in words:
        raise RequestError(f"{key} must be one of {', '.join(words)}, not {str(value)[:60]!r}")
    return value.strip().lower()


def _number(payload: Mapping[str, Any], key: str, default: float, bounds: tuple[float, float]) -> float:
    value = payload.get(key)
    if value is None:
        return default
    low, high = bounds
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise RequestError(f"{key} must be a number from {low:g} to {high:g}, not {str(value)[:60]!r}")
    return float(value)


def _asked_duration(payload: Mapping[str, Any]) -> float:
    made = payload.get("duration")
    if "video_url" in payload and isinstance(made, int | float):
        low, high = DURATION_S
        return min(max(float(round(made)), low), high)
    return _number(payload, "duration", DEFAULT_DURATION_S, DURATION_S)


def _size(payload: Mapping[str, Any]) -> str | None:
    value = payload.get("size")
    if value is None:
        return None
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    sides = [int(side) for side in found.groups()] if found else []
    if not sides or any(side % 2 or not SIDE[0] <= side <= SIDE[1] for side in sides):
        raise RequestError(
            f"size must be WIDTHxHEIGHT in even pixels from {SIDE[0]} to {SIDE[1]}, like 1280x720, "
            f"not {str(value)[:60]!r}"
        )
    return f"{sides[0]}x{sides[1]}"
