"""The palette: every command of the screen by name."""

from __future__ import annotations

from typing import cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.fuzzy import Matcher
from textual.widgets import Input

from console.tui.actions import Action, actions_of
from console.tui.draw.base import MUTED, Frame, cut, fit, line
from console.tui.keys import all_labels
from console.tui.screens.base import Dialog
from console.tui.widgets.rows import RowList

_LEFT_OUT = {"app.palette", "app.back"}
_LABEL, _KEYS = 13, 9


def commands_of(scopes: tuple[str, ...], text: str) -> tuple[Action, ...]:
    """What the palette offers on a screen for a typed text: the best match first. Pure."""
    offered = [
        action
        for action in (*actions_of(*scopes), *actions_of("everywhere"))
        if action.scope not in {"list", "text"} or action.footer
        if action.id not in _LEFT_OUT
    ]
    if not text.strip():
        return tuple(offered)
    matcher = Matcher(text)
    scored = [(matcher.match(f"{action.label} {action.description} {action.id}"), action) for action in offered]
    return tuple(action for score, action in sorted(scored, key=lambda pair: -pair[0]) if score > 0)


class PaletteScreen(Dialog[str]):
    """Answers the Textual action that was chosen.

    Args:
        scopes: of the screen below.
    """

    BOX = "palette-box"
    AUTO_FOCUS = "#palette-text"
    BINDINGS = [  # noqa: RUF012 - Textual reads it from the class
        Binding("escape,ctrl+p", "close", "Close", show=False),
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("pagedown", "leaf(1)", show=False),
        Binding("pageup", "leaf(-1)", show=False),
    ]

    def __init__(self, scopes: tuple[str, ...]) -> None:
        super().__init__()
        self._scopes = scopes
        self._text = ""

    def box(self) -> ComposeResult:
        """Where to type, and what is found."""
        text = Input(placeholder="a command", id="palette-text", compact=True, select_on_focus=False)
        text.cursor_blink = False
        yield text
        yield RowList[Action](key=_id, draw=_draw, empty=line(("no command has that name", MUTED)), id="found")

    def on_mount(self) -> None:
        """Name the box."""
        box = self.query_one(f"#{self.BOX}")
        box.border_title = "Commands"
        box.border_subtitle = "enter does it, esc closes"
        super().on_mount()

    @property
    def found(self) -> RowList[Action]:
        """The list."""
        return cast("RowList[Action]", self.query_one("#found"))

    def paint(self, frame: Frame) -> None:
        """The header and the list."""
        super().paint(frame)
        self.found.paint(frame, commands_of(self._scopes, self._text))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another text finds others; the cursor goes to the best."""
        self._text = event.value
        self.catch_up()
        self.found.action_edge(-1)

    def on_input_submitted(self) -> None:
        """Do the one under the cursor."""
        chosen = self.found.selected
        self.dismiss(chosen.action if chosen is not None else None)

    def on_row_list_opened(self) -> None:
        """A second click does it."""
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


def _id(action: Action) -> str:
    return action.id


def _draw(frame: Frame, action: Action, selected: bool) -> Content:  # noqa: FBT001 - called by position from the list
    head = line(
        f"{frame.signs.cursor if selected else ' '} ",
        (fit(action.label.capitalize(), _LABEL, frame.signs), "bold"),
        (fit(all_labels(frame.keymap.key(action)), _KEYS, frame.signs), "bold $key"),
        (action.description, MUTED),
    )
    return cut(head, frame.width, frame.signs)
