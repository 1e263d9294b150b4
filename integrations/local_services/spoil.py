"""Spoiled products: what a lying service hands out. Synchronous, PyAV; call it from a thread."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

KEPT_SHARE = 0.6
"""Share of a truncated file that is left."""


def cut(path: Path) -> None:
    """Cut the file in the middle, as a broken upload does."""
    os.truncate(path, int(path.stat().st_size * KEPT_SHARE))


def mute(path: Path) -> None:
    """Replace the sound of a video by silence; the pictures stay as they are."""
    part = path.with_name(f".{path.name}.muted.mp4")
    try:
        with _open(path) as source, _create(part) as target:
            pictures = source.streams.video[0]
            copied = target.add_stream_from_template(pictures)
            sound = target.add_stream("aac", rate=_RATE, layout="mono")
            for packet in source.demux(pictures):
                if packet.dts is not None:
                    packet.stream = copied
                    target.mux(packet)
            samples = np.zeros((1, _FRAME), dtype=np.float32)
            for start in range(0, int(source.duration / av.time_base * _RATE), _FRAME):
                frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = _RATE, start, Fraction(1, _RATE)
                target.mux(sound.encode(frame))
            target.mux(sound.encode())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def blacken(path: Path, *, duration_s: float, width: int = 1280, height: int = 720, fps: int = 30) -> None:
    """Replace a clip by one black picture held for the same time."""
    part = path.with_name(f".{path.name}.black.mp4")
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    try:
        with _create(part) as target:
            stream = target.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for number in range(max(1, round(duration_s * fps))):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, fps)
                target.mux(stream.encode(frame))
            target.mux(stream.encode())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


_RATE = 48_000
_FRAME = 1024


def _open(path: Path) -> Any:
    # PyAV's own annotations leave packets open; Any keeps that from spreading.
    return av.open(str(path))


def _create(path: Path) -> Any:
    return av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
