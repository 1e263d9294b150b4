"""The morning brief as a text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from textual.content import Content

from console import format as fmt
from console.tui.draw.audit import outcome_word
from console.tui.draw.base import BAD, MUTED, STRONG, Frame, cut, fit, foreign, line
from console.tui.draw.past import draw_mark
from scheduler.brief import MorningBrief


def draw_brief(frame: Frame, brief: MorningBrief) -> list[Content]:
    """What has happened, newest last."""
    return [cut(one, frame.width, frame.signs) for one in _lines(frame, brief)]


def _title(text: str) -> Content:
    return line((text, "bold $heading"))


def _lines(frame: Frame, brief: MorningBrief) -> Iterator[Content]:
    signs, zone = frame.signs, frame.view.timezone

    def at(moment: datetime) -> tuple[str, str]:
        return (f"  {fmt.moment(moment, frame.present, zone):<17} ", MUTED)

    yield _title("The nights")
    if not brief.recorded:
        yield line(("  nothing is recorded on this machine", MUTED))
    elif not brief.marks:
        yield line(("  no verdict, alert or fallback", MUTED))
    for mark in brief.marks:
        yield draw_mark(frame, mark, selected=False)
    yield Content("")
    yield _title("New ways to fail")
    if not brief.failures:
        yield line(("  none that had not been seen before", MUTED))
    for failure in brief.failures:
        times = "" if failure.count == 1 else f" {failure.count} times"
        yield line(
            at(failure.first_at),
            (failure.kind, BAD),
            f" {failure.stage} by {foreign(failure.provider, signs)}{times}: ",
            (foreign(failure.message, signs), MUTED),
        )
    yield Content("")
    yield _title("Who did what")
    if not brief.commands:
        yield line(("  nobody else did anything", MUTED))
    for entry in brief.commands:
        one, word = entry.entry, outcome_word(entry.entry.outcome, signs)
        target = foreign(one.target, signs)
        yield line(
            at(entry.at),
            (fit(foreign(one.actor, signs), 11, signs) + " ", STRONG),
            f"{foreign(one.command, signs)} {fmt.short_id(target) if len(target) > 30 else target} ",  # noqa: PLR2004 - an id
            (f"{word.sign} {word.text}", word.style),
        )
