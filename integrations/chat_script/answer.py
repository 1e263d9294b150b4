"""The chat endpoint's answer: unwrapped, read, checked against its schema and the brief. Nothing is mended. Pure.

::

    text_of       the assistant's words out of the endpoint's document, or why there are none
    read_draft    those words as a ``Draft``
    problems_of   what is wrong with a draft, beside the brief it was to be made from
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from integrations.kit.text import JOINERS, one_line
from scheduler.domain.content import Brief, BriefKind
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.requests import language_of

MAX_LINE = 150
MAX_HEADING = 200
MAX_NARRATION = 1_200
MAX_POINTS = 12
STEPS: Mapping[BriefKind, tuple[int, int]] = {BriefKind.QUESTION: (2, 6), BriefKind.PROMPT: (1, 4)}
"""Points that an answer of a kind may have; news has one for each headline."""
WORDS_PER_S = (1.2, 4.5)
"""Words that may be planned for a second. 160 words a minute are 2.7."""
SPARE_S = 4.0
"""Seconds that a card may stand beyond the slowest speech, and that short narrations get."""
SHOWN = 5
"""Problems that a message names."""

Line = Annotated[str, StringConstraints(min_length=1, max_length=MAX_LINE)]
Heading = Annotated[str, StringConstraints(min_length=1, max_length=MAX_HEADING)]
Narration = Annotated[str, StringConstraints(min_length=3, max_length=MAX_NARRATION)]
Seconds = Annotated[float, Field(ge=2, le=180)]

_FENCE = re.compile(r"```[A-Za-z]*[ \t]*\n(?P<inside>.*)\n[ \t]*```", re.DOTALL)
_ADDRESS = re.compile(r"(?:https?://|www\.)\S", re.IGNORECASE)
_MARKUP = re.compile(r"<[A-Za-z/!][^>]*>|\*\*|__|^#{1,6}\s|```|\]\(", re.MULTILINE)


class Part(BaseModel):
    """What all parts have."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    narration: Narration
    duration_s: Seconds


class Intro(Part):
    """The cover."""

    on_screen: Annotated[list[Line], Field(max_length=2)] = []


class Point(Part):
    """One point; ``headline`` is the number of the brief's headline, or of the step."""

    headline: Annotated[int, Field(ge=1, le=MAX_POINTS)]
    heading: Heading
    on_screen: Annotated[list[Line], Field(min_length=1, max_length=4)]


class Outro(Part):
    """The end."""

    heading: Heading
    on_screen: Annotated[list[Line], Field(min_length=1, max_length=6)]


class Draft(BaseModel):
    """A script as the endpoint writes it (``integrations.chat_script.prompt.FORM``)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    language: Annotated[str, StringConstraints(min_length=2, max_length=35)]
    title: Heading
    intro: Intro
    points: Annotated[list[Point], Field(min_length=1, max_length=MAX_POINTS)]
    outro: Outro


def text_of(document: Mapping[str, Any]) -> str:
    """What the assistant said.

    Raises:
        StageFailure: INVALID_OUTPUT: nothing, a refusal, a filtered answer, or one that was cut off.
    """
    choices = document.get("choices")
    first: Any = cast("list[Any]", choices)[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, dict):
        raise StageFailure.invalid_output(
            f"script answered without choices (it has {one_line(', '.join(document) or 'nothing', 120)})"
        )
    choice = cast("dict[str, Any]", first)
    message: Any = choice.get("message")
    said = cast("dict[str, Any]", message) if isinstance(message, dict) else {}
    refusal, reason = said.get("refusal"), choice.get("finish_reason")
    if isinstance(refusal, str) and refusal.strip():
        raise _final(f"script refused: {one_line(refusal)}")
    if reason == "content_filter":
        raise _final("script's answer was filtered by its provider")
    if reason == "length":
        raise StageFailure.invalid_output(
            "script's answer was cut off at its longest (finish_reason length); raise script.max_tokens"
        )
    text = _joined(said.get("content"))
    if not text.strip():
        raise StageFailure.invalid_output("script answered with nothing")
    return text


def read_draft(text: str) -> Draft:
    """The answer as a draft; the fences around code that many models put are no part of it.

    Raises:
        StageFailure: INVALID_OUTPUT: it is no JSON, or the fields that are wrong.
    """
    fenced = _FENCE.fullmatch(text.strip())
    inside = fenced["inside"] if fenced else text
    try:
        json.loads(inside)
    except (ValueError, RecursionError) as error:
        raise StageFailure.invalid_output(
            f"script answered with something that is no JSON: {one_line(text[:120], 80)!r}"
        ) from error
    try:
        return Draft.model_validate_json(inside)
    except ValidationError as error:
        found = [
            f"{'.'.join(str(step) for step in one['loc']) or 'the answer'}: {one['msg']}"
            for one in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise not_as_asked(found) from error


def not_as_asked(problems: Sequence[str]) -> StageFailure:
    """The failure of a draft with these problems."""
    more = f" (and {len(problems) - SHOWN} more)" if len(problems) > SHOWN else ""
    return StageFailure.invalid_output(
        f"script is not as asked: {'; '.join(problems[:SHOWN])}{more}",
        details={"problems": [one_line(problem) for problem in problems[:20]]},
    )


def problems_of(draft: Draft, brief: Brief) -> tuple[str, ...]:
    """What is wrong with a draft, in words; empty when it can be the script of the brief."""
    return (*_language(draft, brief), *_points(draft, brief), *_texts(draft), *_durations(draft))


def _language(draft: Draft, brief: Brief) -> Iterator[str]:
    wanted = brief.language.split("-")[0].lower()
    said = draft.language.split("-")[0].split("_")[0].lower()
    if said != wanted:
        yield f"language is {one_line(draft.language, 20)!r}, asked for {wanted!r}"
    for where, part in parts_of(draft):
        # Names and terms of another script may stand in a sentence; a third of Devanagari makes it Hindi.
        if language_of(part.narration) != wanted and wanted in {"en", "hi"}:
            yield f"{where}.narration is not in {wanted!r}"


def _points(draft: Draft, brief: Brief) -> Iterator[str]:
    numbers = [point.headline for point in draft.points]
    if brief.kind is BriefKind.NEWS:
        wanted = list(range(1, len(brief.headlines) + 1))
        missing = [number for number in wanted if number not in numbers]
        if missing:
            yield f"no point for headline {', '.join(map(str, missing))}"
        elif numbers != wanted:
            yield f"points are for headlines {', '.join(map(str, numbers))}, expected each of 1 to {wanted[-1]} once"
        return
    least, most = STEPS[brief.kind]
    if not least <= len(numbers) <= most:
        yield f"{len(numbers)} points, asked for {least} to {most}"
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"points are numbered {', '.join(map(str, numbers))}, expected 1 to {len(numbers)}"


def _texts(draft: Draft) -> Iterator[str]:
    shown = [("title", draft.title)]
    for where, part in parts_of(draft):
        shown.append((f"{where}.narration", part.narration))
        lines: list[str] = getattr(part, "on_screen", [])
        shown += [(f"{where}.on_screen.{number}", line) for number, line in enumerate(lines)]
        if isinstance(part, Point | Outro):
            shown.append((f"{where}.heading", part.heading))
    for where, text in shown:
        if not any(char.isalnum() for char in text):
            yield f"{where} is blank"
        if any(unicodedata.category(char).startswith("C") and char not in JOINERS for char in text):
            yield f"{where} holds line breaks or control characters"
        if _ADDRESS.search(text):
            yield f"{where} holds an address"
        if _MARKUP.search(text):
            yield f"{where} holds markup"


def _durations(draft: Draft) -> Iterator[str]:
    slowest, fastest = WORDS_PER_S
    for where, part in parts_of(draft):
        words = len(part.narration.split())
        low, high = words / fastest, words / slowest + SPARE_S
        if not low <= part.duration_s <= max(high, SPARE_S * 2):
            yield f"{where}.duration_s is {part.duration_s:g} for {words} words, {low:.0f} to {high:.0f} can be said"


def parts_of(draft: Draft) -> Iterator[tuple[str, Part]]:
    """Every part with its place."""
    yield "intro", draft.intro
    for number, point in enumerate(draft.points):
        yield f"points.{number}", point
    yield "outro", draft.outro


def _joined(content: Any) -> str:
    """Content as text; some servers give it in pieces."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        pieces = [cast("dict[str, Any]", one) for one in cast("list[Any]", content) if isinstance(one, dict)]
        return "".join(str(piece.get("text") or "") for piece in pieces if piece.get("type") in {"text", None})
    return ""


def _final(message: str) -> StageFailure:
    return StageFailure(message, kind=FailureClass.INVALID_OUTPUT, retryable=False)
