"""The queue's depth: how many jobs are in which state, and how many were queued over the last hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from textual.content import Content

from console import format as fmt
from console.tui.draw.base import BAD, BUSY, MUTED, OK, PLAIN, STRONG, WARN, Frame, cut, line
from console.tui.draw.stages import joined
from console.tui.signs import Signs
from scheduler.domain.job import JobStatus
from scheduler.domain.recording import DepthHistory

CHART_COLUMNS, CHART_ROWS = 130, 40
"""Terminals at least this large show the depth as a chart; smaller ones as a sparkline beside the counts."""
CHART_LINES = 4
"""Lines of the chart; the alert's line is one of them."""
_LEAST_SPARK, _MOST_SPARK = 8, 40
_STYLES = {
    JobStatus.QUEUED: PLAIN,
    JobStatus.PROCESSING: BUSY,
    JobStatus.FAILED: BAD,
    JobStatus.COMPLETED: OK,
    JobStatus.CANCELLED: MUTED,
}


def draw_depth(frame: Frame, history: DepthHistory | None) -> list[Content]:
    """The counts on one line, with a sparkline of what was queued; on a large terminal a chart below instead."""
    snapshot = frame.view.snapshot
    if snapshot is None:
        return []
    points = () if history is None else _with_now(history, snapshot.depth.of(JobStatus.QUEUED))
    if history is None or all(point is None for point in points):
        return [cut(line(*_counts(frame)), frame.width, frame.signs)]
    if frame.columns >= CHART_COLUMNS and frame.rows >= CHART_ROWS:
        return [cut(line(*_counts(frame)), frame.width, frame.signs), *_chart(frame, history, points)]
    return [_with_spark(frame, history, points)]


def _with_now(history: DepthHistory, queued: int) -> tuple[int | None, ...]:
    """The last step is now: it is known better than it was when the history was read."""
    return (*history.queued[:-1], max(queued, history.queued[-1] or 0))


def _counts(frame: Frame) -> list[tuple[str, str]]:
    """How many jobs are in which state, and how long the oldest has waited: the queued ones in the first piece."""
    snapshot = frame.view.snapshot
    if snapshot is None:
        return []
    depth = snapshot.depth
    parts: list[tuple[str, str]] = []
    for status, style in _STYLES.items():
        number = depth.of(status)
        parts += [(f"{number:,}", f"bold {style}".strip() if number else MUTED), (f" {status.value}", MUTED)]
        if status is JobStatus.QUEUED and number and depth.oldest_queued_age_s is not None:
            waited = depth.oldest_queued_age_s + max((frame.now - snapshot.taken_at).total_seconds(), 0)
            parts += [(", oldest ", MUTED), (fmt.coarse_duration(waited), STRONG)]
        parts.append(("   ", PLAIN))
    return parts


def _with_spark(frame: Frame, history: DepthHistory, points: Sequence[int | None]) -> Content:
    """Counts and sparkline on one line; where it is narrow, what has ended is left out first."""
    counts = _counts(frame)
    limit = f" alert >{history.alert_above:,}"
    span = f"{fmt.short_duration(history.step_s * len(points))} "
    ended = (JobStatus.COMPLETED, JobStatus.CANCELLED)
    for left_out in ((), ended[1:], ended, (*ended, JobStatus.PROCESSING)):
        shown = _without(counts, left_out)
        room = frame.width - line(*shown).cell_length - len(limit) - len(span)
        if room >= _LEAST_SPARK:
            break
    else:
        return cut(line(*counts), frame.width, frame.signs)
    width = min(room, _MOST_SPARK)
    spark = depth_spark(points, width, history.alert_above, frame.signs)
    return line(*shown, (span, MUTED), *joined(spark), (limit, MUTED))


def _without(counts: Sequence[tuple[str, str]], states: Sequence[JobStatus]) -> list[tuple[str, str]]:
    words = {f" {state.value}" for state in states}
    out = {n for n, (text, _) in enumerate(counts) if text in words}
    return [piece for n, piece in enumerate(counts) if not {n, n + 1, n - 1} & out]


def depth_spark(points: Sequence[int | None], width: int, limit: int, signs: Signs) -> list[tuple[str, str]]:
    """What was queued as a line of blocks: only what is above the alert's line fills its cell. Pure.

    Args:
        points: oldest first; None: not known.
        width: cells at most; of the points that share a cell the greatest is shown.
        limit: the alert's line.
        signs: the set to draw with.
    """
    low = len(signs.spark) - 2
    pieces: list[tuple[str, str]] = []
    for value in squeeze(points, width):
        if value is None:
            pieces.append((" ", PLAIN))
        elif value > limit:
            pieces.append((signs.spark[-1], BAD))
        else:
            style = WARN if value * 2 > limit else MUTED
            pieces.append((signs.spark[min(-(-value * low // max(limit, 1)), low)], style))
    return pieces


def squeeze(points: Sequence[int | None], width: int) -> list[int | None]:
    """At most ``width`` values, each the greatest of those it stands for. Pure."""
    if len(points) <= width:
        return list(points)
    found: list[int | None] = []
    for n in range(width):
        group = [one for one in points[n * len(points) // width : (n + 1) * len(points) // width] if one is not None]
        found.append(max(group) if group else None)
    return found


def _chart(frame: Frame, history: DepthHistory, points: Sequence[int | None]) -> list[Content]:
    """Columns over time with the alert's line through them, and the times below."""
    signs, limit = frame.signs, history.alert_above
    label = f" alert >{limit:,}"
    width = max(frame.width - len(label), _LEAST_SPARK)
    shown = squeeze(points, width)
    above = max([value for value in shown if value is not None and value > limit], default=limit + 1)
    lines = [_above(shown, limit, above, signs)]
    rule = signs.line
    cut_through = "".join(signs.spark[-1] if (value or 0) > limit else rule for value in shown)
    lines.append(line((cut_through + label, BAD)))
    lines += [_below(shown, limit, CHART_LINES - 2 - row, signs) for row in range(CHART_LINES - 2)]
    start = history.until - timedelta(seconds=history.step_s * len(points))
    zone = frame.view.timezone
    left, right = fmt.clock_time(start, zone), "now" if frame.past is None else fmt.clock_time(history.until, zone)
    lines.append(line((left + " " * max(len(shown) - len(left) - len(right), 1) + right, MUTED)))
    return [cut(one, frame.width, signs) for one in lines]


def _above(shown: Sequence[int | None], limit: int, top: int, signs: Signs) -> Content:
    """How far each is above the alert's line."""
    steps = len(signs.spark) - 1
    pieces = [
        (signs.spark[max(round((value - limit) / (top - limit) * steps), 1)], BAD)
        if value is not None and value > limit
        else (" ", PLAIN)
        for value in shown
    ]
    return line(*joined(pieces))


def _below(shown: Sequence[int | None], limit: int, row: int, signs: Signs) -> Content:
    """One line of the columns up to the alert's line; ``row`` counts from the bottom, which is 1."""
    steps, rows = len(signs.spark) - 1, CHART_LINES - 2
    pieces: list[tuple[str, str]] = []
    for value in shown:
        height = 0.0 if value is None else min(value / max(limit, 1), 1.0) * rows
        part = min(max(height - (row - 1), 0.0), 1.0)
        style = BAD if (value or 0) > limit else MUTED
        if part <= 0:
            pieces.append((signs.spark[0] if value is not None and row == 1 else " ", MUTED))
        else:
            pieces.append((signs.spark[max(round(part * steps), 1)], style))
    return line(*joined(pieces))
