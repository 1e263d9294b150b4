"""The help, over whatever is shown."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding

from console.tui.draw.base import Frame
from console.tui.draw.help import draw_help
from console.tui.screens.base import Dialog, Once
from console.tui.widgets.text import TextView

_WIDEST, _AROUND = 76, 8
"""The box's width in app.tcss, and what border, padding and scrollbar take of it."""


class HelpScreen(Dialog[None]):
    """Keys and signs; any of the usual keys closes it."""

    BOX = "help-box"
    AUTO_FOCUS = "#help"
    BINDINGS = [  # noqa: RUF012 - Textual reads it from the class
        Binding("escape,q,question_mark,enter", "close", "Close", show=False)
    ]

    def __init__(self) -> None:
        super().__init__()
        self._drawn = Once()

    def box(self) -> ComposeResult:
        """One text that scrolls."""
        yield TextView(id="help")

    def on_mount(self) -> None:
        """Name the box."""
        box = self.query_one(f"#{self.BOX}")
        box.border_title = "Help"
        box.border_subtitle = "esc closes"
        super().on_mount()

    def paint(self, frame: Frame) -> None:
        """The header, and the text where the width has changed."""
        super().paint(frame)
        width = min(frame.columns, _WIDEST) - _AROUND
        if self._drawn(width):
            self.query_one(TextView).show_lines(draw_help(frame, width))

    def action_close(self) -> None:
        """Back."""
        self.dismiss()
