from __future__ import annotations

import math

from scheduler.domain.render import StageName
from scheduler.pipeline.progress import ProgressMeter

WEIGHTS = {StageName.BRIEF: 1.0, StageName.MANIM: 5.0, StageName.TTS: 4.0}


def metered() -> tuple[ProgressMeter, list[tuple[float, str]]]:
    said: list[tuple[float, str]] = []
    return ProgressMeter(WEIGHTS, lambda progress, stage: said.append((round(progress, 6), stage))), said


def test_stages_add_up_by_weight_and_end_at_one() -> None:
    meter, said = metered()

    meter.start(StageName.BRIEF)
    meter.finish(StageName.BRIEF)
    meter.start(StageName.MANIM)
    meter.start(StageName.TTS)
    meter.move(StageName.MANIM, 0.5)
    meter.move(StageName.TTS, 0.25)
    meter.finish(StageName.TTS)
    meter.finish(StageName.MANIM)

    assert [progress for progress, _ in said] == [0.0, 0.1, 0.1, 0.1, 0.35, 0.45, 0.75, 1.0]


def test_progress_never_goes_back_when_a_fallback_starts_a_stage_anew() -> None:
    meter, said = metered()

    meter.start(StageName.MANIM)
    for fraction in (0.2, 0.8, 0.0, 0.1, 0.9):
        meter.move(StageName.MANIM, fraction)

    reached = [progress for progress, _ in said]
    assert reached == sorted(reached)
    assert meter.overall == 0.45


def test_nonsense_from_a_provider_does_no_harm() -> None:
    meter, _ = metered()

    for fraction in (-3.0, 7.0, math.nan):
        meter.move(StageName.TTS, fraction)

    assert meter.overall == 0.4


def test_of_stages_side_by_side_the_first_one_is_named_until_it_ends() -> None:
    meter, said = metered()

    meter.start(StageName.MANIM)
    meter.start(StageName.TTS)
    meter.move(StageName.TTS, 0.5)
    meter.finish(StageName.MANIM)
    meter.move(StageName.TTS, 0.7)

    assert [stage for _, stage in said] == ["manim", "manim", "manim", "tts", "tts"]


def test_stages_without_weight_are_no_division_by_zero() -> None:
    said: list[float] = []
    meter = ProgressMeter({StageName.BRIEF: 0.0}, lambda progress, _: said.append(progress))

    meter.finish(StageName.BRIEF)

    assert said == [0.0]
