"""What is sent for a frame: little, and after it the terminal shows what a terminal shows that got all of it."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pyte
import pytest
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

from console.tui.canvas import Canvas
from console.tui.pen import PLAIN, RESET, Ink, Pen, change
from console.tui.widgets.cadence import LONGEST, Cadence

WIDTH, HEIGHT = 40, 6
TRUE = ColorSystem.TRUECOLOR
STYLES = [
    None,
    Style(color="#aabbcc"),
    Style(color="#aabbcc", bgcolor="#112233"),
    Style(bgcolor="#112233"),
    Style(bold=True, color="red"),
    Style(underline=True),
    Style(reverse=True, bgcolor="#112233"),
    Style(bold=True, italic=True, bgcolor="blue"),
]
TEXTS = ["a", "job 4", "  ", "          ", "漢字", "é", "●─", "x" * 12]
Line = list[Segment]


def _line(chance: random.Random) -> Line:
    line: Line = []
    left = WIDTH
    while left > 0:
        segment = Segment(chance.choice(TEXTS), chance.choice(STYLES))
        if segment.cell_length > left:
            segment = Segment(" " * left, segment.style)
        left -= segment.cell_length
        line.append(segment)
    return line


def _shown(sent: str) -> pyte.Screen:
    screen = pyte.Screen(WIDTH, HEIGHT)
    pyte.Stream(screen).feed(sent)
    return screen


def _cells(screen: pyte.Screen) -> list[tuple[object, ...]]:
    """A blank's colour of text, and whether it is bold, cannot be seen."""
    return [
        (cell.data, cell.bg, cell.underscore, cell.reverse, *(() if cell.data == " " else (cell.fg, cell.bold)))
        for y in range(HEIGHT)
        for cell in (screen.buffer[y][x] for x in range(WIDTH))
    ]


def _send(canvas: Canvas, lines: Sequence[Line]) -> str:
    canvas.begin(WIDTH)
    return "".join(canvas.row(y, 0, line, TRUE) for y, line in enumerate(lines))


@pytest.mark.parametrize("seed", range(8))
def test_frame_by_frame_the_terminal_shows_what_one_shows_that_got_everything(seed: int) -> None:
    chance = random.Random(seed)
    canvas, sent = Canvas(Pen()), ""
    lines = [_line(chance) for _ in range(HEIGHT)]
    for _ in range(12):
        for y in range(HEIGHT):
            if chance.random() < 0.5:
                lines[y] = _line(chance)
            elif chance.random() < 0.5:
                lines[y] = [*lines[y][:-1], Segment(lines[y][-1].text.upper(), chance.choice(STYLES))]
        sent += _send(canvas, lines)
        if chance.random() < 0.2:
            canvas.lost()
        assert _cells(_shown(sent)) == _cells(_shown(_send(Canvas(Pen()), lines)))


def test_a_stretch_of_a_line_is_compared_too() -> None:
    canvas = Canvas(Pen())
    canvas.begin(WIDTH)
    sent = canvas.row(2, 5, [Segment("12:00:01")], TRUE)
    canvas.begin(WIDTH)
    sent += (second := canvas.row(2, 5, [Segment("12:00:02")], TRUE))
    assert second == "\x1b[3;13H2"
    assert _shown(sent).display[2].strip() == "12:00:02"


def test_the_same_frame_again_sends_nothing_and_a_lost_one_is_sent_whole() -> None:
    chance, canvas = random.Random(1), Canvas(Pen())
    lines = [_line(chance) for _ in range(HEIGHT)]
    whole = _send(canvas, lines)
    assert _send(canvas, lines) == ""
    canvas.lost()
    assert _send(canvas, lines) == whole


def test_another_width_sends_everything() -> None:
    canvas = Canvas(Pen())
    for width in (10, 12):
        canvas.begin(width)
        assert "abc" in canvas.row(0, 0, [Segment("abc".ljust(width))], TRUE)


@pytest.mark.parametrize(
    ("old", "new", "sent"),
    [
        (None, PLAIN, RESET),
        (None, Ink(1, "31", ""), "\x1b[0;1;31m"),
        (Ink(0, "31", "40"), Ink(0, "32", "40"), "\x1b[32m"),
        (Ink(0, "31", "40"), Ink(1, "31", ""), "\x1b[1;49m"),
        (Ink(1, "31", "40"), Ink(0, "31", "40"), "\x1b[0;31;40m"),
        (Ink(1, "31", "40"), Ink(1, "31", "40"), ""),
    ],
)
def test_only_what_differs_of_an_ink_is_sent(old: Ink | None, new: Ink, sent: str) -> None:
    assert change(old, new) == sent


def test_whatever_else_is_written_makes_the_pen_start_anew() -> None:
    pen = Pen()
    red = Ink(0, "31", "")
    first = pen.frame(pen.write([("a", red)]))
    pen.other(first)
    pen.other("\x1b[?2026l")
    assert pen.write([("b", red)]) == "b"
    pen.other("\x1b]52;c;aGk=\x07")
    assert pen.write([("c", red)]) == "\x1b[0;31mc"


def test_what_stands_still_is_looked_at_less_often_until_something_else_changes() -> None:
    cadence = Cadence()

    def ticks(count: int, *, moved: bool, seconds: bool = True) -> list[bool]:
        drawn: list[bool] = []
        for _ in range(count):
            drawn.append(cadence.due(only_time=True))
            if drawn[-1]:
                cadence.drawn(only_time=True, moved=moved, seconds=seconds)
        return drawn

    assert ticks(3, moved=True) == [True] * 3
    still = ticks(40, moved=False)
    assert still[:6] == [True, False, True, False, False, True]
    assert sum(still[20:]) == 20 // LONGEST
    assert cadence.due(only_time=False)
    cadence.drawn(only_time=False, moved=True)
    assert ticks(3, moved=True) == [True] * 3
    assert sum(ticks(2 * LONGEST, moved=True, seconds=False)) == 2
