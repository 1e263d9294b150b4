"""What every drawing uses: the frame it draws for, columns, bars and sparklines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from console.text import clean
from console.tui.keys import Keymap
from console.tui.signs import Signs
from console.tui.view import View
from scheduler.domain.access import Role
from scheduler.domain.recording import Past

OK = "$success"
WARN = "$warning"
BAD = "$error"
BUSY = "$accent"
MUTED = "$muted"
PLAIN = ""
STRONG = "bold"
TITLE = "bold $foreground"

_MARKS_PER_CELL = 8
"""Characters looked at for one cell: a base and its combining marks."""
LONGEST_TEXT = 500
"""Characters of a foreign text that are worth cutting to a column's width."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What is drawn, for when, how large.

    Attributes:
        now: aware UTC; ages and running times count up to it.
        width: cells of the widget.
        columns: cells of the whole terminal.
        rows: lines of the whole terminal.
        refresh_s: seconds between looks, to tell what is old.
        keymap: the keys as they are now.
        role: the reader's.
        armed_s: seconds for which destructive actions are armed yet.
        behind_s: seconds that the terminal is behind what was sent to it.
        past: the past moment that is shown, and that ``now`` stands at; None: the present.
        today: the time of day while it is shown.
        only_time: nothing but time has moved since the frame before.
    """

    view: View
    now: datetime
    signs: Signs
    width: int
    columns: int
    rows: int
    refresh_s: float = 1.0
    keymap: Keymap = field(default_factory=Keymap)
    role: Role = Role.VIEWER
    armed_s: float = 0.0
    behind_s: float = 0.0
    past: Past | None = None
    today: datetime | None = None
    only_time: bool = False

    @property
    def present(self) -> datetime:
        """The time of day, also while a past moment is shown."""
        return self.today or self.now


def foreign(text: str | None, signs: Signs, limit: int = LONGEST_TEXT) -> str:
    """Text from a job or a service on one line, harmless."""
    line = clean(text or "", limit=limit)
    return line if signs.ellipsis == "…" else line.replace("…", signs.ellipsis)


def fit(text: str, width: int, signs: Signs, *, right: bool = False) -> str:
    """``text`` cut or padded to exactly ``width`` cells; a cut one ends in the ellipsis."""
    if width <= 0:
        return ""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + signs.ellipsis
    return " " * (width - length) + text if right else text + " " * (width - length)


def line(*parts: tuple[str, str] | str | Content) -> Content:
    """One line of styled pieces; a piece is never read as markup."""
    return Content.assemble(*parts)


def apart(left: Content, right: Content, width: int, signs: Signs) -> Content:
    """``left`` and ``right`` at the two ends of a line; the left one gives way."""
    left = cut(left, max(width - right.cell_length, 0), signs)
    return Content.assemble(left, " " * max(width - left.cell_length - right.cell_length, 0), right)


def cut(content: Content, width: int, signs: Signs) -> Content:
    """``content`` at most ``width`` cells wide."""
    if content.cell_length <= width:
        return content
    if width <= 0:
        return Content("")
    return content.truncate(max(width - 1, 0)).append_text(signs.ellipsis)


def sparkline(values: Sequence[float | None], width: int, signs: Signs, *, floor: float = 0.0) -> str:
    """The last ``width`` values as a line of blocks.

    Args:
        values: oldest first; None is a gap (a probe that failed).
        width: cells at most.
        signs: the set to draw with.
        floor: the least top of the scale, so that noise near zero does not look like mountains.
    """
    last = list(values)[-width:] if width > 0 else []
    top = max([value for value in last if value is not None], default=0.0)
    top = max(top, floor)
    steps = len(signs.spark) - 1
    return "".join(
        signs.spark_gap if value is None else signs.spark[min(round(value / top * steps), steps) if top > 0 else 0]
        for value in last
    )


def progress_bar(fraction: float, width: int, signs: Signs, style: str = BUSY) -> Content:
    """A bar ``width`` cells wide; it is full only when all is done."""
    fraction = min(max(fraction, 0.0), 1.0)
    done = int(fraction * width)
    return line((signs.bar * done, style), (signs.bar_rest * (width - done), MUTED))


def fold(text: str, width: int) -> Iterable[str]:
    """``text`` in pieces at most ``width`` cells wide: at blanks where there are some, else within a word. Pure."""
    for row in text.split("\n"):
        if row.isascii() and len(row) <= width:
            yield row
        else:
            yield from _fold_row(row, width)


def _fold_row(row: str, width: int) -> Iterator[str]:
    """Cut by cells first, then moved back to the last blank of the second half, so that words stay whole."""
    while row:
        end = _end_of_cells(row, width)
        if end < len(row) and (blank := row.rfind(" ", 0, end)) > end // 2:
            end = blank + 1
        yield row[:end]
        row = row[end:]


def _end_of_cells(row: str, width: int) -> int:
    """How many characters of ``row`` fill ``width`` cells; those without width go with the one before them."""
    window = row[: width * _MARKS_PER_CELL]
    if window[: width + 1].isascii():
        return min(width, len(row))
    used = 0
    for n, character in enumerate(window):
        used += cell_len(character)
        if used > width:
            return max(n, 1)
    return len(window)
