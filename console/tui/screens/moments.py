"""Where to in the past: a time that is typed, or a moment worth a look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from textual.content import Content

from console.moments import MomentError, parse_moment
from console.text import has_words
from console.tui.draw.base import Frame
from console.tui.draw.past import draw_mark
from console.tui.screens.finder import FinderScreen
from scheduler.domain.recording import Mark


class MomentsScreen(FinderScreen[Mark, datetime]):
    """Answers the moment that was chosen.

    Args:
        marks: the moments offered, newest first.
    """

    NAME = "Look back"
    HOW = "enter goes there, esc closes"
    PLACEHOLDER = "03:12, yesterday 23:50, -2h; or a word"
    EMPTY = "enter goes to that time"

    def __init__(self, marks: Sequence[Mark]) -> None:
        super().__init__()
        self._marks = tuple(marks)

    def key(self, item: Mark) -> str:
        """When and what."""
        return f"{item.at.isoformat()} {item.kind} {item.subject} {item.text}"

    def items(self, frame: Frame) -> list[Mark]:
        """None where a time is typed, else those with the words."""
        if self._typed(frame) is not None:
            return []
        return [mark for mark in self._marks if has_words((mark.text, mark.kind.value), self.text)]

    def answer(self, chosen: Mark | None) -> None:
        """The time that was typed, else the one under the cursor."""
        at = self._typed(self.host.frame()) or (chosen.at if chosen is not None else None)
        if at is not None:
            self.dismiss(at)

    def draw(self, frame: Frame, item: Mark, selected: bool) -> Content:  # noqa: FBT001 - called by position
        """One moment."""
        return draw_mark(frame, item, selected=selected)

    def _typed(self, frame: Frame) -> datetime | None:
        try:
            return parse_moment(self.text, now=frame.present, zone=ZoneInfo(frame.view.timezone))
        except MomentError:
            return None
