"""How the console looks on this terminal: its theme, its signs, and colours taken out where none are wanted."""

from __future__ import annotations

import os
import sys
from typing import Any

from textual.app import App
from textual.filter import Monochrome, NoColor

from console.tui.signs import Signs, choose_signs
from console.tui.themes import MONO, THEMES, MonoFilter, choose_theme
from console.tui.view import ConsoleOptions


class Appearance:
    """Theme and signs of an app.

    Args:
        app: whose; its own filters for terminals without colour give way to ours.
        settings: theme and signs that are wished for.
    """

    def __init__(self, app: App[Any], settings: ConsoleOptions) -> None:
        self._app = app
        term, no_color = os.environ.get("TERM", ""), bool(os.environ.get("NO_COLOR"))
        encoding = getattr(sys.__stderr__, "encoding", None) or "utf-8"
        self.signs: Signs = choose_signs(ascii_only=settings.ascii, encoding=encoding, term=term)
        for theme in THEMES.values():
            app.register_theme(theme)
        self._mono = MonoFilter(enabled=False)
        kept = [one for one in app._filters if not isinstance(one, Monochrome | NoColor)]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - no public way
        app._filters = [*kept, self._mono]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the same
        app.no_color = False  # the mono theme does it
        self.show(choose_theme(settings.theme, no_color=no_color, term=term, colorterm=os.environ.get("COLORTERM", "")))

    def show(self, name: str) -> None:
        """Show this theme."""
        self._mono.enabled = name == MONO.name
        self._app.theme = name

    def following(self) -> str:
        """The name of the theme after this one in the table."""
        names = list(THEMES)
        return names[(names.index(self._app.theme) + 1) % len(names)]
