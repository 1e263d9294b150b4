from __future__ import annotations

from datetime import date

import pytest

from integrations.a4f.request import audio_address, media_type_of, speech_path, speech_request
from integrations.kit.audio import SoundReport, sound_problems
from integrations.kit.clips import length_problem
from integrations.kit.composition import Scene, clip_address, compose_request
from integrations.local_services.revideo import Entry, scenes_of
from integrations.local_services.speech import espeak_voice
from integrations.manim.request import Style, render_request
from scheduler.domain.content import Script, Segment, SegmentKind


def segment(index: int, kind: SegmentKind) -> Segment:
    return Segment(
        index=index,
        kind=kind,
        heading=f"Heading {index}",
        lines=("One", "Two"),
        narration=f"Narration {index}.",
        duration_s=6.0,
        source="RBI",
        number=1 if kind is SegmentKind.POINT else None,
    )


SCRIPT = Script(
    title="The day",
    date=date(2026, 11, 20),
    language="hi",
    segments=(segment(0, SegmentKind.INTRO), segment(1, SegmentKind.POINT), segment(2, SegmentKind.OUTRO)),
)


def test_manim_gets_the_segment_with_what_stands_on_every_card() -> None:
    body = render_request(SCRIPT.segments[1], SCRIPT, programme="Daily", style=Style())
    assert body["scene_type"] == "point"
    content = body["content"]
    assert (content["heading"], content["lines"], content["number"]) == ("Heading 1", ["One", "Two"], 1)
    assert (content["programme"], content["date"], content["points"]) == ("Daily", "2026-11-20", 1)
    assert content["language"] == "hi"
    assert body["style"] == {"width": 1280, "height": 720, "fps": 30, "palette": "predawn", "duration_s": 6.0}


def test_revideo_gets_pictures_each_followed_by_its_narration() -> None:
    scenes = [Scene(s, f"http://f/{s.index}.mp4", f"http://f/{s.index}.wav", 7.0) for s in SCRIPT.segments]
    body = compose_request(scenes, title="The day", language="hi", voice="hi", speed=1.0)
    assert [entry["type"] for entry in body["segments"]] == [
        "intro",
        "narration",
        "manim",
        "narration",
        "outro",
        "narration",
    ]
    assert body["segments"][2] == {"type": "manim", "url": "http://f/1.mp4", "duration": 7.0, "title": "Heading 1"}
    assert body["segments"][3] == {
        "type": "narration",
        "text": "Narration 1.",
        "duration": 7.0,
        "audio_url": "http://f/1.wav",
    }
    assert body["audio"] == {"voice": "hi", "speed": 1.0}


def test_a_narration_without_sound_has_no_audio_url() -> None:
    body = compose_request([Scene(SCRIPT.segments[0], "http://f", None, 7.0)], title="", language="", voice="", speed=1)
    assert "audio_url" not in body["segments"][1]


OURS = "http://127.0.0.1:7/token/clip.mp4"


@pytest.mark.parametrize(
    ("known", "service", "chosen"),
    [
        ("http://127.0.0.1:5000/v/a.mp4", "http://127.0.0.1:5001", OURS),
        ("https://cdn.example/a.mp4", "http://127.0.0.1:5001", OURS),
        ("https://cdn.example/a.mp4", "https://render.example", "https://cdn.example/a.mp4"),
        ("http://127.0.0.1:5000/v/a.mp4", "https://render.example", OURS),
        (None, "https://render.example", OURS),
    ],
)
def test_a_clip_is_fetched_from_where_the_service_can_reach_it(known: str | None, service: str, chosen: str) -> None:
    assert clip_address(known, OURS, service_url=service) == chosen


@pytest.mark.parametrize(
    ("length_s", "fine"), [(0.1, False), (0.6, True), (3.0, True), (6.0, True), (9.0, True), (9.1, False)]
)
def test_a_clip_may_end_early_but_not_run_on(length_s: float, *, fine: bool) -> None:
    assert (length_problem(length_s, 6.0) is None) is fine


def test_speech_is_asked_for_in_the_contracts_words() -> None:
    assert speech_request("Hello", model="m", voice="alloy", speed=1.25) == {
        "model": "m",
        "input": "Hello",
        "voice": "alloy",
        "response_format": "mp3",
        "speed": 1.25,
    }
    assert speech_path("https://api.a4f.co") == "/v1/audio/speech"
    assert speech_path("https://api.a4f.co/v1") == "/audio/speech"


@pytest.mark.parametrize(
    ("document", "address"),
    [
        ({"url": "http://a"}, "http://a"),
        ({"audio_url": "/a.mp3"}, "/a.mp3"),
        ({"data": {"url": "http://b"}}, "http://b"),
        ({"audio": {"url": "http://c"}}, "http://c"),
        ({"url": ""}, None),
        ({"text": "hi"}, None),
    ],
)
def test_json_may_name_where_the_sound_is(document: dict[str, object], address: str | None) -> None:
    assert audio_address(document) == address


def test_sound_types_are_read_without_their_parameters() -> None:
    assert media_type_of("Audio/WAV; rate=24000") == "audio/wav"
    assert media_type_of("application/octet-stream") == "audio/mpeg"


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (SoundReport(6.0, None, -3.0), None),
        (SoundReport(6.0, 6.1, -3.0), None),
        (SoundReport(6.0, 12.0, -3.0), "ends after 6.0 s of the 12.0 s"),
        (SoundReport(0.2, None, -3.0), "cannot hold 90 characters"),
        (SoundReport(6.0, None, -80.0), "silent"),
        (SoundReport(6.0, None, float("-inf")), "silent"),
        (SoundReport(20.0, None, -3.0, silent_s=4.9), None),
        (SoundReport(20.0, None, -3.0, silent_s=5.1), "it is silent for 5.1 s"),
    ],
)
def test_a_narration_is_as_long_as_its_text_needs_and_heard(report: SoundReport, said: str | None) -> None:
    problems = sound_problems(report, text="x" * 90, speed=1.0)
    assert (not problems) if said is None else any(said in problem for problem in problems)


def test_scenes_pair_pictures_with_narrations() -> None:
    scenes = scenes_of(
        (
            Entry(type="intro", duration=2),
            Entry(type="manim", url="http://a"),
            Entry(type="narration", text="hello"),
            Entry(type="outro"),
        )
    )
    assert [(s.picture_at, s.narration_at) for s in scenes] == [(0, None), (1, 2), (3, None)]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ((Entry(type="narration", text="x"),), r"segments\.0"),
        ((Entry(type="intro"), Entry(type="narration"), Entry(type="narration")), r"segments\.2"),
        ((Entry(type="intro"), Entry(type="manim")), r"segments\.1\.url"),
    ],
)
def test_a_composition_in_disorder_is_refused_by_entry(entries: tuple[Entry, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        scenes_of(entries)


@pytest.mark.parametrize(
    ("voice", "text", "spoken_by"),
    [("alloy", "Hello", "en-us"), ("nova", "नमस्ते", "hi"), ("en-gb-x-rp", "Hello", "en-gb-x-rp")],
)
def test_voices_of_the_contract_are_spoken_by_espeak(voice: str, text: str, spoken_by: str) -> None:
    assert espeak_voice(voice, text) == spoken_by


def test_a_service_elsewhere_that_can_reach_us_gets_our_copy() -> None:
    ours = "https://files.example/token/clip.mp4"
    assert clip_address("https://cdn.example/a.mp4", ours, service_url="https://render.example") == ours
