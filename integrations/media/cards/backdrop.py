"""The night sky behind every card: a gradient, a few stars, a warm glow where the sun will rise."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from integrations.media.cards import theme

Float = npt.NDArray[np.floating[Any]]

COARSE = 4
"""The sky is smooth: it is computed at a quarter of the size and enlarged before the noise is added."""


@cache
def backdrop(warmth: float) -> Image.Image:
    """The backdrop as RGB; ``warmth`` 0–1 is how strong the glow is. Do not draw on it: copy it.

    Fine noise dithers the gradient: without it 8 bits show as bands, and the encoder makes them worse.
    """
    height, width = theme.HEIGHT // COARSE, theme.WIDTH // COARSE
    y = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None, None]
    x = np.linspace(0.0, 1.0, width, dtype=np.float32)[None, :, None]
    top, middle, bottom = (np.array(c, np.float32) for c in (theme.NIGHT_TOP, theme.NIGHT_MIDDLE, theme.NIGHT_BOTTOM))
    upper = np.clip(y / 0.55, 0, 1)
    lower = np.clip((y - 0.55) / 0.45, 0, 1)
    sky: Float = top + (middle - top) * upper + (bottom - middle) * lower + x * 0
    distance = np.sqrt(((x - 0.86) / 0.72) ** 2 + ((y - 1.12) / 0.62) ** 2)
    glow: Float = np.clip(1 - distance, 0, 1) ** 2.2 * warmth
    sky = sky + (np.array(theme.DAWN, np.float32) - sky) * glow
    noise = _noise()
    size = (theme.WIDTH, theme.HEIGHT)
    channels = (Image.fromarray(np.ascontiguousarray(sky[:, :, n])).resize(size) for n in range(3))
    dithered = [np.clip(np.asarray(channel) + noise, 0, 255).astype(np.uint8) for channel in channels]
    image = Image.merge("RGB", [Image.fromarray(channel) for channel in dithered])
    _stars(image)
    return image


def _noise() -> Float:
    """Between 0 and 1, mostly near the middle. Not by ``numpy.random``, which a child would load for this alone."""
    chance = random.Random(6)  # noqa: S311 - the same sky every night, not a secret
    shape = theme.HEIGHT, theme.WIDTH
    one, other = (
        np.frombuffer(chance.randbytes(theme.HEIGHT * theme.WIDTH), np.uint8).reshape(shape) for _ in range(2)
    )
    return np.add(one, other, dtype=np.float32) / np.float32(510)


def _stars(image: Image.Image) -> None:
    chance = random.Random(1857)  # noqa: S311 - the same sky every night, not a secret
    layer = Image.new("L", image.size, 0)
    pen = ImageDraw.Draw(layer)
    for _ in range(90):
        x = chance.uniform(0, theme.WIDTH)
        y = theme.HEIGHT * chance.random() ** 1.7 * 0.8
        brightness = round(chance.uniform(26, 92) * (1 - y / theme.HEIGHT))
        size = chance.choice((0.5, 0.5, 0.5, 1.0))
        pen.ellipse((x - size, y - size, x + size, y + size), fill=brightness)
    image.paste(Image.new("RGB", image.size, theme.STAR), (0, 0), layer)
