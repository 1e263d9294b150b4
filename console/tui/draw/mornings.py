"""The last mornings as a strip: was the video there?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from textual.content import Content

from console.tui.draw.base import BAD, MUTED, OK, STRONG, WARN, Frame, cut, line
from console.tui.draw.words import Word
from scheduler.domain.night import Night, NightOutcome

MORNINGS = 30


def night_word(night: Night, frame: Frame) -> Word:
    """How a morning is shown."""
    signs = frame.signs
    match night.outcome:
        case NightOutcome.ON_TIME:
            return Word(signs.fallback, "degraded", WARN) if night.degraded else Word(signs.full, "on time", OK)
        case NightOutcome.LATE:
            return Word(signs.warn, "late", WARN)
        case NightOutcome.MISSED:
            return Word(signs.bad, "missed", BAD)
        case NightOutcome.SKIPPED:
            return Word(signs.dash, "skipped", MUTED)
        case NightOutcome.OPEN:
            return Word(signs.empty, "open", MUTED)
        case _:
            assert_never(night.outcome)


def draw_mornings(frame: Frame, nights: Sequence[Night]) -> list[Content]:
    """One line: a sign for each, the newest at the right end, and the sum in words.

    Args:
        frame: what to draw for.
        nights: newest first.
    """
    shown = [night for night in nights[:MORNINGS] if night.outcome is not NightOutcome.OPEN]
    if not shown:
        return [cut(line(("mornings  ", MUTED), ("none is on record yet", MUTED)), frame.width, frame.signs)]
    words = [night_word(night, frame) for night in reversed(shown)]
    counted = [night for night in shown if night.outcome.counts]
    good = sum(night.outcome is NightOutcome.ON_TIME for night in counted)
    degraded = sum(bool(night.degraded) for night in counted if night.outcome is NightOutcome.ON_TIME)
    parts: list[tuple[str, str]] = [("mornings  ", MUTED), *((word.sign, word.style) for word in words)]
    parts.append((f"  {good} of {len(counted)} on time", STRONG if good == len(counted) else f"bold {WARN}"))
    parts.append((f", {degraded} degraded" if degraded else "", WARN))
    bad = next((night for night in shown if night.outcome in {NightOutcome.LATE, NightOutcome.MISSED}), None)
    if bad is not None:
        parts.append((f"  last {night_word(bad, frame).text} {bad.run_date:%d %b}", MUTED))
    return [cut(line(*parts), frame.width, frame.signs)]
