"""What stands on the terminal, cell by cell: of a new frame only the cells that differ are sent.

Textual sends a whole screen again for each change of layout: three at the start, one for each dialog, 8 KB each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.segment import Segment

from console.tui.pen import Ink, Pen, blank_ink, ink_of

Cell = tuple[str, Ink]
"""What stands in a cell, its marks with it, and how; the second cell of a wide character is empty."""
UNKNOWN: Cell = ("?", Ink(-1))
"""Something, nobody knows what."""
GAP = 9
"""Cells that have stayed the same between two that have not: so many are jumped over instead of sent again."""


def cells_of(segments: Iterable[Segment], colours: ColorSystem) -> list[Cell]:
    """Styled text as cells. Pure."""
    cells: list[Cell] = []
    for text, style, _ in segments:
        ink = ink_of(style, colours)
        blank = (" ", blank_ink(ink))
        if text.isascii():
            cells += [(character, ink) if character != " " else blank for character in text]
            continue
        for character in text:
            if character == " ":
                cells.append(blank)
                continue
            width = cell_len(character)
            if width == 0 and cells:
                at = -1 if cells[-1][0] else -2
                cells[at] = (cells[at][0] + character, cells[at][1])
            else:
                cells += [(character, ink), *[("", ink)] * (width - 1)]
    return cells


def differing(before: Sequence[Cell], after: Sequence[Cell]) -> list[tuple[int, int]]:
    """First and one past the last cell of each stretch in which two lines of one length differ. Pure.

    A line with characters that terminals may not agree about is sent from the first difference to its end.
    """
    spans: list[tuple[int, int]] = []
    for n, (old, new) in enumerate(zip(before, after, strict=True)):
        if old == new:
            continue
        if spans and n - spans[-1][1] < GAP:
            spans[-1] = (spans[-1][0], n + 1)
        else:
            spans.append((n, n + 1))
    if not spans or all(len(text) == 1 for line in (before, after) for text, _ in line):
        return spans
    first = spans[0][0]
    while first > 0 and not (before[first][0] and after[first][0]):
        first -= 1
    return [(first, len(after))]


class Canvas:
    """Remembers what was sent.

    Args:
        pen: what it is sent with.
    """

    def __init__(self, pen: Pen) -> None:
        self._pen = pen
        self._rows: dict[int, list[Cell]] = {}
        self._width = 0
        self._cursor: tuple[int, int] | None = None

    def lost(self) -> None:
        """Nobody knows what stands on the terminal: the next frames are sent whole."""
        self._rows.clear()
        self._pen.lost()

    def begin(self, width: int) -> None:
        """A frame of this width follows; terminals do with their lines what they like when it changes."""
        self._cursor = None
        if width != self._width:
            self._width = width
            self._rows.clear()

    def row(self, y: int, x: int, segments: Iterable[Segment], colours: ColorSystem) -> str:
        """What is to be sent so that ``segments`` stand from column ``x`` of line ``y`` on."""
        new = cells_of(segments, colours)[: self._width - x]
        row = self._rows.setdefault(y, [UNKNOWN] * self._width)
        spans = differing(row[x : x + len(new)], new)
        row[x : x + len(new)] = new
        return "".join([self._span(y, x, new, span) for span in spans])

    def _span(self, y: int, x: int, cells: Sequence[Cell], span: tuple[int, int]) -> str:
        first, end = span
        text = self._pen.write(cells[first:end])
        move = "" if self._cursor == (y, x + first) else f"\x1b[{y + 1};{x + first + 1}H"
        # Where a terminal is after its last column, or after characters it may find wider, nobody knows.
        known = x + end < self._width and all(len(one) == 1 for one, _ in cells[first:end])
        self._cursor = (y, x + end) if known else None
        return move + text
