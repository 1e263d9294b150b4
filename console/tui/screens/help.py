"""The help, over whatever is shown."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen

from console.tui.draw.help import draw_help
from console.tui.screens.detail import TextView
from console.tui.signs import Signs

_WIDEST, _AROUND = 76, 8
"""The box's width in app.tcss, and what border, padding and scrollbar take of it."""


class HelpScreen(ModalScreen[None]):
    """Keys and signs; any of the usual keys closes it."""

    AUTO_FOCUS = "#help"
    BINDINGS = [  # noqa: RUF012 - Textual reads it from the class
        Binding("escape,q,question_mark,enter", "close", "Close", show=False)
    ]

    def __init__(self, signs: Signs) -> None:
        super().__init__()
        self._signs = signs

    def compose(self) -> ComposeResult:
        """One text that scrolls."""
        with Vertical(id="help-box") as box:
            box.border_title = "Help"
            box.border_subtitle = "esc closes"
            yield TextView(id="help")

    def on_mount(self) -> None:
        """Fill it."""
        self._fill()

    def on_resize(self) -> None:
        """Another width folds it anew."""
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        text = self.query_one(TextView)
        text.show_lines(draw_help(self._signs, min(self.size.width, _WIDEST) - _AROUND))

    def action_close(self) -> None:
        """Back."""
        self.dismiss()
