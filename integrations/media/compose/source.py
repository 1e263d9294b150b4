"""Reading what is composed: pictures at 30 frames a second, sound at 48 kHz mono."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from av.audio.resampler import AudioResampler
from PIL import Image

from integrations.media.cards.theme import FPS, HEIGHT, NIGHT_TOP, WIDTH
from integrations.media.untyped import Container, FFmpegError, VideoFrame, av
from integrations.media.video import Planes, split, to_planes
from scheduler.domain.failure import StageFailure

SAMPLE_RATE = 48_000
Samples = npt.NDArray[np.floating[Any]]


@contextmanager
def opened(path: Path, kind: str) -> Generator[Container]:
    """Open a media file that must have a stream of this kind (``video`` or ``audio``).

    Raises:
        StageFailure: INVALID_INPUT, when it is none, or breaks while it is read.
    """
    try:
        with av.open(str(path)) as container:
            if not any(stream.type == kind for stream in container.streams):
                raise StageFailure.invalid_input(f"{path.name} has no {kind}")
            yield container
    except FFmpegError as error:
        raise StageFailure.invalid_input(f"{path.name} cannot be decoded: {error.strerror or error}") from error


def pictures(path: Path) -> Generator[Planes]:
    """The clip at 30 frames a second, then its last picture for ever (the same object)."""
    with opened(path, "video") as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        current: Planes | None = None
        n = 0
        first: float | None = None
        for frame in container.decode(stream):
            time = float(frame.time) if frame.time is not None else n / FPS
            first = time if first is None else first
            # A frame is shown from its own time on: half a frame of slack absorbs rounded time stamps.
            while current is not None and (n + 0.5) / FPS < time - first:
                yield current
                n += 1
            current = _fitted(frame)
    if current is None:
        raise StageFailure.invalid_input(f"{path.name} has no picture in it")
    while True:
        yield current


def first_picture(path: Path) -> Planes:
    """The clip's first picture."""
    return next(pictures(path))


def _fitted(frame: VideoFrame) -> Planes:
    """The frame at 1280×720, with bars in the card's colour where its shape differs."""
    if (frame.width, frame.height, frame.format.name) == (WIDTH, HEIGHT, "yuv420p"):
        return cast("Planes", frame.to_ndarray())
    scale = min(WIDTH / frame.width, HEIGHT / frame.height)
    width, height = 2 * round(frame.width * scale / 2), 2 * round(frame.height * scale / 2)
    inner = cast("Planes", frame.reformat(width=width, height=height, format="yuv420p").to_ndarray())
    if (width, height) == (WIDTH, HEIGHT):
        return inner
    planes = to_planes(Image.new("RGB", (WIDTH, HEIGHT), NIGHT_TOP))
    left, top = (WIDTH - width) // 4 * 2, (HEIGHT - height) // 4 * 2
    for whole, part, step in zip(split(planes), split(inner), (1, 2, 2), strict=True):
        y, x = top // step, left // step
        whole[y : y + height // step, x : x + width // step] = part
    return planes


def clip_seconds(path: Path) -> float:
    """How long a clip's pictures last, as its container says."""
    with opened(path, "video") as container:
        stream = container.streams.video[0]
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        return (container.duration or 0) / av.time_base


def sound(path: Path) -> Iterator[Samples]:
    """A narration as 48 kHz mono, piece by piece."""
    with opened(path, "audio") as container:
        resampler = AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        for frame in container.decode(container.streams.audio[0]):
            for part in resampler.resample(frame):
                yield cast("Samples", part.to_ndarray().reshape(-1))
        for part in resampler.resample(None):
            yield cast("Samples", part.to_ndarray().reshape(-1))


def sound_seconds(path: Path) -> float:
    """How long a narration really is."""
    with opened(path, "audio") as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(container.streams.audio[0]))
