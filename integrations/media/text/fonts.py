"""The shipped fonts, and drawing their glyphs by number.

Devanagari needs shaping: conjuncts, reordered matras. Pillow's own shaper (raqm) works only where the machine happens
to have libfribidi, so HarfBuzz (``uharfbuzz``) shapes and Pillow only rasterises. Pillow draws characters, not glyph
numbers; each font is therefore loaded into Pillow with its character map replaced by one that maps
``GLYPH_BASE + n`` to glyph ``n``.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from PIL import ImageFont

from integrations.media.untyped import hb

GLYPH_BASE = 0xF0000
"""First character of the private plane that stands for glyph numbers."""


class Weight(StrEnum):
    """The two weights that cards are set in."""

    REGULAR = "regular"
    BOLD = "bold"


STACKS: dict[Weight, tuple[str, ...]] = {
    Weight.REGULAR: ("Mukta-Regular.ttf", "DejaVuSans.ttf"),
    Weight.BOLD: ("Mukta-Bold.ttf", "DejaVuSans-Bold.ttf"),
}
"""Fonts by weight, best first. Mukta draws Latin, ₹ and Devanagari as one; DejaVu Sans has most other scripts."""


@dataclass(frozen=True, slots=True, eq=False)
class Font:
    """One font file.

    Attributes:
        coverage: the characters it has glyphs for.
        upem: font units per em.
        ascent: units above the baseline that a line needs.
        descent: units below the baseline, positive.
    """

    name: str
    data: bytes
    hb_font: Any
    coverage: frozenset[int]
    upem: int
    ascent: int
    descent: int

    @classmethod
    def load(cls, name: str) -> Font:
        """Open a shipped font; it takes some megabytes."""
        data = font_data(name)
        face = hb.Face(data)
        opened = hb.Font(face)
        extents = opened.get_font_extents("ltr")
        return cls(
            name=name,
            data=glyph_addressable(data),
            hb_font=opened,
            coverage=frozenset(face.unicodes),
            upem=face.upem,
            ascent=extents.ascender,
            descent=-extents.descender,
        )


def font_data(name: str) -> bytes:
    """The bytes of a shipped font file."""
    return (files("integrations.media") / "fonts" / name).read_bytes()


@cache
def font(name: str) -> Font:
    """A shipped font, opened at its first use."""
    return Font.load(name)


def stack(weight: Weight) -> Iterator[Font]:
    """The fonts of a weight, best first: one that nobody comes to is not opened."""
    return map(font, STACKS[weight])


def last_resort(weight: Weight) -> Font:
    """The last font of a weight, for what no font has."""
    return font(STACKS[weight][-1])


@cache
def raster(font: Font, size: int) -> ImageFont.FreeTypeFont:
    """The font as Pillow draws it, at ``size`` pixels per em; addressed by ``chr(GLYPH_BASE + glyph)``."""
    return ImageFont.truetype(io.BytesIO(font.data), size, layout_engine=ImageFont.Layout.BASIC)


def glyph_addressable(data: bytes) -> bytes:
    """The same sfnt font with a character map from ``GLYPH_BASE + n`` to glyph ``n``.

    Raises:
        ValueError: it is no sfnt font (TrueType or OpenType), or lacks the tables every such font has.
    """
    count = struct.unpack_from(">H", data, 4)[0] if len(data) > 12 else 0  # noqa: PLR2004 - the sfnt header
    entries = {data[12 + 16 * n : 16 + 16 * n]: 12 + 16 * n for n in range(count)}
    if b"cmap" not in entries or b"maxp" not in entries:
        raise ValueError("not a TrueType or OpenType font")
    (maxp,) = struct.unpack_from(">I", data, entries[b"maxp"] + 8)
    (glyphs,) = struct.unpack_from(">H", data, maxp + 4)
    # One encoding record (Windows, full Unicode) with one sequential group: format 12 of the OpenType cmap chapter.
    table = struct.pack(">HHHHI", 0, 1, 3, 10, 12)
    table += struct.pack(">HHIII", 12, 0, 28, 0, 1)
    table += struct.pack(">III", GLYPH_BASE, GLYPH_BASE + glyphs - 1, 0)
    patched = bytearray(data)
    patched += b"\0" * (-len(patched) % 4)
    struct.pack_into(">II", patched, entries[b"cmap"] + 8, len(patched), len(table))
    return bytes(patched + table)
