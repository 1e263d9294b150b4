"""Burning captions in: each caption is drawn once and blended into the planes of the frames that show it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from integrations.media.cards import theme
from integrations.media.text.draw import draw_line
from integrations.media.text.fonts import Weight
from integrations.media.text.typeset import Style, width_of
from integrations.media.video import Planes, split, to_planes

STYLE = Style(Weight.REGULAR, 31, 1.3)
MIN_SIZE = 18
MAX_WIDTH = theme.WIDTH - 120
PAD_X, PAD_Y = 22, 10
RADIUS = 14
CENTRE_Y = 653
BOX: theme.Colour = (6, 9, 26)
BOX_OPACITY = 0.84
"""With white text: 12 to 1 over the dawn glow, and still above 7 to 1 over a white picture from elsewhere."""

Wide = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class Caption:
    """A drawn caption: where it stands and, for each plane, its weighted picture and what is left of the one below."""

    x: int
    y: int
    width: int
    height: int
    planes: tuple[tuple[Wide, Wide], ...]

    def blend(self, planes: Planes) -> None:
        """Draw it into a picture."""
        for whole, (over, under), scale in zip(split(planes), self.planes, (1, 2, 2), strict=True):
            top, left = self.y // scale, self.x // scale
            window = whole[top : top + self.height // scale, left : left + self.width // scale]
            window[:] = (window * under + over) >> 8


def draw_caption(lines: tuple[str, ...]) -> Caption:
    """Draw the lines of a cue, centred in their box below the card's text."""
    style = STYLE
    while style.size > MIN_SIZE and max(width_of(line, style) for line in lines) > MAX_WIDTH - 2 * PAD_X:
        style = replace(style, size=style.size - 1)
    widths = [width_of(line, style) for line in lines]
    width = _even(min(max(widths) + 2 * PAD_X, MAX_WIDTH))
    height = _even(style.line_height * len(lines) + 2 * PAD_Y)
    text = Image.new("L", (width, height), 0)
    for n, (line, line_width) in enumerate(zip(lines, widths, strict=True)):
        baseline = PAD_Y + n * style.line_height + style.baseline
        draw_line(text, ((width - line_width) / 2, baseline), line, weight=style.weight, size=style.size)
    picture = Image.new("RGB", (width, height), BOX)
    picture.paste(theme.WHITE, (0, 0), text)
    shape = Image.new("L", (width * 2, height * 2), 0)
    ImageDraw.Draw(shape).rounded_rectangle((0, 0, width * 2 - 1, height * 2 - 1), radius=RADIUS * 2, fill=255)
    box = np.asarray(shape.resize((width, height)), np.float32) / 255 * BOX_OPACITY
    alpha = np.maximum(box, np.asarray(text, np.float32) / 255)
    coarse = alpha.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    planes: list[tuple[Wide, Wide]] = []
    for part, share in zip(split(to_planes(picture)), (alpha, coarse, coarse), strict=True):
        weight = np.round(share * 256).astype(np.uint16)
        planes.append((part * weight, 256 - weight))
    return Caption(_even((theme.WIDTH - width) / 2), _even(CENTRE_Y - height / 2), width, height, tuple(planes))


def _even(value: float) -> int:
    return 2 * round(value / 2)
