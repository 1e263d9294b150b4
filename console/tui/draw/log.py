"""The log of renders: one line a call of a provider, over all jobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textual.content import Content

from console import format as fmt
from console.text import has_words
from console.tui.draw.base import BAD, MUTED, STRONG, WARN, Frame, cut, fit, fold, foreign, line
from console.tui.draw.words import attempt_word
from console.tui.signs import Signs
from scheduler.domain.render import Attempt, AttemptStatus

_JOB_FROM, _LEAST_MESSAGE = 70, 20
_LONGEST_MESSAGE = 4_000
_REST = 13
"""Cells before the second row of a wrapped message."""


@dataclass(frozen=True, slots=True)
class LogRow:
    """A line of the log: a call, or (``part`` above 0) the rest of its message."""

    attempt: Attempt
    part: int = 0
    text: str = ""

    @property
    def key(self) -> str:
        """Stays the same while rows come and go."""
        return f"{self.attempt.id}/{self.part}"


def message_of(attempt: Attempt, signs: Signs) -> str:
    """What went wrong, in one harmless line; empty when nothing did."""
    if attempt.error_message is None and attempt.error_class is None:
        return ""
    kind = attempt.error_class.value if attempt.error_class is not None else ""
    return f"{kind}: {foreign(attempt.error_message, signs, _LONGEST_MESSAGE)}".removeprefix(": ")


def matches(attempt: Attempt, text: str) -> bool:
    """Whether all words of ``text`` occur in the call, in any order, upper or lower case; ``-word`` must not. Pure."""
    kind = attempt.error_class.value if attempt.error_class else ""
    fallback = "fallback" if attempt.fallback_position else ""
    said = (
        attempt.job_id,
        attempt.render_id,
        attempt.stage.value,
        attempt.provider,
        attempt.status.value,
        kind,
        attempt.error_message or "",
        fallback,
        "resumed kept" if attempt.resumed else "",
        "skipped" * attempt.skipped,
        "stopped" * attempt.stopped,
    )
    return has_words(said, text)


def rows_of(attempts: Sequence[Attempt], *, text: str, wrap: bool, width: int, signs: Signs) -> list[LogRow]:
    """The rows of these calls: those that match, with long messages on several rows when wrapped. Pure."""
    rows: list[LogRow] = []
    room = max(width - _indent(width), _LEAST_MESSAGE)
    for attempt in attempts:
        if text and not matches(attempt, text):
            continue
        message = message_of(attempt, signs)
        pieces = list(_pieces(message, room, width - _REST)) if wrap and message else [message]
        rows += [LogRow(attempt, part, piece) for part, piece in enumerate(pieces)]
    return rows


def _pieces(message: str, first_room: int, room: int) -> Iterator[str]:
    """The start of a message behind its call, the rest below it over nearly the whole width."""
    first = next(iter(fold(message, first_room)))
    yield first
    if rest := message[len(first) :]:
        yield from fold(rest, max(room, _LEAST_MESSAGE))


def _indent(width: int) -> int:
    return 59 if width >= _JOB_FROM else 49


def draw_log_row(frame: Frame, row: LogRow, *, selected: bool) -> Content:
    """One row: when, which job, which stage and provider, how it went."""
    signs, attempt = frame.signs, row.attempt
    cursor = (f"{signs.cursor if selected else ' '} ", STRONG)
    if row.part:
        return cut(line(cursor, " " * (_REST - 2), (row.text, _message_style(attempt))), frame.width, signs)
    word = attempt_word(attempt, signs)
    took = "" if attempt.duration_ms is None else fmt.short_duration(attempt.duration_ms / 1000)
    if attempt.status is AttemptStatus.STARTED:
        took = fmt.short_duration(max(int((frame.now - attempt.started_at).total_seconds()), 0))
    provider = f"{signs.fallback} " if attempt.fallback_position else ""
    provider += foreign(attempt.provider, signs)
    parts: list[tuple[str, str] | str | Content] = [
        cursor,
        (fmt.clock_time(attempt.started_at, frame.view.timezone, seconds=True) + " ", MUTED),
    ]
    if frame.width >= _JOB_FROM:
        parts.append((fit(fmt.short_id(attempt.job_id), 10, signs), MUTED))
    parts += [
        (fit(attempt.stage.value, 11, signs), STRONG),
        (f"{word.sign} ", word.style),
        (fit(took, 6, signs, right=True) + " ", MUTED),
        (fit(provider, 17, signs) + " ", WARN if attempt.fallback_position else ""),
        (row.text, _message_style(attempt)),
    ]
    return cut(line(*parts), frame.width, signs)


def _message_style(attempt: Attempt) -> str:
    return MUTED if attempt.skipped or attempt.stopped else BAD
