"""Where to in the past: a time that is typed, or a moment worth a look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Input

from console.moments import MomentError, parse_moment
from console.text import has_words
from console.tui.draw.base import MUTED, Frame, line
from console.tui.draw.past import draw_mark
from console.tui.screens.base import Dialog
from console.tui.widgets.rows import RowList
from scheduler.domain.recording import Mark


class MomentsScreen(Dialog[datetime]):
    """Answers the moment that was chosen.

    Args:
        marks: the moments offered, newest first.
    """

    BOX = "palette-box"
    AUTO_FOCUS = "#palette-text"
    BINDINGS = [  # noqa: RUF012 - Textual reads it from the class
        Binding("escape", "close", "Close", show=False),
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("pagedown", "leaf(1)", show=False),
        Binding("pageup", "leaf(-1)", show=False),
    ]

    def __init__(self, marks: Sequence[Mark]) -> None:
        super().__init__()
        self._marks = tuple(marks)
        self._text = ""

    def box(self) -> ComposeResult:
        """Where to type, and what there is."""
        text = Input(placeholder="03:12, yesterday 23:50, -2h; or a word", id="palette-text", compact=True)
        text.cursor_blink = False
        yield text
        yield RowList[Mark](key=_key, draw=_draw, empty=line(("enter goes to that time", MUTED)), id="found")

    def on_mount(self) -> None:
        """Name the box."""
        box = self.query_one(f"#{self.BOX}")
        box.border_title = "Look back"
        box.border_subtitle = "enter goes there, esc closes"
        super().on_mount()

    @property
    def found(self) -> RowList[Mark]:
        """The list."""
        return cast("RowList[Mark]", self.query_one("#found"))

    def paint(self, frame: Frame) -> None:
        """The header and the list."""
        super().paint(frame)
        if self._typed(frame) is not None:
            self.found.paint(frame, ())
        else:
            self.found.paint(
                frame, [mark for mark in self._marks if has_words((mark.text, mark.kind.value), self._text)]
            )

    def _typed(self, frame: Frame) -> datetime | None:
        try:
            return parse_moment(self._text, now=frame.present, zone=ZoneInfo(frame.view.timezone))
        except MomentError:
            return None

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another text finds others."""
        self._text = event.value
        self.catch_up()

    def on_input_submitted(self) -> None:
        """The time that was typed, else the one under the cursor."""
        typed, chosen = self._typed(self.host.frame()), self.found.selected
        if typed is not None or chosen is not None:
            self.dismiss(typed or (chosen.at if chosen is not None else None))

    def on_row_list_opened(self) -> None:
        """A second click chooses it."""
        self.on_input_submitted()

    def action_move(self, step: int) -> None:
        """Move in the list."""
        self.found.action_cursor(step)

    def action_leaf(self, step: int) -> None:
        """Move by pages."""
        self.found.action_page(step)

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)


def _key(mark: Mark) -> str:
    return f"{mark.at.isoformat()} {mark.kind} {mark.subject} {mark.text}"


def _draw(frame: Frame, mark: Mark, selected: bool) -> Content:  # noqa: FBT001 - called by position from the list
    return draw_mark(frame, mark, selected=selected)
