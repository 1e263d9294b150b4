"""Painting pages: each block becomes a sprite that fades and slides in over the backdrop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from integrations.media.cards import theme, words
from integrations.media.cards.backdrop import backdrop
from integrations.media.cards.layout import Block, Page, Role, elide
from integrations.media.text.draw import draw_line
from integrations.media.text.shape import clean
from integrations.media.text.typeset import width_of
from scheduler.domain.content import Segment, SegmentKind
from scheduler.ports.media import CardContext

Box = tuple[int, int, int, int]

ENTRANCE_S = 0.55
SLIDE = 26
"""Pixels that a block rises while it fades in."""


@dataclass(frozen=True, slots=True)
class Sprite:
    """A block drawn once: coverage mask and colour, and when it starts to enter, in seconds of its page."""

    mask: Image.Image
    colour: theme.Colour
    x: int
    y: int
    starts_s: float
    role: Role

    @property
    def ends_s(self) -> float:
        """When it stands still."""
        return self.starts_s + ENTRANCE_S

    @property
    def box(self) -> Box:
        """Everything it ever covers: left, top, right, bottom; even, within the picture."""
        right, bottom = self.x + self.mask.width + 1, self.y + self.mask.height + SLIDE + 1
        return (
            max(0, self.x) & ~1,
            max(0, self.y) & ~1,
            min(theme.WIDTH, right + 1 & ~1),
            min(theme.HEIGHT, bottom + 1 & ~1),
        )

    def paint(self, image: Image.Image, t: float, origin: tuple[int, int] = (0, 0)) -> None:
        """Draw it as it looks at ``t`` seconds; ``origin`` is where the image's corner stands on the card."""
        share = ease((t - self.starts_s) / ENTRANCE_S)
        if share <= 0:
            return
        x, y = self.x - origin[0], self.y - origin[1]
        if self.role is Role.RULE:
            width = max(1, round(self.mask.width * share))
            image.paste(self.colour, (x, y), self.mask.crop((0, 0, width, self.mask.height)))
            return
        mask = self.mask if share >= 1 else self.mask.point([round(v * share) for v in range(256)])
        image.paste(self.colour, (x, y + round(SLIDE * (1 - share))), mask)


def regions(boxes: Sequence[Box]) -> list[Box]:
    """The boxes with those that overlap joined, until none does."""
    found: list[Box] = []
    for box in boxes:
        joined = box
        while meeting := [other for other in found if _meet(joined, other)]:
            for other in meeting:
                found.remove(other)
                joined = (
                    min(joined[0], other[0]),
                    min(joined[1], other[1]),
                    max(joined[2], other[2]),
                    max(joined[3], other[3]),
                )
        found.append(joined)
    return found


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def ease(share: float) -> float:
    """Cubic ease-out: fast in, soft landing."""
    return 1 - (1 - min(1.0, max(0.0, share))) ** 3


def sprites(page: Page, *, seconds: float) -> tuple[Sprite, ...]:
    """The page's sprites in the order they enter, the body spread over the time that the page is shown."""
    body = [block for block in page.blocks if block.role is Role.BODY]
    step = min(2.2, max(0.32, seconds * 0.5 / max(1, len(body))))
    found: list[Sprite] = []
    clock = 0.1
    for block in page.blocks:
        match block.role:
            case Role.NUMERAL | Role.KICKER | Role.SOURCE | Role.PAGE:
                starts = 0.1
            case Role.HEADING:
                starts = clock = 0.15
            case Role.RULE | Role.FACTS:
                clock += 0.25
                starts = clock
            case Role.BODY:
                clock += 0.4 if block is body[0] else step
                starts = clock
        found.append(_sprite(block, starts))
    return tuple(found)


def _sprite(block: Block, starts_s: float) -> Sprite:
    if block.role is Role.RULE:
        return Sprite(Image.new("L", (112, block.height), 255), block.colour, block.x, block.y, starts_s, block.role)
    pad = math.ceil(block.style.size * 0.5)
    lead = 30 if block.marker else 0
    mask = Image.new("L", (block.width + lead + 2 * pad, block.height + 2 * pad), 0)
    for n, line in enumerate(block.lines):
        baseline = pad + n * block.style.line_height + block.style.baseline
        draw_line(mask, (pad + lead, baseline), line, weight=block.style.weight, size=block.style.size)
    if block.marker:
        middle = pad + block.style.baseline - round(block.style.size * 0.31)
        ImageDraw.Draw(mask).rounded_rectangle((pad + 5, middle - 2, pad + 18, middle + 2), radius=2, fill=190)
    return Sprite(mask, block.colour, block.x - pad - lead, block.y - pad, starts_s, block.role)


def stage(segment: Segment, context: CardContext) -> Image.Image:
    """The backdrop with what does not move on a card: programme, date and the progress mark."""
    cover = segment.kind is not SegmentKind.POINT
    image = backdrop(0.62 if cover else 0.34).copy()
    done = {SegmentKind.INTRO: 0, SegmentKind.OUTRO: context.points}.get(segment.kind, segment.number or 0)
    _bars(image, done, context.points, current=not cover)
    if segment.kind is not SegmentKind.INTRO:
        date = words.long_date(context.date, context.language)
        right = clean(date if cover or not segment.number else f"{date} · {segment.number}/{context.points}")
        width = round(width_of(right, theme.DATE))
        room = theme.WIDTH - 2 * theme.MARGIN - width - 40
        _text(image, theme.MARGIN, elide(context.programme, theme.HEADER, room), theme.AMBER, header=True)
        _text(image, theme.WIDTH - theme.MARGIN - width, right, theme.MUTED, header=False)
    return image


def _text(image: Image.Image, x: int, text: str, colour: theme.Colour, *, header: bool) -> None:
    style = theme.HEADER if header else theme.DATE
    mask = Image.new("L", image.size, 0)
    draw_line(mask, (x, theme.HEADER_BASELINE), text, weight=style.weight, size=style.size)
    image.paste(colour, (0, 0), mask)


def bars(points: int) -> Sequence[tuple[int, int]]:
    """Left and right of each bar of the progress mark."""
    count = points if 0 < points <= theme.MAX_BARS else 1
    full = theme.WIDTH - 2 * theme.MARGIN
    width = (full - theme.BAR_GAP * (count - 1)) / count
    return [
        (round(theme.MARGIN + n * (width + theme.BAR_GAP)), round(theme.MARGIN + n * (width + theme.BAR_GAP) + width))
        for n in range(count)
    ]


def _bars(image: Image.Image, done: int, points: int, *, current: bool) -> None:
    """One bar a story: those shown are full, the current one is bright."""
    if points <= 0:
        return
    scale = 4
    spans = bars(points)
    for n, (left, right) in enumerate(spans):
        mask = Image.new("L", ((right - left) * scale, theme.BAR_HEIGHT * scale), 0)
        ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), radius=10, fill=255)
        mask = mask.resize((right - left, theme.BAR_HEIGHT), Image.Resampling.BOX)
        if len(spans) == points:
            lit = 255 if current and n == done - 1 else 150 if n < done else 0
            edge = right - left if lit else 0
        else:
            lit, edge = 255, round((right - left) * min(1.0, done / points))
        image.paste(theme.STAR, (left, theme.BAR_TOP), mask.point([v // 6 for v in range(256)]))
        if edge:
            image.paste(
                theme.AMBER,
                (left, theme.BAR_TOP),
                mask.crop((0, 0, edge, mask.height)).point([v * lit // 255 for v in range(256)]),
            )
