"""The frame around every screen: tabs, verdict, clock, what is wrong with the data, the notice, the keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.content import Content

from console import format as fmt
from console.tui.actions import Action
from console.tui.draw.base import BAD, MUTED, OK, STRONG, WARN, Frame, apart, cut, foreign, line
from console.tui.draw.words import verdict_word
from console.tui.keys import key_label
from console.tui.notices import Notice
from scheduler.domain.deadline import Verdict

_WIDE = 110
"""From so many columns on the screens' names come before the words for what is well."""
_SLOW_S = 0.4
"""A terminal that is so many seconds behind is told of."""
_MINUTE_S, _HOUR_S = 60, 3600
_VERDICT_STYLES = {
    Verdict.READY: "plate-ok",
    Verdict.ON_TRACK: "plate-ok",
    Verdict.AT_RISK: "plate-warn",
    Verdict.MISSED: "plate-bad",
    Verdict.IDLE: "plate-idle",
}
_HERE = "bold $tab-text on $tab"


def draw_header(frame: Frame, tabs: Sequence[tuple[str, str]], current: str, *, verdict: bool = True) -> list[Content]:
    """One line: the screens, the verdict, whether the daemon lives and how old what is shown is.

    Args:
        frame: what to draw for.
        tabs: key and name of each screen.
        current: the name of the one that is shown; its name stays when there is no room for the others.
        verdict: whether the verdict stands here (not where it stands below anyway).
    """
    every, right = _fitted(frame, tabs, current, verdict=verdict)
    left = line(*(part for parts in _tabs(tabs, current, every=every) for part in parts))
    return [apart(left, cut(right, frame.width, frame.signs), frame.width, frame.signs)]


def tab_at(
    frame: Frame, tabs: Sequence[tuple[str, str]], current: str, column: int, *, verdict: bool = True
) -> str | None:
    """The key of the screen that ``draw_header`` names in a column; None: none."""
    every, _ = _fitted(frame, tabs, current, verdict=verdict)
    end = 0
    for (key, _name), parts in zip(tabs, _tabs(tabs, current, every=every), strict=True):
        end += line(*parts).cell_length
        if column < end:
            return key
    return None


def _fitted(frame: Frame, tabs: Sequence[tuple[str, str]], current: str, *, verdict: bool) -> tuple[bool, Content]:
    """Whether there is room for the names of all screens, and what stands at the right end."""
    plate = _plate(frame) if verdict else Content("")
    widths = {
        every: line(*(part for parts in _tabs(tabs, current, every=every) for part in parts)).cell_length
        for every in (True, False)
    }
    every, right = False, Content("")
    some = ((True, 1),) if frame.columns >= _WIDE else ()
    for every, words in ((True, 2), *some, (False, 2), (False, 1), (False, 0)):
        right = line(plate, " ", _state(frame, words=words))
        if widths[every] + right.cell_length <= frame.width:
            break
    return every, right


def _tabs(tabs: Sequence[tuple[str, str]], current: str, *, every: bool) -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for key, name in tabs:
        here = name == current
        parts = [(f" {key} " if here or every else f" {key}", _HERE if here else "bold $key")]
        if here or every:
            parts.append((f"{name} ", _HERE if here else MUTED))
        found.append(parts)
    return found


def _plate(frame: Frame) -> Content:
    """The verdict in a word, and the slack."""
    if frame.view.snapshot is None:
        return Content("")
    tonight = frame.view.snapshot.tonight
    word = verdict_word(tonight.verdict, frame.signs)
    slack = "" if tonight.slack_s is None else f" {'+' if tonight.slack_s >= 0 else '-'}{_slack(abs(tonight.slack_s))}"
    return line((f" {word.sign} {word.text}{slack} ", f"bold $plate-text on ${_VERDICT_STYLES[tonight.verdict]}"))


def _slack(seconds: float) -> str:
    """By the minute, so that it is still when nothing happens."""
    whole = int(seconds)
    if whole < _MINUTE_S:
        return f"{whole}s"
    return f"{whole // _MINUTE_S}m" if whole < _HOUR_S else f"{whole // _HOUR_S}h{whole % _HOUR_S // _MINUTE_S:02}m"


def _state(frame: Frame, *, words: int) -> Content:
    """Whether the daemon lives, how old the data is. ``words``: 2 all, 1 only what is wrong, 0 the signs alone."""
    signs, view = frame.signs, frame.view
    parts: list[tuple[str, str]] = []
    if frame.armed_s > 0:
        parts.append((f"{signs.warn} armed {int(frame.armed_s)}s  ", WARN))
    if frame.behind_s >= _SLOW_S:
        parts.append((f"{signs.warn} slow line {frame.behind_s:.1f}s  ", WARN))
    if view.snapshot is None:
        return line(*parts)
    return line(*parts, *_daemon(frame, words=words), *_data(frame, words=words))


def _daemon(frame: Frame, *, words: int) -> list[tuple[str, str]]:
    """Whether the daemon lives."""
    signs, daemon = frame.signs, None if frame.view.snapshot is None else frame.view.snapshot.daemon
    if daemon is None:
        return [(f"{signs.empty} no daemon  ", WARN)]
    if not daemon.alive:
        return [(f"{signs.bad} daemon dead {fmt.age(daemon.beat_at, frame.now)}  ", BAD)]
    return [(f"{signs.full} daemon  ", OK)] if words > 1 else []


def _data(frame: Frame, *, words: int) -> list[tuple[str, str]]:
    """How old the data is, or that it is the past."""
    signs, view = frame.signs, frame.view
    if frame.past is not None:
        return [(f"{signs.warn} past  " if words else f"{signs.warn} ", WARN)]
    if view.is_stale(frame.now, frame.refresh_s):
        age = fmt.coarse_duration(view.age_s(frame.now) or 0.0)
        return [(f"{signs.warn} data {age} old  " if words else f"{signs.warn} {age} old  ", WARN)]
    return [(f"{signs.full} live  " if words > 1 else f"{signs.full} ", OK)] if words else []


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


def draw_keys(frame: Frame, actions: Iterable[Action]) -> list[Content]:
    """The keys of the screen, as many as fit; help and palette always do."""
    parts: list[tuple[str, str]] = []
    for action in _fitting(frame, actions):
        parts += [(f" {key_label(frame.keymap.key(action))} ", "bold $key"), (f"{action.label}  ", MUTED)]
    return [cut(line(*parts), frame.width, frame.signs)]


def key_at(frame: Frame, actions: Iterable[Action], column: int) -> Action | None:
    """The action that ``draw_keys`` shows in a column; None: none."""
    end = 0
    for action in _fitting(frame, actions):
        end += _width(frame, action)
        if column < end:
            return action
    return None


def _fitting(frame: Frame, actions: Iterable[Action]) -> list[Action]:
    chosen = list(actions)
    last = [one for one in chosen if one.id in _ALWAYS]
    room = frame.width - sum(_width(frame, one) for one in last) - 1
    shown: list[Action] = []
    for action in chosen:
        if action in last:
            continue
        room -= _width(frame, action)
        if room < 0:
            break
        shown.append(action)
    return [*shown, *last]


_ALWAYS = ("app.help", "app.palette")


def _width(frame: Frame, action: Action) -> int:
    return len(key_label(frame.keymap.key(action))) + len(action.label) + 4
