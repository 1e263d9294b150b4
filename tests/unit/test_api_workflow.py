"""Custom workflows as they are read."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from scheduler.api.schemas import WORKFLOW_EXAMPLE
from scheduler.domain.requests import RequestError
from scheduler.domain.workflow import Workflow, scene_spec

SPEC: dict[str, Any] = {"scene_type": "point", "content": {"heading": "One"}, "style": {"duration_s": 3}}
LAST = {"step": "revideo"}


def steps(*given: dict[str, Any]) -> dict[str, Any]:
    return {"workflow": [*given]}


def test_each_manim_step_is_a_scene_with_the_text_behind_it() -> None:
    payload = steps(
        {"step": "manim", "scene_spec": SPEC},
        {"step": "tts", "text": " Spoken  words. "},
        {"step": "manim", "scene_spec": {"scene_type": "equation"}},
        {"step": "revideo", "composition_spec": {"title": "Both"}},
    )
    script = Workflow.of(payload).script(date(2026, 11, 20))
    assert (script.title, script.language) == ("Both", "en")
    one, two = script.segments
    assert (one.heading, one.narration, one.duration_s, one.number) == ("One", "Spoken words.", 3.0, 1)
    assert (two.heading, two.narration, two.duration_s) == ("Scene 2", "", 6.0)
    assert scene_spec(payload, 0) == SPEC
    assert scene_spec(payload, 1) == {"scene_type": "equation"}
    assert scene_spec(payload, 2) is None
    assert scene_spec({}, 0) is None


@pytest.mark.parametrize(
    ("given", "scenes"),
    [
        ([{"step": "manim", "scene_spec": SPEC}], [("One", "", True)]),
        ([{"step": "tts", "text": "Spoken."}], [("Spoken.", "Spoken.", False)]),
        ([{"step": "tts", "text": "Spoken."}, LAST], [("Spoken.", "Spoken.", False)]),
        (
            [{"step": "tts", "text": "A."}, {"step": "manim", "scene_spec": SPEC}, {"step": "tts", "text": "B."}],
            [("A.", "A.", False), ("One", "B.", True)],
        ),
        ([{"step": "tts", "text": "A."}, {"step": "tts", "text": "B."}], [("A.", "A.", False), ("B.", "B.", False)]),
        ([{"step": "tts", "text": "word " * 30}], [(("word " * 16).strip() + " …", ("word " * 30).strip(), False)]),
    ],
)
def test_any_steps_make_scenes_and_a_text_without_a_picture_is_on_a_card(
    given: list[dict[str, Any]], scenes: list[tuple[str, str, bool]]
) -> None:
    payload = steps(*given)
    found = Workflow.of(payload).scenes
    assert [(one.heading, one.narration, one.spec is not None) for one in found] == scenes
    assert [scene_spec(payload, n) == SPEC for n in range(len(found))] == [pictured for _, _, pictured in scenes]


def test_the_example_of_the_document_is_one() -> None:
    assert Workflow.of(WORKFLOW_EXAMPLE).title == "GST in one minute"


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ({}, "must be a list of steps"),
        ({"workflow": "manim"}, "must be a list of steps"),
        (steps(*[LAST] * 61), "at most 60"),
        (steps(LAST), r"workflow\[0\]: the one revideo step"),
        (steps(LAST, {"step": "tts", "text": "x"}), r"workflow\[0\]: the one revideo step"),
        (steps({"step": "manim", "scene_spec": SPEC}, LAST, LAST), r"workflow\[1\]: the one revideo"),
        (steps({"step": "manim"}, LAST), r"workflow\[0\].scene_spec must be an object"),
        (steps({"step": "manim", "scene_spec": {}}, LAST), "scene_type is missing"),
        (steps({"step": "manim", "scene_spec": {**SPEC, "style": {"duration_s": 500}}}, LAST), "duration_s"),
        (steps({"step": "manim", "scene_spec": {**SPEC, "content": {"lines": "x"}}}, LAST), "lines"),
        (steps({"step": "manim", "scene_spec": SPEC}, {"step": "tts", "text": " "}, LAST), r"workflow\[1\].text"),
    ],
)
def test_what_is_wrong_is_named_with_its_step(payload: dict[str, Any], told: str) -> None:
    with pytest.raises(RequestError, match=told):
        Workflow.of(payload)
