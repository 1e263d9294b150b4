"""The themes: dark, light, high contrast, 16 colours, mono. Signs and words carry the meaning in each of them."""

from __future__ import annotations

from collections.abc import Mapping

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import Theme

AUTO = "auto"


def _theme(name: str, colours: Mapping[str, str], *, dark: bool = True, ansi: bool = False) -> Theme:
    return Theme(
        name=name,
        dark=dark,
        ansi=ansi,
        primary=colours["primary"],
        secondary=colours["secondary"],
        accent=colours["accent"],
        foreground=colours["foreground"],
        background=colours["background"],
        surface=colours["surface"],
        panel=colours["panel"],
        success=colours["success"],
        warning=colours["warning"],
        error=colours["error"],
        variables={key: colours[key] for key in _OWN} | (_ANSI_EXTRA if ansi else {}),
    )


_OWN = (
    "muted", "rule", "heading", "key", "tab", "tab-text", "plate-text", "plate-ok", "plate-warn", "plate-bad",
    "plate-idle", "row-cursor", "row-focus",
)  # fmt: skip
_ANSI_EXTRA = {
    "ansi-background": "ansi_black",
    "ansi-foreground": "ansi_white",
    "border": "ansi_default",
    "border-blurred": "ansi_default",
    "block-cursor-foreground": "ansi_black",
    "block-cursor-background": "ansi_white",
    "input-cursor-background": "ansi_white",
    "input-cursor-foreground": "ansi_black",
    "input-cursor-text-style": "none",
    "input-selection-background": "ansi_white",
    "input-selection-foreground": "ansi_black",
    "screen-selection-background": "ansi_white",
    "screen-selection-foreground": "ansi_black",
}

DARK = _theme(
    "dark",
    {
        "primary": "#6ea8fe", "secondary": "#8891a8", "accent": "#6ec6ff", "foreground": "#d7dce8",
        "background": "#10131c", "surface": "#171b27", "panel": "#1d2230", "success": "#5fd38d", "warning": "#f2c14e",
        "error": "#ff6b6b", "muted": "#8891a8", "rule": "#333b52", "heading": "#a9c7ff", "key": "#a9c7ff",
        "tab": "#a9c7ff", "tab-text": "#10131c", "plate-text": "#0c0f16", "plate-ok": "#5fd38d",
        "plate-warn": "#f2c14e", "plate-bad": "#ff6b6b", "plate-idle": "#8891a8", "row-cursor": "#1d2230",
        "row-focus": "#2a3350",
    },
)  # fmt: skip
"""Dark and quiet: colour stands where something is to be seen."""

LIGHT = _theme(
    "light",
    {
        "primary": "#1f5fbf", "secondary": "#5b6475", "accent": "#0b63a8", "foreground": "#1b2130",
        "background": "#fbfaf6", "surface": "#f0eee7", "panel": "#e7e4da", "success": "#13713f", "warning": "#8a5a00",
        "error": "#b3261e", "muted": "#5b6475", "rule": "#c9c5b8", "heading": "#1f4f9e", "key": "#1f4f9e",
        "tab": "#1f4f9e", "tab-text": "#ffffff", "plate-text": "#ffffff", "plate-ok": "#13713f",
        "plate-warn": "#8a5a00", "plate-bad": "#b3261e", "plate-idle": "#5b6475", "row-cursor": "#ece9df",
        "row-focus": "#d5e2f7",
    },
    dark=False,
)  # fmt: skip
"""For a bright room."""

CONTRAST = _theme(
    "contrast",
    {
        "primary": "#ffffff", "secondary": "#ffffff", "accent": "#00e5ff", "foreground": "#ffffff",
        "background": "#000000", "surface": "#000000", "panel": "#1a1a1a", "success": "#00ff66", "warning": "#ffe000",
        "error": "#ff7070", "muted": "#d0d0d0", "rule": "#9a9a9a", "heading": "#ffff66", "key": "#ffff66",
        "tab": "#ffffff", "tab-text": "#000000", "plate-text": "#000000", "plate-ok": "#00ff66",
        "plate-warn": "#ffe000", "plate-bad": "#ff7070", "plate-idle": "#ffffff", "row-cursor": "#303030",
        "row-focus": "#0000a8",
    },
)  # fmt: skip
"""White on black, at least 7 to 1."""

SIXTEEN = _theme(
    "16",
    {
        "primary": "ansi_bright_blue", "secondary": "ansi_white", "accent": "ansi_bright_cyan",
        "foreground": "ansi_default", "background": "ansi_default", "surface": "ansi_default", "panel": "ansi_default",
        "success": "ansi_green", "warning": "ansi_yellow", "error": "ansi_bright_red", "muted": "ansi_default",
        "rule": "ansi_blue", "heading": "ansi_cyan", "key": "ansi_cyan", "tab": "ansi_cyan", "tab-text": "ansi_black",
        "plate-text": "ansi_black", "plate-ok": "ansi_green", "plate-warn": "ansi_yellow", "plate-bad": "ansi_red",
        "plate-idle": "ansi_white", "row-cursor": "ansi_black", "row-focus": "ansi_blue",
    },
    ansi=True,
)  # fmt: skip
"""The terminal's own 16 colours: for ``TERM=linux`` and for palettes that somebody has chosen."""

MONO = _theme(
    "mono",
    dict.fromkeys((*_OWN, "primary", "secondary", "accent", "foreground", "background", "surface", "panel", "success",
                   "warning", "error"), "ansi_default")
    | {"muted": "ansi_bright_black", "rule": "ansi_bright_black"}
    | dict.fromkeys(("tab", "plate-ok", "plate-warn", "plate-bad", "plate-idle", "row-focus"), "ansi_white"),
    ansi=True,
)  # fmt: skip
"""No colour at all: bold, dim and reversed. ``MonoFilter`` makes it so."""

THEMES: Mapping[str, Theme] = {theme.name: theme for theme in (DARK, LIGHT, CONTRAST, SIXTEEN, MONO)}
"""By name, in the order in which the key goes through them."""


def choose_theme(setting: str, *, no_color: bool, term: str, colorterm: str = "") -> str:
    """The theme to start with.

    Args:
        setting: a theme's name, or ``auto``.
        no_color: ``NO_COLOR`` is set to anything: it stands above the setting.
        term: ``TERM``; the Linux console has 16 colours.
        colorterm: ``COLORTERM``; it promises more than some ``TERM`` does.
    """
    if no_color or term in {"dumb", "vt100", "vt220"}:
        return MONO.name
    if setting in THEMES:
        return setting
    if colorterm in {"truecolor", "24bit"} and term != "linux":
        return DARK.name
    return SIXTEEN.name if term in {"linux", "xterm", "ansi", "screen", "cygwin"} else DARK.name


class MonoFilter(LineFilter):
    """Takes every colour out of what is sent; a coloured background becomes reversed, a dark grey text dim."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - Textual's signature
        """The same cells without colours."""
        return [
            Segment(text, None if style is None else _attributes(style), control) for text, style, control in segments
        ]


_DIM = 8


def _attributes(style: Style) -> Style:
    stands_out = style.bgcolor is not None and not style.bgcolor.is_default
    dim = style.color is not None and style.color.number == _DIM
    reverse = bool(style.reverse) != stands_out
    return Style(
        bold=style.bold or None,
        dim=(dim and not reverse) or None,
        italic=style.italic or None,
        underline=style.underline or None,
        strike=style.strike or None,
        reverse=reverse or None,
        meta=style.meta,
    )
