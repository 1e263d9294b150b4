"""Encoding one segment of the video: pictures, caption, progress line, fade into the next."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.codec.context import Flags
from PIL import Image

from integrations.media.cards.theme import AMBER, FPS, HEIGHT, WIDTH
from integrations.media.compose.burn import Caption, draw_caption
from integrations.media.compose.captions import Cue
from integrations.media.compose.source import first_picture, pictures
from integrations.media.untyped import Encoder, Packet, VideoFrame, av
from integrations.media.video import Planes, configure, split, to_frame, to_planes

CRF = 20
FADE_FRAMES = 8
LINE_HEIGHT = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """What one segment of the video shows.

    Attributes:
        first_frame: its first frame's number in the video.
        frames: how many it has.
        total_frames: how many the video has.
        cues: its captions, in seconds of the video.
        following: the next segment's clip, faded into at the end; None for the last.
    """

    clip: Path
    first_frame: int
    frames: int
    total_frames: int
    cues: tuple[Cue, ...]
    following: Path | None


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """A segment's packets, their time stamps those of the video, and its last picture without captions."""

    packets: list[Packet]
    last: Planes


def encoder() -> Encoder:
    """A new encoder: all segments use equal ones, so that their packets make one stream."""
    context = av.CodecContext.create("libx264", "w")
    configure(context, crf=CRF)
    context.flags |= Flags.global_header
    return context


def encode(plan: Plan) -> Encoded:
    """Encode the segment. Pictures that do not change are neither converted nor drawn again."""
    context = encoder()
    artist = _Artist(plan)
    source = pictures(plan.clip)
    after = first_picture(plan.following) if plan.following is not None else None
    packets: list[Packet] = []
    picture = next(source)
    for n in range(plan.frames):
        if n:
            picture = next(source)
        shown = picture
        to_go = plan.frames - n
        if after is not None and to_go < FADE_FRAMES:
            shown = mixed(picture, after, 1 - to_go / FADE_FRAMES)
        frame = artist.frame(shown, plan.first_frame + n)
        packets.extend(context.encode(frame))
    packets.extend(context.encode(None))
    source.close()
    for packet in packets:
        packet.time_base = Fraction(1, FPS)
    return Encoded(packets, picture)


def mixed(one: Planes, other: Planes, share: float) -> Planes:
    """``share`` 0–1 of ``other`` over ``one``."""
    weight = round(share * 256)
    return ((one * np.uint16(256 - weight) + other * np.uint16(weight)) >> 8).astype(np.uint8)


class _Artist:
    """Draws captions and the progress line over pictures, and re-uses the last frame as far as it is the same."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._line = [int(plane[0, 0]) for plane in split(to_planes(Image.new("RGB", (2, 2), AMBER)))]
        self._caption: tuple[Cue, Caption] | None = None
        self._below: Planes | None = None
        self._cue: Cue | None = None
        self._planes = np.zeros(0, np.uint8)
        self._reached = -1
        self._frame: VideoFrame = None

    def frame(self, picture: Planes, number: int) -> VideoFrame:
        """``picture`` with what belongs over it, as frame ``number`` of the video."""
        cue = self._cue_at(number / FPS)
        same = self._below is picture or (self._below is not None and np.array_equal(self._below, picture))
        if not same or cue is not self._cue:
            self._below, self._cue = picture, cue
            self._planes = picture.copy()
            if cue is not None:
                self._drawn(cue).blend(self._planes)
            self._reached = -1
        reached = 2 * round(WIDTH * (number + 1) / self._plan.total_frames / 2)
        if reached != self._reached:
            # The line only grows: it can be drawn over itself.
            for plane, value, scale in zip(split(self._planes), self._line, (1, 2, 2), strict=True):
                plane[(HEIGHT - LINE_HEIGHT) // scale :, : reached // scale] = value
            self._reached = reached
            self._frame = to_frame(self._planes, number)
        self._frame.pts = number
        self._frame.time_base = Fraction(1, FPS)
        return self._frame

    def _cue_at(self, seconds: float) -> Cue | None:
        return next((cue for cue in self._plan.cues if cue.start_s <= seconds < cue.end_s), None)

    def _drawn(self, cue: Cue) -> Caption:
        if self._caption is None or self._caption[0] is not cue:
            self._caption = (cue, draw_caption(cue.lines))
        return self._caption[1]
