"""Drawing shaped text with Pillow."""

from __future__ import annotations

from PIL import Image, ImageDraw

from integrations.media.text.fonts import GLYPH_BASE, Weight, raster
from integrations.media.text.shape import shape


def draw_line(mask: Image.Image, xy: tuple[float, float], text: str, *, weight: Weight, size: int) -> None:
    """Draw one line of cleaned text into an ``L`` mask; ``xy`` is the left end of its baseline."""
    pen = ImageDraw.Draw(mask)
    for glyph in shape(text, weight).glyphs:
        pen.text(
            (xy[0] + glyph.x * size, xy[1] + glyph.y * size),
            chr(GLYPH_BASE + glyph.number),
            fill=255,
            font=raster(glyph.font, size),
            anchor="ls",
        )
