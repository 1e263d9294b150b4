"""Shaping: text to placed glyphs, run by run.

A run is a stretch of one font and one script. Right-to-left scripts are shaped run by run but the runs stay in logical
order: enough for a name in a headline, not for setting Arabic.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from integrations.media.text.fonts import Font, Weight, last_resort, stack
from integrations.media.untyped import hb

JOINERS = "\u200c\u200d"
"""Zero-width joiners: no glyph of their own, but they steer conjuncts."""


@dataclass(frozen=True, slots=True)
class Glyph:
    """A glyph at its pen position, in em (1.0 is the text size); y grows downwards from the baseline."""

    font: Font
    number: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Shaped:
    """A shaped line of text: its glyphs and its advance in em."""

    glyphs: tuple[Glyph, ...]
    advance: float


def clean(text: str) -> str:
    """``text`` as it can be set: composed, white space single, control and format characters gone."""
    composed = unicodedata.normalize("NFC", text)
    shown = "".join(" " if c.isspace() else c for c in composed if c.isspace() or c in JOINERS or _is_shown(c))
    return " ".join(shown.split())


def _is_shown(char: str) -> bool:
    return unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"} and not "\ufe00" <= char <= "\ufe0f"


def script_of(char: str) -> str | None:
    """The script a character decides (``DEVANAGARI``, ``LATIN``…), or None when it follows its neighbours."""
    if char.isalpha():
        return unicodedata.name(char, "?").split(" ", 1)[0]
    return None


def font_for(char: str, weight: Weight) -> Font | None:
    """The best font that has this character."""
    return next((font for font in stack(weight) if ord(char) in font.coverage), None)


def runs(text: str, weight: Weight) -> Iterator[tuple[Font, str]]:
    """Split ``text`` into runs of one font and one script; marks and joiners stay with the letter they belong to."""
    current: tuple[Font, str | None] | None = None
    begun = 0
    for n, char in enumerate(text):
        script = script_of(char)
        if current is not None and (char in JOINERS or char.isspace() or unicodedata.category(char).startswith("M")):
            continue
        font = font_for(char, weight) or last_resort(weight)
        if current is None:
            current = (font, script)
        elif font is current[0] and (script is None or current[1] in {None, script}):
            current = (font, current[1] or script)
        else:
            yield current[0], text[begun:n]
            begun, current = n, (font, script)
    if current is not None:
        yield current[0], text[begun:]


@lru_cache(maxsize=4096)
def shape(text: str, weight: Weight) -> Shaped:
    """Place the glyphs of one line of cleaned text."""
    glyphs: list[Glyph] = []
    pen = 0.0
    for font, piece in runs(text, weight):
        buffer = hb.Buffer()
        buffer.add_str(piece)
        buffer.guess_segment_properties()
        hb.shape(font.hb_font, buffer)
        for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            glyphs.append(
                Glyph(
                    font,
                    info.codepoint,
                    pen + position.x_offset / font.upem,
                    -position.y_offset / font.upem,
                )
            )
            pen += position.x_advance / font.upem
    return Shaped(tuple(glyphs), pen)
