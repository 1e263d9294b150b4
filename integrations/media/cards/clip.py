"""A segment's card as an animated mp4 without sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from integrations.media.cards.layout import Page, lay_out
from integrations.media.cards.paint import Sprite, regions, sprites, stage
from integrations.media.cards.theme import FPS
from integrations.media.untyped import VideoFrame, av
from integrations.media.video import Canvas, configure
from scheduler.domain.content import Segment
from scheduler.domain.timing import card_characters, reading_time_s
from scheduler.ports.media import CardContext

HOLD_S = 0.3
"""The clip ends this long after the last block stands still; who shows it longer holds its last frame."""
LEAVE_S = 0.25
"""How long a page takes to fade out for the next."""


def page_seconds(pages: tuple[Page, ...], characters: int, duration_s: float) -> list[float]:
    """How long each page of a segment is shown: its share of the duration, but never shorter than it takes to read."""
    return [max(page.weight * duration_s, reading_time_s(page.weight * characters)) for page in pages]


def render_card(
    segment: Segment,
    context: CardContext,
    out: Path,
    *,
    duration_s: float,
    progress: Callable[[float, str], None] = lambda _fraction, _text: None,
) -> float:
    """Write the clip; its length in seconds.

    It ends as soon as all text stands, so it can be shorter than ``duration_s``; it is longer when several pages need
    longer to be read.
    """
    pages = lay_out(segment, context)
    seconds = page_seconds(pages, card_characters(segment), duration_s) if len(pages) > 1 else [duration_s]
    base = stage(segment, context)
    count = 0
    with av.open(str(out), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        # One keyframe is enough: the clip is decoded once, from its start, and each further one costs its grain anew.
        stream = container.add_stream("libx264", rate=FPS)
        configure(stream.codec_context, crf=17, keyframe_s=600)
        for number, (page, length) in enumerate(zip(pages, seconds, strict=True)):
            last = number == len(pages) - 1
            for frame in _frames(base, sprites(page, seconds=length), None if last else length):
                frame.pts = count
                container.mux(stream.encode(frame))
                count += 1
                if count % FPS == 0:
                    progress(min(0.99, count / FPS / sum(seconds)), f"page {number + 1} of {len(pages)}")
        container.mux(stream.encode(None))
    progress(1.0, "card rendered")
    return count / FPS


def _frames(base: Image.Image, entering: tuple[Sprite, ...], length: float | None) -> Iterator[VideoFrame]:
    """The page's frames in order, the same object while nothing moves. Without ``length`` they end when all stands."""
    standing = base.copy()
    canvas = Canvas(base)
    frame = canvas.frame(0)
    moving = list(entering)
    end = max((sprite.ends_s for sprite in entering), default=0.0) + HOLD_S
    for n in range(round((end if length is None else max(end, length)) * FPS)):
        t = n / FPS
        settled = [sprite for sprite in moving if sprite.ends_s <= t]
        for sprite in settled:
            sprite.paint(standing, t)
            moving.remove(sprite)
        visible = [sprite for sprite in moving if sprite.starts_s < t]
        if settled or visible:
            for box in regions([sprite.box for sprite in (*settled, *visible)]):
                patch = standing.crop(box)
                for sprite in visible:
                    sprite.paint(patch, t, box[:2])
                canvas.patch(patch, box[0], box[1])
            frame = canvas.frame(n)
        yield frame
    if length is not None:
        for n in range(1, steps := round(LEAVE_S * FPS)):
            yield Canvas(Image.blend(standing, base, n / steps)).frame(n)
