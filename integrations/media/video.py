"""Encoding pictures: one way to write H.264 for cards and for the finished video."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import numpy as np
import numpy.typing as npt
from av.video.reformatter import Colorspace
from PIL import Image

from integrations.media.cards.theme import FPS, HEIGHT, WIDTH
from integrations.media.untyped import Encoder, VideoFrame, av

Planes = npt.NDArray[np.uint8]

BT709 = 1
"""The value of BT.709 in H.273's tables of primaries, transfer and matrix: what HD video is."""
LIMITED_RANGE = 1
KEYFRAME_S = 2


X264 = "rc-lookahead=2:bframes=0:mbtree=1:scenecut=0:weightp=0:me=dia:subme=0"
"""On top of ``superfast``: no search for motion that cards do not have, but the look-ahead that makes their long still
stretches cost a third. Measured on one core: 345 frames/s against 218 with ``veryfast``, at the same size."""


def configure(context: Encoder, *, crf: int, keyframe_s: int = KEYFRAME_S) -> None:
    """Set up an encoder: 1280×720, 30 fps, yuv420p, BT.709, limited range, one thread."""
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.framerate = Fraction(FPS)
    context.time_base = Fraction(1, FPS)
    context.gop_size = FPS * keyframe_s
    context.color_primaries = context.color_trc = context.colorspace = BT709
    context.color_range = LIMITED_RANGE
    context.thread_count = 1
    context.options = {"crf": str(crf), "preset": "superfast", "x264-params": X264}


class Canvas:
    """A picture as the encoder takes it, kept as yuv420p planes so that only what changes is converted.

    Attributes:
        planes: the three planes one below the other, as ``av.VideoFrame.from_ndarray`` wants them.
    """

    def __init__(self, image: Image.Image) -> None:
        self.planes = to_planes(image)

    def patch(self, image: Image.Image, x: int, y: int) -> None:
        """Replace a part of the picture; position and size are even."""
        part = to_planes(image)
        width, height = image.size
        for whole, piece, scale in zip(split(self.planes), split(part), (1, 2, 2), strict=True):
            top, left = y // scale, x // scale
            whole[top : top + height // scale, left : left + width // scale] = piece

    def frame(self, pts: int) -> VideoFrame:
        """The picture as a frame of its own."""
        return to_frame(self.planes, pts)


def to_planes(image: Image.Image) -> Planes:
    """An RGB picture of even size as yuv420p planes, BT.709, limited range."""
    frame = av.VideoFrame.from_image(image).reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range="MPEG"
    )
    return cast("Planes", frame.to_ndarray())


def split(planes: Planes) -> tuple[Planes, Planes, Planes]:
    """Views of Y, U and V."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    half = height // 2
    chroma = planes[height:].reshape(-1)
    size = half * (width // 2)
    return (
        planes[:height],
        chroma[:size].reshape(half, width // 2),
        chroma[size:].reshape(half, width // 2),
    )


def to_frame(planes: Planes, pts: int) -> VideoFrame:
    """A frame of these planes; they are copied."""
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    frame.pts = pts
    return frame
