"""A dialog with a line to type in and a list of what is found: the palette, and where to in the past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Input

from console.tui.draw.base import MUTED, Frame, line
from console.tui.screens.base import Dialog
from console.tui.widgets.rows import RowList

Item = TypeVar("Item")
R = TypeVar("R")


class FinderScreen(Dialog[R], Generic[Item, R]):
    """Typing narrows the list; enter answers with the row under the cursor, or with what was typed.

    Attributes:
        NAME: in the box's border.
        HOW: at its lower edge.
        PLACEHOLDER: what may be typed.
        EMPTY: what stands there when nothing is found.
    """

    NAME: ClassVar[str] = ""
    HOW: ClassVar[str] = ""
    PLACEHOLDER: ClassVar[str] = ""
    EMPTY: ClassVar[str] = ""
    BOX = "palette-box"
    AUTO_FOCUS = "#palette-text"
    BINDINGS = [  # noqa: RUF012 - Textual reads it from the class
        Binding("escape,ctrl+p", "close", "Close", show=False),
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("pagedown", "leaf(1)", show=False),
        Binding("pageup", "leaf(-1)", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def key(self, item: Item) -> str:
        """What a row is known by."""
        raise NotImplementedError

    def draw(self, frame: Frame, item: Item, selected: bool) -> Content:  # noqa: FBT001 - called by position from the list
        """One row."""
        raise NotImplementedError

    def items(self, frame: Frame) -> Sequence[Item]:
        """What is found for ``text``."""
        raise NotImplementedError

    def answer(self, chosen: Item | None) -> None:
        """Enter, with the row under the cursor: dismiss with the answer."""
        raise NotImplementedError

    def box(self) -> ComposeResult:
        """Where to type, and what is found."""
        text = Input(placeholder=self.PLACEHOLDER, id="palette-text", compact=True, select_on_focus=False)
        text.cursor_blink = False
        yield text
        yield RowList[Item](key=self.key, draw=self.draw, empty=line((self.EMPTY, MUTED)), id="found")

    def on_mount(self) -> None:
        """Name the box."""
        box = self.query_one(f"#{self.BOX}")
        box.border_title, box.border_subtitle = self.NAME, self.HOW
        super().on_mount()

    @property
    def found(self) -> RowList[Item]:
        """The list."""
        return cast("RowList[Item]", self.query_one("#found"))

    def paint(self, frame: Frame) -> None:
        """The header and the list."""
        super().paint(frame)
        self.found.paint(frame, self.items(frame))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another text finds others; the cursor goes to the best."""
        self.text = event.value
        self.catch_up()
        self.found.action_edge(-1)

    def on_input_submitted(self) -> None:
        """Enter."""
        self.answer(self.found.selected)

    def on_row_list_opened(self) -> None:
        """A second click chooses it."""
        self.answer(self.found.selected)

    def action_move(self, step: int) -> None:
        """Move in the list."""
        self.found.action_cursor(step)

    def action_leaf(self, step: int) -> None:
        """Move by pages."""
        self.found.action_page(step)

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)
