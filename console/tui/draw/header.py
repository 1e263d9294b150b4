"""The frame around every screen: tabs and clock, what is wrong with the data, the notice, the keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual.content import Content

from console import format as fmt
from console.tui.draw.base import BAD, MUTED, OK, STRONG, WARN, Frame, apart, cut, foreign, line
from console.tui.keys import KeyAction, key_label

_NARROW = 72
"""Below this many columns some words give way."""


@dataclass(frozen=True, slots=True)
class Notice:
    """The last thing worth saying.

    Attributes:
        good: False: it went wrong.
    """

    text: str
    good: bool = True


def draw_tabs(frame: Frame, tabs: Sequence[tuple[str, str]], current: str) -> list[Content]:
    """The screens' names.

    Args:
        frame: what to draw for.
        tabs: key and name of each screen.
        current: the name of the one that is shown.
    """
    parts: list[tuple[str, str]] = []
    for key, name in tabs:
        here = name == current
        parts += [
            (f" {key} ", "bold $tab-text on $tab" if here else "bold $key"),
            (f"{name} ", "bold $tab-text on $tab" if here else MUTED),
        ]
    return [cut(line(*parts), frame.width, frame.signs)]


def draw_state(frame: Frame) -> list[Content]:
    """Whether the daemon lives, and how old what is shown is; at the right end of its place."""
    return [apart(Content(""), cut(line(*_state(frame)), frame.width, frame.signs), frame.width, frame.signs)]


def _state(frame: Frame) -> Iterable[tuple[str, str]]:
    signs, view = frame.signs, frame.view
    narrow = frame.columns < _NARROW
    if view.snapshot is None:
        return
    daemon = view.snapshot.daemon
    if daemon is None:
        yield f"{signs.empty} no daemon  ", WARN
    elif daemon.alive:
        yield f"{signs.full} daemon  ", OK
    else:
        yield f"{signs.bad} daemon dead {fmt.age(daemon.beat_at, frame.now)}  ", BAD
    if view.is_stale(frame.now, frame.refresh_s):
        age = fmt.coarse_duration(view.age_s(frame.now) or 0.0)
        yield f"{signs.warn} {age} old  " if narrow else f"{signs.warn} data {age} old  ", WARN
    elif not narrow:
        yield f"{signs.full} live  ", OK


def draw_clock(frame: Frame) -> list[Content]:
    """The time in the deadline's zone: a widget of its own, because it is all that moves on a quiet screen."""
    now = line(
        (fmt.clock_time(frame.now, frame.view.timezone, seconds=True), STRONG),
        (f" {fmt.zone_abbreviation(frame.now, frame.view.timezone)}", MUTED),
    )
    return [cut(now, frame.width, frame.signs)]


def draw_problem(frame: Frame) -> list[Content]:
    """What is wrong with the data, and how old what is shown is; nothing when all is well."""
    view = frame.view
    if view.problem is None:
        return []
    signs = frame.signs
    if view.snapshot is None:
        tail = "nothing to show yet, trying again"
    else:
        shown = fmt.clock_time(view.checked_at or view.snapshot.taken_at, view.timezone, seconds=True)
        tail = f"showing {shown}, trying again"
    right = line((f" {tail} ", "bold $plate-text on $plate-bad"))
    left = line((f" {signs.bad} database: {foreign(view.problem, signs)}", "bold $plate-text on $plate-bad"))
    filled = apart(left, right, frame.width, signs)
    return [Content(filled.plain).stylize("bold $plate-text on $plate-bad")]


def draw_notice(frame: Frame, notice: Notice | None) -> list[Content]:
    """The last notice; nothing when there is none."""
    if notice is None or not notice.text:
        return []
    signs = frame.signs
    sign, style = (signs.good, OK) if notice.good else (signs.bad, BAD)
    return [cut(line((f" {sign} ", style), (foreign(notice.text, signs), STRONG)), frame.width, signs)]


def draw_keys(frame: Frame, keys: Iterable[KeyAction]) -> list[Content]:
    """The keys of the screen, as many as fit."""
    parts: list[tuple[str, str]] = []
    used = 1
    for key in keys:
        label = key_label(key.key)
        width = len(label) + len(key.short) + 4
        if used + width > frame.width:
            break
        used += width
        parts += [(f" {label} ", "bold $key"), (f"{key.short}  ", MUTED)]
    return [line(*parts)]
