"""What stands on the screen as text that can be compared: the characters, and for each the letter of its style.

``async for name, seen in pictures(app, pilot)`` gives one for each size and theme, and
``assert seen == snapshot(name=name)`` (syrupy) holds it against the kept one. After a change that is meant:
``pytest tests/console --snapshot-update``, and look at the difference.
"""

from __future__ import annotations

import string
from collections.abc import AsyncIterator
from typing import Any

from rich.style import Style
from textual.app import App
from textual.pilot import Pilot

from console.tui.app import PredawnApp

SIZES = ((80, 24), (120, 40), (200, 60))
THEMES = ("dark", "light", "mono")
_LETTERS = "." + string.ascii_letters + string.digits


def picture(app: App[Any]) -> str:
    """The screen: its lines, then the same lines in letters of styles, then what the letters mean."""
    width, height = app.size
    strips = app.screen._compositor.render_strips()[:height]  # pyright: ignore[reportPrivateUsage] - no public way
    letters: dict[str, str] = {}
    lines: list[str] = []
    styles: list[str] = []
    for strip in strips:
        for one in app._filters:  # pyright: ignore[reportPrivateUsage] - what the terminal gets has gone through them
            if one.enabled:
                strip = strip.apply_filter(one, app.screen.background_colors[1])  # noqa: PLW2901
        lines.append("".join(segment.text for segment in strip).rstrip())
        row = ""
        for segment in strip:
            look = _look(segment.style)
            row += letters.setdefault(look, _LETTERS[len(letters)]) * segment.cell_length
        styles.append(row.rstrip("."))
    legend = [f"{letter} {look}" for look, letter in letters.items()]
    return "\n".join([f"{width}x{height} {app.theme}", *lines, "", *styles, "", *legend])


def _look(style: Style | None) -> str:
    return "none" if style is None else str(style.without_color + _colours(style))


def _colours(style: Style) -> Style:
    return Style(color=style.color, bgcolor=style.bgcolor)


async def pictures(app: PredawnApp, pilot: Pilot[None]) -> AsyncIterator[tuple[str, str]]:
    """What is on the screen now, at every size and in every theme: a name and the picture. The clock must stand."""
    for width, height in SIZES:
        await pilot.resize_terminal(width, height)
        for theme in THEMES:
            app.set_theme(theme)
            await pilot.pause()
            app.repaint()
            await pilot.pause()
            yield f"{width}x{height}-{theme}", picture(app)
