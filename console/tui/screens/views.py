"""Kept filters: choose one, keep the one that is shown, take one away."""

from __future__ import annotations

from typing import cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Input

from console.tui.draw.base import BAD, MUTED, Frame, cut, fit, foreign, line
from console.tui.savedviews import SavedView, SavedViews
from console.tui.screens.base import Dialog
from console.tui.widgets.panel import Panel
from console.tui.widgets.rows import RowList

_NAME = 22


class ViewsScreen(Dialog[str]):
    """Answers the filter that was chosen.

    Args:
        views: the kept filters.
        shown: the filter that is shown now.
    """

    BOX = "palette-box"
    AUTO_FOCUS = "#found"
    BINDINGS = [  # noqa: RUF012 - Textual reads it from the class
        Binding("escape,v,q", "close", "Close", show=False),
        Binding("s", "keep", "Keep", show=False),
        Binding("d,delete", "drop", "Take away", show=False),
    ]

    def __init__(self, views: SavedViews, shown: str) -> None:
        super().__init__()
        self._views = views
        self._shown = shown
        self._said = ""

    def box(self) -> ComposeResult:
        """The list, and a line for a name."""
        yield RowList[SavedView](key=_name, draw=_draw, empty=line(("no view", MUTED)), id="found")
        name = Input(id="view-name", compact=True, select_on_focus=False, placeholder="a name for the shown filter")
        name.cursor_blink = False
        name.display = False
        yield name
        yield Panel(self._draw_foot, id="view-foot")

    def on_mount(self) -> None:
        """Name the box."""
        box = self.query_one(f"#{self.BOX}")
        box.border_title = "Views"
        box.border_subtitle = "esc closes"
        super().on_mount()

    @property
    def found(self) -> RowList[SavedView]:
        """The list."""
        return cast("RowList[SavedView]", self.query_one("#found"))

    def paint(self, frame: Frame) -> None:
        """The header and the list."""
        super().paint(frame)
        self.found.paint(frame, self._views.views())

    def _draw_foot(self, frame: Frame) -> list[Content]:
        if self._said:
            return [cut(line((self._said, BAD)), frame.width, frame.signs)]
        shown = foreign(self._shown, frame.signs) or "no filter"
        return [cut(line(("enter shows it  s keeps the shown one (", MUTED), shown, (")  d takes yours away", MUTED)),
                    frame.width, frame.signs)]  # fmt: skip

    def on_row_list_opened(self) -> None:
        """Enter or a second click."""
        chosen = self.found.selected
        self.dismiss(chosen.filter if chosen is not None else None)

    def action_keep(self) -> None:
        """Ask for a name."""
        name = self.query_one("#view-name", Input)
        name.display = True
        name.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep it under this name."""
        try:
            self._views.keep(event.value, self._shown)
        except (OSError, ValueError) as error:
            self._said = str(error)
        else:
            self._said = ""
            event.input.display = False
            event.input.value = ""
            self.found.focus()
        self.catch_up()

    def action_drop(self) -> None:
        """Take the one under the cursor away, if it is the reader's."""
        chosen = self.found.selected
        if chosen is None or not chosen.own:
            self._said = "only views that you have kept can be taken away"
        else:
            try:
                self._views.drop(chosen.name)
                self._said = ""
            except OSError as error:
                self._said = str(error)
        self.catch_up()

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)


def _name(view: SavedView) -> str:
    return view.name


def _draw(frame: Frame, view: SavedView, selected: bool) -> Content:  # noqa: FBT001 - called by position from the list
    signs = frame.signs
    row = line(
        f"{signs.cursor if selected else ' '} ",
        (fit(foreign(view.name, signs), _NAME, signs), "bold"),
        (foreign(view.filter, signs) or "every job", ""),
        ("  yours" if view.own else "", MUTED),
    )
    return cut(row, frame.width, signs)
