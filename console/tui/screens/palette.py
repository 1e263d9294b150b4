"""The palette: every command of the screen by name."""

from __future__ import annotations

from textual.content import Content
from textual.fuzzy import Matcher

from console.tui.actions import Action, actions_of
from console.tui.draw.base import MUTED, Frame, cut, fit, line
from console.tui.keys import all_labels
from console.tui.screens.finder import FinderScreen

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


class PaletteScreen(FinderScreen[Action, str]):
    """Answers the Textual action that was chosen.

    Args:
        scopes: of the screen below.
    """

    NAME = "Commands"
    HOW = "enter does it, esc closes"
    PLACEHOLDER = "a command"
    EMPTY = "no command has that name"

    def __init__(self, scopes: tuple[str, ...]) -> None:
        super().__init__()
        self._scopes = scopes

    def key(self, item: Action) -> str:
        """Its id."""
        return item.id

    def items(self, frame: Frame) -> tuple[Action, ...]:
        """What has that name, the best match first."""
        del frame
        return commands_of(self._scopes, self.text)

    def answer(self, chosen: Action | None) -> None:
        """Do the one under the cursor."""
        self.dismiss(chosen.action if chosen is not None else None)

    def draw(self, frame: Frame, item: Action, selected: bool) -> Content:  # noqa: FBT001 - called by position
        """Name, keys, and what it does."""
        head = line(
            f"{frame.signs.cursor if selected else ' '} ",
            (fit(item.label.capitalize(), _LABEL, frame.signs), "bold"),
            (fit(all_labels(frame.keymap.key(item)), _KEYS, frame.signs), "bold $key"),
            (item.description, MUTED),
        )
        return cut(head, frame.width, frame.signs)
