"""Custom workflows: ``manim → tts → revideo`` as a caller lays it down (contracts.md). Pure.

A workflow is read into scenes: each ``manim`` step is one, with the text of the ``tts`` step behind it as its
narration; a ``tts`` step that has no picture of its own is a scene on a card. The ``revideo`` step at the end says how
they are put together; without one they are put together as usual.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Self, cast

from scheduler.domain.content import Script, Segment, SegmentKind
from scheduler.domain.requests import RequestError, language_of

WORKFLOW = "workflow"
"""The job type, and the key of its payload that holds the steps."""
MOST_STEPS = 60
LONGEST_TEXT = 2_000
LONGEST_HEADING = 200
CARD_HEADING = 80
"""Characters of a text without a picture that stand on its card."""
MOST_LINES = 8
LONGEST_LINE = 300
SCENE_S = (1.0, 120.0)
DEFAULT_SCENE_S = 6.0
STEPS = ("manim", "tts", "revideo")


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture with what is said over it.

    Attributes:
        spec: the caller's ``scene_spec``, handed to the Manim API as it is; None: it has no picture of its own.
        heading: what a card shows in its place when no Manim can be had.
    """

    spec: Mapping[str, Any] | None
    heading: str
    lines: tuple[str, ...]
    duration_s: float
    narration: str = ""


@dataclass(frozen=True, slots=True)
class Workflow:
    """What a caller wants made, step by step."""

    title: str
    language: str
    scenes: tuple[Scene, ...]

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Self:
        """The workflow in a payload.

        Raises:
            RequestError: a step is missing or wrong; the message names it and the remedy.
        """
        steps = _list(payload.get(WORKFLOW))
        if not steps:
            raise RequestError(
                f"{WORKFLOW} must be a list of steps: manim, tts or both for each scene, revideo at the end"
            )
        if len(steps) > MOST_STEPS:
            raise RequestError(f"{WORKFLOW} has {len(steps)} steps, at most {MOST_STEPS} are taken")
        scenes: list[Scene] = []
        last = len(steps) - 1
        composition: Mapping[str, Any] = {}
        for number, step in enumerate(steps):
            where = f"{WORKFLOW}[{number}]"
            given = _mapping(step, where)
            match given.get("step"):
                case "manim":
                    scenes.append(_scene(given, where, len(scenes)))
                case "tts":
                    text = _text(given.get("text"), f"{where}.text", LONGEST_TEXT)
                    if scenes and not scenes[-1].narration:
                        scenes[-1] = replace(scenes[-1], narration=text)
                    else:
                        scenes.append(Scene(None, _heading(text), (), DEFAULT_SCENE_S, text))
                case "revideo" if number == last and scenes:
                    composition = _mapping(given.get("composition_spec") or {}, f"{where}.composition_spec")
                case "revideo":
                    raise RequestError(
                        f"{where}: the one revideo step stands at the end, behind at least one manim or tts step"
                    )
                case other:
                    raise RequestError(f"{where}.step must be one of {', '.join(STEPS)}, not {str(other)[:40]!r}")
        title = composition.get("title") or payload.get("title") or scenes[0].heading
        words = " ".join(scene.narration or scene.heading for scene in scenes)
        return cls(_text(title, "title", LONGEST_HEADING), language_of(words), tuple(scenes))

    def script(self, day: date) -> Script:
        """What the pipeline renders."""
        segments = tuple(
            Segment(
                index=index,
                kind=SegmentKind.POINT,
                heading=scene.heading,
                lines=scene.lines,
                narration=scene.narration,
                duration_s=scene.duration_s,
                number=index + 1,
            )
            for index, scene in enumerate(self.scenes)
        )
        return Script(self.title, day, self.language, segments)


def scene_spec(payload: Mapping[str, Any], index: int) -> Mapping[str, Any] | None:
    """The caller's own ``scene_spec`` of a scene; None: it has none, or the job is no workflow."""
    try:
        scenes = Workflow.of(payload).scenes
    except RequestError:
        return None
    return scenes[index].spec if index < len(scenes) else None


def _heading(text: str) -> str:
    """What a card shows of a text that is spoken over it: its beginning, up to a whole word."""
    if len(text) <= CARD_HEADING:
        return text
    return text[:CARD_HEADING].rsplit(" ", 1)[0] + " …"


def _scene(step: Mapping[str, Any], where: str, index: int) -> Scene:
    spec = _mapping(step.get("scene_spec"), f"{where}.scene_spec")
    if not isinstance(spec.get("scene_type"), str) or not spec["scene_type"].strip():
        raise RequestError(f'{where}.scene_spec.scene_type is missing: name the kind of scene, like "point"')
    content = _mapping(spec.get("content") or {}, f"{where}.scene_spec.content")
    style = _mapping(spec.get("style") or {}, f"{where}.scene_spec.style")
    said = next((content[key] for key in ("heading", "title", "text") if content.get(key)), f"Scene {index + 1}")
    lines = _list(content.get("lines") or ())
    if lines is None or len(lines) > MOST_LINES:
        raise RequestError(f"{where}.scene_spec.content.lines must be a list of at most {MOST_LINES} texts")
    seconds = style.get("duration_s") or content.get("duration_s") or DEFAULT_SCENE_S
    low, high = SCENE_S
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not low <= seconds <= high:
        raise RequestError(f"{where}.scene_spec.style.duration_s must be a number of seconds from {low:g} to {high:g}")
    return Scene(
        spec=spec,
        heading=_text(said, f"{where}.scene_spec.content.heading", LONGEST_HEADING),
        lines=tuple(_text(line, f"{where}.scene_spec.content.lines", LONGEST_LINE) for line in lines),
        duration_s=float(seconds),
    )


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise RequestError(f"{where} must be an object, not {type(value).__name__}")
    return cast("Mapping[str, Any]", value)


def _list(value: Any) -> list[Any] | None:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return None
    return list(cast("Sequence[Any]", value))


def _text(value: Any, where: str, limit: int) -> str:
    if not isinstance(value, str) or not (text := " ".join(value.split())):
        raise RequestError(f"{where} must be text that is not blank")
    if len(text) > limit:
        raise RequestError(f"{where} has {len(text):,} characters, at most {limit:,} are taken: shorten it")
    return text
