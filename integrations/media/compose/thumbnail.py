"""The picture that stands for the video in lists."""

from __future__ import annotations

from pathlib import Path

from av.video.reformatter import Colorspace
from PIL import Image

from integrations.media.untyped import VideoFrame, av
from integrations.media.video import Planes, to_frame


def save_thumbnail(picture: Planes | VideoFrame, out: Path) -> None:
    """Write a picture as JPEG."""
    frame = picture if isinstance(picture, av.VideoFrame) else to_frame(picture, 0)
    to_image(frame).save(out, "JPEG", quality=88, optimize=True, progressive=True)


def to_image(frame: VideoFrame) -> Image.Image:
    """A BT.709 frame as RGB."""
    rgb = frame.reformat(format="rgb24", src_colorspace=Colorspace.ITU709, src_color_range="MPEG")
    return Image.fromarray(rgb.to_ndarray())
