"""What may be asked for by doubts and prompts: every limit of the contract, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from integrations.content.asked import DoubtSource, PromptSource, pieces, shortened
from integrations.template_script.script import build_script
from scheduler.domain.codec import brief_from_json, brief_to_json
from scheduler.domain.content import BriefKind
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.job import Priority
from scheduler.domain.requests import Doubt, PromptVideo, RequestError, language_of

DAY = date(2026, 11, 20)
HINDI = "रेपो दर क्या है?"


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({}, "question is missing"),
        ({"question": None}, "question is missing"),
        ({"question": 7}, "question must be text, not int"),
        ({"question": ""}, "question is blank"),
        ({"question": "  \n "}, "question is blank"),
        ({"question": "???"}, "question is blank"),
        ({"question": "ab"}, "at least 3"),
        ({"question": "a" * 2001}, "at most 2,000"),
        ({"question": "What?", "style": "loud"}, "style must be one of simple, detailed, exam"),
        ({"question": "What?", "length": 5}, "length must be one of short, medium, long"),
        ({"question": "What?", "voice": "fr"}, "voice must be one of auto, en, hi"),
    ],
)
def test_a_bad_doubt_is_refused_by_its_field(payload: Mapping[str, Any], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        Doubt.of(payload)


@pytest.mark.parametrize(
    ("payload", "doubt", "language"),
    [
        ({"question": "Why?"}, Doubt("Why?", "simple", "short", "auto"), "en"),
        ({"question": "abc"}, Doubt("abc"), "en"),
        ({"question": "a" * 2000}, Doubt("a" * 2000), "en"),
        ({"question": "  What\n is  it? "}, Doubt("What is it?"), "en"),
        ({"question": HINDI}, Doubt(HINDI), "hi"),
        ({"question": HINDI, "voice": "en"}, Doubt(HINDI, voice="en"), "en"),
        (
            {"question": "Why?", "style": "EXAM", "length": "long", "voice": "hi"},
            Doubt("Why?", "exam", "long", "hi"),
            "hi",
        ),
        ({"question": "Why?", "route": "orchestrator", "video_url": "x"}, Doubt("Why?"), "en"),
    ],
)
def test_a_good_doubt_gets_its_defaults(payload: Mapping[str, Any], doubt: Doubt, language: str) -> None:
    assert Doubt.of(payload) == doubt
    assert doubt.language == language


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({}, "prompt is missing"),
        ({"prompt": "   "}, "prompt is blank"),
        ({"prompt": "x" * 2001}, "at most 2,000"),
        ({"prompt": ["x"]}, "must be text, not list"),
        ({"prompt": "x", "duration": 0}, "duration must be a number from 1 to 60"),
        ({"prompt": "x", "duration": 0.99}, "duration"),
        ({"prompt": "x", "duration": 61}, "duration"),
        ({"prompt": "x", "duration": "8"}, "duration"),
        ({"prompt": "x", "duration": True}, "duration"),
        ({"prompt": "x", "duration": float("nan")}, "duration"),
        ({"prompt": "x", "fps": 23}, "fps must be a number from 24 to 60"),
        ({"prompt": "x", "fps": 61}, "fps"),
        ({"prompt": "x", "fps": 29.97}, "fps must be a whole number"),
        ({"prompt": "x", "priority": "urgent"}, "priority must be one of high, normal, low"),
        ({"prompt": "x", "priority": 1}, "priority"),
        ({"prompt": "x", "size": "big"}, "size must be WIDTHxHEIGHT"),
        ({"prompt": "x", "size": "1281x720"}, "even pixels"),
        ({"prompt": "x", "size": "8000x720"}, "16 to 4096"),
        ({"prompt": "x", "size": 720}, "size"),
    ],
)
def test_a_bad_prompt_is_refused_by_its_field(payload: Mapping[str, Any], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        PromptVideo.of(payload)


@pytest.mark.parametrize(
    ("payload", "wish"),
    [
        ({"prompt": "x"}, PromptVideo("x", 8.0, 30, Priority.NORMAL, None)),
        ({"prompt": "x" * 2000}, PromptVideo("x" * 2000)),
        ({"prompt": "x", "duration": 1, "fps": 24}, PromptVideo("x", 1.0, 24)),
        ({"prompt": "x", "duration": 60, "fps": 60}, PromptVideo("x", 60.0, 60)),
        (
            {"prompt": "x", "priority": "high", "size": "720X1280"},
            PromptVideo("x", priority=Priority.HIGH, size="720x1280"),
        ),
    ],
)
def test_a_good_prompt_gets_its_defaults(payload: Mapping[str, Any], wish: PromptVideo) -> None:
    assert PromptVideo.of(payload) == wish


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is GST?", "en"),
        (HINDI, "hi"),
        ("GST का पूरा नाम क्या है", "hi"),
        ("What does नमस्ते mean here", "en"),
        ("42?", "en"),
    ],
)
def test_the_language_is_that_of_the_letters(text: str, language: str) -> None:
    assert language_of(text) == language


def test_a_doubt_becomes_a_brief_that_promises_nothing() -> None:
    resolved = DoubtSource().resolve({"question": "What is the repo rate?"}, DAY)
    brief = resolved.brief
    assert (brief.kind, brief.title, brief.asked) == (
        BriefKind.QUESTION,
        "What is the repo rate?",
        "What is the repo rate?",
    )
    assert brief.headlines[0].sentences == ("The answer is being prepared; this video shows the question.",)
    assert (resolved.stale, resolved.origin, brief.date) == (False, "payload.question", DAY)
    assert brief_from_json(brief_to_json(brief)) == brief


@pytest.mark.parametrize("question", ["What is the repo rate?", HINDI, "word " * 399 + "end", "x" * 2000])
def test_the_script_by_rule_shows_the_question_and_says_that_the_answer_is_being_prepared(question: str) -> None:
    brief = DoubtSource().resolve({"question": question}, DAY).brief
    script = build_script(brief, "Daily")
    said = " ".join(segment.narration for segment in script.segments)
    assert "being prepared" in said or "तैयार किया जा रहा" in said
    # The question is all there: its words stand in the headline and its sentences, in order.
    headline = brief.headlines[0]
    assert "".join((headline.title, *headline.sentences)).replace(" ", "").startswith(question.replace(" ", ""))
    assert max(len(sentence) for sentence in headline.sentences) <= 400
    assert script.points == 1


def test_a_prompt_becomes_a_brief_of_its_words() -> None:
    brief = PromptSource(today=lambda: DAY).resolve({"prompt": "a river at dawn"}, None).brief
    assert (brief.kind, brief.date, brief.headlines[0].title) == (BriefKind.PROMPT, DAY, "a river at dawn")
    assert build_script(brief, "Daily").points == 1


@pytest.mark.parametrize("source", [DoubtSource(), PromptSource()])
def test_bad_payloads_fail_at_once_and_name_the_field(source: DoubtSource | PromptSource) -> None:
    with pytest.raises(StageFailure, match=r"payload\.(question|prompt) is missing") as caught:
        source.resolve({}, DAY)
    assert (caught.value.kind, caught.value.retryable) == (FailureClass.INVALID_INPUT, False)


def test_texts_are_cut_between_words() -> None:
    assert shortened("one two three", 9) == "one two…"
    assert shortened("one", 9) == "one"
    assert list(pieces("one two three four", 7, 5)) == ["one two", "three", "four"]
    assert list(pieces("abcdefgh", 3, 3)) == ["abc", "def", "gh"]
