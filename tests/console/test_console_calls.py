"""What was passed over or broken off is told apart from what failed, wherever calls are shown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from console_world import attempt, refused, stage
from test_console_draw import frame, text, with_night

from console.tui.draw.log import LogRow, draw_log_row, matches
from console.tui.draw.stages import draw_stages
from console.tui.draw.waterfall import draw_waterfall
from console.tui.draw.words import attempt_word
from console.tui.signs import UNICODE
from scheduler.domain.failure import FailureClass
from scheduler.domain.render import Attempt, StageName
from scheduler.domain.snapshot import StageState

FAILED = attempt(StageName.MANIM, "manim-api", 1, 3, **refused(0))
SKIPPED = replace(FAILED, detail={"skipped": True}, error_message="skipped: manim is down", duration_ms=0)
STOPPED = replace(FAILED, error_class=FailureClass.CANCELLED, error_message="cancelled by ann")


@pytest.mark.parametrize(
    ("call", "sign", "word"), [(FAILED, "✖", "failed"), (SKIPPED, "–", "skipped"), (STOPPED, "–", "stopped")]
)
def test_a_call_is_named_by_what_became_of_it(call: Attempt, sign: str, word: str) -> None:
    seen = attempt_word(call, UNICODE)
    assert (seen.sign, seen.text) == (sign, word)
    assert f"{sign} {word}" in text(draw_waterfall(frame(width=110), [call]))
    assert sign in draw_log_row(frame(width=110), LogRow(call, text="why"), selected=False).plain
    assert matches(call, word)


def test_what_was_never_asked_is_no_try_and_no_bar() -> None:
    fallback = attempt(StageName.MANIM, "static-cards", 4, 7, fallback_position=1)
    one = stage(StageName.MANIM, StageState.DONE, [SKIPPED, fallback])
    two = stage(StageName.MANIM, StageState.DONE, [FAILED, fallback])
    passed_over, tried = (text(draw_stages(frame(with_night(stages=(shown,)), width=110))) for shown in (one, two))
    assert "2x" in tried
    assert "╍" in tried
    assert "2x" not in passed_over
    assert "╍" not in passed_over
