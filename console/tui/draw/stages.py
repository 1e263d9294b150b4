"""Tonight's stages as a waterfall: every call of every provider on one time axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from textual.content import Content

from console import format as fmt
from console.tui.draw.base import BAD, BUSY, MUTED, OK, PLAIN, STRONG, WARN, Frame, cut, fit, foreign, line
from console.tui.draw.words import stage_word
from scheduler.domain.render import Attempt, AttemptStatus
from scheduler.domain.snapshot import StageState, StageView

_NICE_S = (5, 10, 20, 30, 60, 120, 180, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800, 86_400)
"""Lengths of the time axis: it grows in steps, so that a running bar grows by a cell and the others stay."""
_PROVIDER_WIDE = 16
_PROVIDER_NARROW = 14
_WIDE = 76


@dataclass(frozen=True, slots=True)
class Axis:
    """The common time axis: from ``start``, ``length_s`` seconds long."""

    start: datetime
    length_s: float

    def column(self, then: datetime, width: int) -> int:
        """Where ``then`` lies among ``width`` cells."""
        share = (then - self.start).total_seconds() / self.length_s
        return min(max(int(share * width), 0), width - 1)


def stage_axis(stages: Sequence[StageView], now: datetime) -> Axis | None:
    """The axis that shows everything that has happened; None when nothing has. Pure."""
    begun = [stage.started_at for stage in stages if stage.started_at is not None]
    begun += [attempt.started_at for stage in stages for attempt in stage.attempts if not attempt.resumed]
    if not begun:
        return None
    start = min(begun)
    running = any(stage.state in {StageState.RUNNING, StageState.RETRYING} for stage in stages)
    ends = [stage.finished_at for stage in stages if stage.finished_at is not None]
    ends += [end for stage in stages for attempt in stage.attempts if (end := attempt_end(attempt)) is not None]
    end = max([*ends, now] if running or not ends else ends)
    return Axis(start, axis_length((end - start).total_seconds()))


def axis_length(seconds: float) -> float:
    """How long an axis is that shows so many seconds. Pure."""
    elapsed = max(seconds, 1.0)
    return float(next((nice for nice in _NICE_S if nice >= elapsed), elapsed))


def attempt_end(attempt: Attempt) -> datetime | None:
    """When a call ended; None while it runs."""
    if attempt.duration_ms is None:
        return None
    return attempt.started_at + timedelta(milliseconds=attempt.duration_ms)


def stages_title(frame: Frame) -> str:
    """The panel's title: which render, from when, how long the axis is."""
    snapshot = frame.view.snapshot
    render = snapshot.tonight.render if snapshot else None
    if snapshot is None or render is None:
        return "Stages"
    start = fmt.moment(render.started_at, frame.now, frame.view.timezone, seconds=True)
    axis = stage_axis(snapshot.tonight.stages, frame.now)
    span = f" {frame.signs.dot} axis {fmt.duration(axis.length_s)}" if axis else ""
    return f"Stages {frame.signs.dot} render {render.number} since {start}{span}"


def draw_stages(frame: Frame) -> list[Content]:
    """One line a stage."""
    snapshot = frame.view.snapshot
    if snapshot is None:
        return []
    stages = snapshot.tonight.stages
    if not stages:
        return [line(("no render yet: the stages show here as they run", MUTED))]
    axis = stage_axis(stages, frame.now)
    return [_stage(frame, stage, axis) for stage in stages]


def _stage(frame: Frame, stage: StageView, axis: Axis | None) -> Content:
    signs = frame.signs
    word = stage_word(stage, signs)
    waiting = stage.state in {StageState.WAITING, StageState.UNUSED}
    wide = frame.width >= _WIDE
    tries = _tries(stage)
    head = line(
        (f"{word.sign} ", word.style),
        (fit(stage.stage.value, 11, signs), MUTED if waiting else STRONG),
        (fit(word.text, 9, signs), word.style),
        (fit(foreign(stage.provider, signs), _PROVIDER_WIDE if wide else _PROVIDER_NARROW, signs), PLAIN),
        (fit(f" {signs.fallback}" if _fallen_back(stage) else "", 3, signs), WARN),
        (fit(f"{tries}x" if tries > 1 else "", 3, signs), WARN),
        (fit(_took(stage, frame.now), 6, signs, right=True), PLAIN),
        "  ",
    )
    room = frame.width - head.cell_length
    if axis is None or room < 4:  # noqa: PLR2004 - a bar needs some cells
        return cut(head, frame.width, signs)
    return line(head, *_bar(frame, stage, axis, room))


def _tries(stage: StageView) -> int:
    """Calls made, those of all providers counted; what was skipped was not called."""
    return sum(not attempt.resumed and not attempt.skipped for attempt in stage.attempts)


def _fallen_back(stage: StageView) -> bool:
    """Whether it was done by a fallback, or one runs now."""
    return stage.degraded or bool(stage.attempts and stage.attempts[-1].fallback_position)


def _took(stage: StageView, now: datetime) -> str:
    if stage.attempts and all(attempt.resumed for attempt in stage.attempts):
        return "kept"
    if stage.started_at is None:
        return ""
    if stage.finished_at is not None:
        return fmt.short_duration((stage.finished_at - stage.started_at).total_seconds())
    if stage.state in {StageState.RUNNING, StageState.RETRYING}:
        return fmt.short_duration(int(max((now - stage.started_at).total_seconds(), 0)))
    return ""


def _bar(frame: Frame, stage: StageView, axis: Axis, width: int) -> list[tuple[str, str]]:
    """The calls as pieces of a bar; between two of them, the wait."""
    signs = frame.signs
    cells: list[tuple[str, str]] = [(" ", PLAIN)] * width
    calls = [attempt for attempt in stage.attempts if not attempt.resumed and not attempt.skipped]
    ended = [end for attempt in calls if (end := attempt_end(attempt)) is not None]
    if len(calls) > 1 or stage.state == StageState.RETRYING:
        last = frame.now if stage.state == StageState.RETRYING else max([*ended, calls[-1].started_at])
        for n in range(axis.column(calls[0].started_at, width), axis.column(last, width) + 1) if calls else ():
            cells[n] = (signs.dot, MUTED)
    for attempt in calls:
        paint_call(cells, frame, attempt, axis)
    return joined(cells)


def paint_call(cells: list[tuple[str, str]], frame: Frame, attempt: Attempt, axis: Axis) -> None:
    """A call onto ``cells``, which are the whole axis: from its beginning to its end or to now, coloured by its end."""
    signs = frame.signs
    first = axis.column(attempt.started_at, len(cells))
    to = axis.column(attempt_end(attempt) or max(frame.now, attempt.started_at), len(cells))
    match attempt.status:
        case AttemptStatus.FAILED:
            piece, style, tip = signs.bar_bad, BAD, signs.bad
        case AttemptStatus.COMPLETED:
            piece, style = signs.bar, WARN if attempt.fallback_position else OK
            tip = piece
        case AttemptStatus.STARTED:
            piece, style, tip = signs.bar, BUSY, signs.bar_head
    for n in range(first, to + 1):
        cells[n] = (piece, style)
    cells[to] = (tip, style)


def joined(cells: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Neighbouring cells of one style as one piece, so that a line has few spans."""
    pieces: list[tuple[str, str]] = []
    for text, style in cells:
        if pieces and pieces[-1][1] == style:
            pieces[-1] = (pieces[-1][0] + text, style)
        else:
            pieces.append((text, style))
    return pieces
