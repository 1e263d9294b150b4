"""The help, made from the table of keys."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content

from console.tui.actions import HEADINGS, actions_of
from console.tui.draw.base import MUTED, PLAIN, STRONG, Frame, fit, fold, line
from console.tui.keys import all_labels
from console.tui.signs import Signs
from scheduler.domain.access import Role

_KEYS = 14


def draw_help(frame: Frame, width: int) -> list[Content]:
    """Keys by scope, as they are now, then what the signs mean, folded to ``width``."""
    signs = frame.signs
    lines: list[Content] = []
    for place, heading in HEADINGS.items():
        lines.append(line((heading, "bold $heading")))
        for action in actions_of(place):
            needs = "" if action.role is Role.VIEWER else f" [{action.role}]"
            label = all_labels(frame.keymap.key(action))
            lines += _entry(label, action.description + needs, ("bold $key", PLAIN), signs, width)
        lines.append(Content(""))
    lines.append(line(("Signs", "bold $heading")))
    lines += _signs(signs, width)
    return lines


def _signs(signs: Signs, width: int) -> Iterable[Content]:
    table = (
        (signs.full, "well: up, done, completed, on track"),
        (signs.half, "under way: processing, running, retrying; a service: degraded"),
        (signs.empty, "waiting, or not known yet"),
        (signs.warn, "look at it: at risk; a failed job that is tried again by itself"),
        (signs.bad, "bad: missed, down, finally failed"),
        (signs.fallback, "made with a fallback: degraded"),
        (signs.bar, "a call of a provider on the time axis"),
        (signs.bar_bad, "a call that failed"),
        (signs.dot, "waiting before the next try"),
    )
    for sign, meaning in table:
        yield from _entry(sign, meaning, (STRONG, MUTED), signs, width)


def _entry(label: str, text: str, styles: tuple[str, str], signs: Signs, width: int) -> Iterable[Content]:
    """A label and what it means, folded beside it."""
    head = "  " + fit(label, _KEYS, signs)
    for piece in fold(text, max(width - len(head), 10)):
        yield line((head, styles[0]), (piece, styles[1]))
        head = " " * len(head)
