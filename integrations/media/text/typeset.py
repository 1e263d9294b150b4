"""Line breaking: text to lines that fit a width. Pure, given the fonts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from integrations.media.text.fonts import Weight
from integrations.media.text.shape import JOINERS, clean, shape

VIRAMA = "\u094d"
WIDOW = 0.22
"""A last line shorter than this share of the measure is not left alone: the lines above give it something."""
BREAK_AFTER = frozenset("-–—/_.,:;&?=")
"""Where a word too long for a line is broken first."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a block of text is set.

    Attributes:
        size: pixels per em.
        leading: baseline to baseline, in em.
    """

    weight: Weight
    size: int
    leading: float = 1.3

    @property
    def line_height(self) -> int:
        """Pixels from baseline to baseline."""
        return round(self.size * self.leading)

    @property
    def baseline(self) -> int:
        """Pixels from the top of a line's box to its baseline; all but the rarest stacked marks stay in the box."""
        return round(self.size * (0.5 * (self.leading - 1.0) + 0.84))


def width_of(text: str, style: Style) -> float:
    """Pixels that one line of cleaned text advances."""
    return shape(text, style.weight).advance * style.size


def clusters(word: str) -> Iterator[str]:
    """What must not be torn apart: letters with their marks, and consonants joined by a virama."""
    cluster = ""
    for char in word:
        joins = unicodedata.category(char).startswith("M") or char in JOINERS
        if cluster and not joins and not (cluster.rstrip(JOINERS).endswith(VIRAMA) and char.isalpha()):
            yield cluster
            cluster = ""
        cluster += char
    if cluster:
        yield cluster


def split_word(word: str, style: Style, width: float) -> list[str]:
    """Pieces of a word too long for a line: broken after a mark such as ``/`` where it has one, else hyphenated."""
    pieces: list[str] = []
    piece = ""
    for cluster in clusters(word):
        if piece and width_of(piece + cluster + "-", style) > width:
            cut = max((n for n, char in enumerate(piece) if char in BREAK_AFTER), default=-1) + 1
            if cut > len(piece) // 2:
                pieces.append(piece[:cut])
                piece = piece[cut:]
            else:
                pieces.append(piece + ("-" if piece[-1].isalpha() and cluster[0].isalpha() else ""))
                piece = ""
        piece += cluster
    return [*pieces, piece]


def _fill(words: list[str], style: Style, width: float) -> list[str]:
    lines: list[str] = []
    line = ""
    for word in words:
        longer = f"{line} {word}" if line else word
        if line and width_of(longer, style) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line] if line else lines


def wrap(text: str, style: Style, width: float, *, balance: bool = False) -> list[str]:
    """Break ``text`` (cleaned first) into lines of at most ``width`` pixels.

    Args:
        text: one paragraph.
        style: how it is set.
        width: pixels.
        balance: make the lines about equally long without adding one, as headings want it.
    """
    words: list[str] = []
    for word in clean(text).split(" "):
        words.extend([word] if width_of(word, style) <= width else split_word(word, style, width))
    words = [word for word in words if word]
    lines = _fill(words, style, width)
    if len(lines) < 2 or not (balance or width_of(lines[-1], style) < width * WIDOW):  # noqa: PLR2004 - one line is balanced
        return lines
    low, high = max(width / 2, *(width_of(word, style) for word in words)), width
    while high - low > style.size / 4:
        middle = (low + high) / 2
        if len(_fill(words, style, middle)) > len(lines):
            low = middle
        else:
            high = middle
    return _fill(words, style, high)
