"""The calls of one render on one time axis: tries, the waits between them, fallbacks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from textual.content import Content

from console import format as fmt
from console.tui.draw.base import MUTED, PLAIN, STRONG, WARN, Frame, cut, fit, foreign, line
from console.tui.draw.stages import Axis, attempt_end, axis_length, joined, paint_call
from console.tui.draw.words import attempt_word
from scheduler.domain.render import Attempt

_PROVIDER = 15
_BAR_FROM = 8


def attempts_axis(attempts: Sequence[Attempt], now: datetime) -> Axis | None:
    """The axis that shows all of them; None when nothing was called. Pure."""
    called = [attempt for attempt in attempts if not attempt.resumed]
    if not called:
        return None
    start = min(attempt.started_at for attempt in called)
    end = max(attempt_end(attempt) or max(now, attempt.started_at) for attempt in called)
    return Axis(start, axis_length((end - start).total_seconds()))


def draw_waterfall(frame: Frame, attempts: Sequence[Attempt]) -> list[Content]:
    """A line for each call, in the order in which they began; the axis above."""
    axis = attempts_axis(attempts, frame.now)
    lines = [] if axis is None else [_scale(frame, axis)]
    ended: dict[str, datetime] = {}
    shown: str | None = None
    for attempt in attempts:
        name = attempt.stage.value
        lines.append(_call(frame, attempt, axis, ended.get(name), repeated=name == shown))
        shown = name
        end = attempt_end(attempt)
        if end is not None and not attempt.resumed:
            ended[name] = end
    return lines


def _head_width() -> int:
    return 11 + _PROVIDER + 9 + 6 + 6


def _scale(frame: Frame, axis: Axis) -> Content:
    room = frame.width - _head_width()
    begin = fmt.clock_time(axis.start, frame.view.timezone, seconds=True)
    length = "+" + fmt.short_duration(axis.length_s)
    if room < len(begin) + len(length) + 1:
        return line((f"axis {fmt.duration(axis.length_s)} from {begin}", MUTED))
    return line(" " * _head_width(), (begin + " " * (room - len(begin) - len(length)) + length, MUTED))


def _call(frame: Frame, attempt: Attempt, axis: Axis | None, after: datetime | None, *, repeated: bool) -> Content:
    signs = frame.signs
    word = attempt_word(attempt, signs)
    end = attempt_end(attempt)
    seconds = ((end or max(frame.now, attempt.started_at)) - attempt.started_at).total_seconds()
    took = "" if attempt.resumed else fmt.short_duration(seconds if end is not None else int(seconds))
    tries = f"{attempt.retry_count + 1}x" if attempt.retry_count else ""
    mark = signs.fallback if attempt.fallback_position else " "
    head = line(
        (fit("" if repeated else attempt.stage.value, 11, signs), STRONG),
        (fit(foreign(attempt.provider, signs), _PROVIDER - 1, signs) + " ", PLAIN),
        (f"{word.sign} {fit(word.text, 7, signs)}", word.style),
        (fit(took, 6, signs, right=True), PLAIN),
        (f" {mark}", WARN),
        (fit(tries, 3, signs), WARN),
        " ",
    )
    room = frame.width - head.cell_length
    if axis is None or attempt.resumed or attempt.skipped or room < _BAR_FROM:
        return cut(head, frame.width, signs)
    return line(head, *_bar(frame, attempt, axis, after, room))


def _bar(frame: Frame, attempt: Attempt, axis: Axis, after: datetime | None, width: int) -> list[tuple[str, str]]:
    signs = frame.signs
    cells: list[tuple[str, str]] = [(" ", PLAIN)] * width
    if after is not None:
        for n in range(axis.column(after, width), axis.column(attempt.started_at, width)):
            cells[n] = (signs.dot, MUTED)
    paint_call(cells, frame, attempt, axis)
    return joined(cells)
