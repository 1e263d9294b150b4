"""Where everything on a card stands. Pure, given the fonts: a segment in, pages of placed blocks out.

Text is set at the largest size step at which the whole segment fits one page. If it fits at none, it flows over several
pages at a comfortable size; nothing is ever cut, and nothing leaves the area between header and captions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from integrations.media.cards import theme, words
from integrations.media.text.shape import clean
from integrations.media.text.typeset import Style, width_of, wrap
from scheduler.domain.content import Segment, SegmentKind
from scheduler.ports.media import CardContext


class Role(StrEnum):
    """What a block is; decides how it enters."""

    KICKER = "kicker"
    NUMERAL = "numeral"
    HEADING = "heading"
    RULE = "rule"
    BODY = "body"
    FACTS = "facts"
    SOURCE = "source"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of one style, placed.

    Attributes:
        x: left edge in pixels; ``y``: top of the first line's box.
        marker: a small bar stands before the first line.
    """

    role: Role
    lines: tuple[str, ...]
    style: Style
    colour: theme.Colour
    x: int
    y: int
    marker: bool = False

    @property
    def height(self) -> int:
        """Pixels from the top of the first line's box to the bottom of the last one's."""
        return self.style.line_height * len(self.lines)

    @property
    def width(self) -> int:
        """Pixels of its longest line."""
        return max((round(width_of(line, self.style)) for line in self.lines), default=0)


@dataclass(frozen=True, slots=True)
class Page:
    """One card on the screen. ``weight`` is its share of the segment's characters, 0–1."""

    blocks: tuple[Block, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class _Paragraph:
    role: Role
    lines: tuple[str, ...]
    style: Style
    colour: theme.Colour
    gap: int
    marker: bool = False
    indent: int = 0

    @property
    def height(self) -> int:
        return self.style.line_height * len(self.lines)


MARKER_INDENT = 26


def lay_out(segment: Segment, context: CardContext) -> tuple[Page, ...]:
    """The pages of a segment, at least one."""
    left = theme.MARGIN + (theme.NUMERAL_WIDTH if segment.number is not None else 0)
    footer = _footer(segment, context, left)
    bottom = min((block.y for block in footer), default=theme.CONTENT_BOTTOM) - (14 if footer else 0)
    steps = theme.POINT_STEPS if segment.kind is SegmentKind.POINT else theme.COVER_STEPS
    for step in steps:
        paragraphs = _paragraphs(segment, context, step.heading, step.body, left)
        fits = sum(p.gap + p.height for p in paragraphs) <= bottom - theme.CONTENT_TOP
        if fits and all(len(p.lines) <= step.heading_lines for p in paragraphs if p.role is Role.HEADING):
            return (_page(paragraphs, segment, left, bottom, footer, flow=None),)
    flowing = steps[theme.FLOW_STEP]
    paragraphs = _paragraphs(segment, context, flowing.heading, flowing.body, left)
    sheets = _flow(paragraphs, bottom - theme.CONTENT_TOP - theme.KICKER.line_height - 20)
    pages = tuple(
        _page(sheet, segment, left, bottom, footer, flow=(n + 1, len(sheets))) for n, sheet in enumerate(sheets)
    )
    total = sum(page.weight for page in pages) or 1.0
    return tuple(replace(page, weight=page.weight / total) for page in pages)


def _paragraphs(segment: Segment, context: CardContext, heading: Style, body: Style, left: int) -> list[_Paragraph]:
    width = min(theme.TEXT_WIDTH, theme.WIDTH - theme.MARGIN - left)
    found: list[_Paragraph] = []

    def add(role: Role, text: str, style: Style, colour: theme.Colour, gap: float, *, marker: bool = False) -> None:
        indent = MARKER_INDENT if marker else 0
        lines = tuple(wrap(text, style, width - indent, balance=role is Role.HEADING))
        if lines:
            found.append(_Paragraph(role, lines, style, colour, round(gap) if found else 0, marker, indent))

    cover = segment.kind is not SegmentKind.POINT
    if segment.kind is SegmentKind.INTRO:
        add(Role.KICKER, context.programme.upper(), theme.KICKER, theme.AMBER, 0)
    add(Role.HEADING, segment.heading, heading, theme.WHITE, heading.size * 0.1)
    if cover and found:
        found.append(_Paragraph(Role.RULE, ("",), Style(body.weight, 6, 1.0), theme.AMBER, round(heading.size * 0.28)))
    if segment.kind is SegmentKind.INTRO:
        facts = words.long_date(context.date, context.language)
        if context.points:
            facts += f" · {words.stories(context.points, context.language)}"
        add(Role.FACTS, facts, body, theme.SOFT, body.size * 0.7)
    for n, line in enumerate(segment.lines):
        gap = body.size * (0.75 if n == 0 else 0.38)
        add(Role.BODY, line, body, theme.SOFT, gap, marker=not cover or len(segment.lines) > 1)
    return found


def _flow(paragraphs: Sequence[_Paragraph], height: int) -> list[list[_Paragraph]]:
    """Pages of paragraphs of at most ``height`` pixels, evenly filled."""
    sheets = _fill(paragraphs, height)
    low, high = height // 2, height
    while high - low > 8:  # noqa: PLR2004 - pixels; closer is not seen
        middle = (low + high) // 2
        if len(_fill(paragraphs, middle)) > len(sheets):
            low = middle
        else:
            high = middle
    return _fill(paragraphs, high)


def _fill(paragraphs: Sequence[_Paragraph], height: int) -> list[list[_Paragraph]]:
    sheets: list[list[_Paragraph]] = [[]]
    used = 0
    waiting = list(paragraphs)
    while waiting:
        paragraph = waiting.pop(0)
        gap = paragraph.gap if sheets[-1] else 0
        if used + gap + paragraph.height <= height:
            sheets[-1].append(replace(paragraph, gap=gap))
            used += gap + paragraph.height
        elif paragraph.height > height:
            room = max(height - used - gap, 0) // paragraph.style.line_height
            if not sheets[-1]:
                room = max(room, 1)
            if room:
                sheets[-1].append(replace(paragraph, gap=gap, lines=paragraph.lines[:room]))
            waiting.insert(0, replace(paragraph, lines=paragraph.lines[room:], marker=paragraph.marker and not room))
            sheets.append([])
            used = 0
        else:
            waiting.insert(0, paragraph)
            sheets.append([])
            used = 0
    return [sheet for sheet in sheets if sheet] or [[]]


def _page(
    paragraphs: Sequence[_Paragraph],
    segment: Segment,
    left: int,
    bottom: int,
    footer: Sequence[Block],
    *,
    flow: tuple[int, int] | None,
) -> Page:
    blocks: list[Block] = []
    y = theme.CONTENT_TOP
    if flow is not None and flow[0] > 1:
        blocks.append(
            Block(
                Role.KICKER,
                (elide(segment.heading, theme.KICKER, theme.WIDTH - theme.MARGIN - left),),
                theme.KICKER,
                theme.MUTED,
                left,
                y,
            )
        )
        y += theme.KICKER.line_height + 20
    else:
        height = sum(p.gap + p.height for p in paragraphs)
        y += round(max(0, bottom - theme.CONTENT_TOP - height) * 0.42)
    top = y
    for paragraph in paragraphs:
        y += paragraph.gap
        x = left + paragraph.indent
        blocks.append(Block(paragraph.role, paragraph.lines, paragraph.style, paragraph.colour, x, y, paragraph.marker))
        y += paragraph.height
    if segment.number is not None:
        blocks.append(_numeral(segment.number, blocks[0] if blocks and flow and flow[0] > 1 else None, paragraphs, top))
    blocks.extend(footer)
    if flow is not None:
        mark = f"{flow[0]} / {flow[1]}"
        x = theme.WIDTH - theme.MARGIN - round(width_of(mark, theme.SOURCE))
        blocks.append(
            Block(Role.PAGE, (mark,), theme.SOURCE, theme.MUTED, x, theme.CONTENT_BOTTOM - theme.SOURCE.line_height)
        )
    return Page(tuple(blocks), float(sum(len(line) for p in paragraphs for line in p.lines)))


def _numeral(number: int, kicker: Block | None, paragraphs: Sequence[_Paragraph], top: int) -> Block:
    """The point's number, its baseline on the first line's; smaller where it goes on beside the kicker."""
    style = theme.NUMERAL
    while width_of(f"{number:02d}", style) > theme.NUMERAL_WIDTH - 20:
        style = replace(style, size=style.size - 4)
    if kicker is not None:
        style = replace(style, size=min(style.size, 40))
        baseline = kicker.y + kicker.style.baseline
    else:
        baseline = top + (paragraphs[0].style.baseline if paragraphs else style.baseline)
    return Block(Role.NUMERAL, (f"{number:02d}",), style, theme.AMBER, theme.MARGIN, baseline - style.baseline)


def _footer(segment: Segment, context: CardContext, left: int) -> tuple[Block, ...]:
    if not segment.source or not clean(segment.source):
        return ()
    width = theme.WIDTH - theme.MARGIN - left - 90
    lines = wrap(words.source_line(segment.source, context.language), theme.SOURCE, width)
    if len(lines) > MAX_SOURCE_LINES:
        lines = [*lines[: MAX_SOURCE_LINES - 1], elide(" ".join(lines[MAX_SOURCE_LINES - 1 :]), theme.SOURCE, width)]
    y = theme.CONTENT_BOTTOM - theme.SOURCE.line_height * len(lines)
    return (Block(Role.SOURCE, tuple(lines), theme.SOURCE, theme.MUTED, left, y),)


MAX_SOURCE_LINES = 3


def elide(text: str, style: Style, width: float) -> str:
    """``text`` on one line of at most ``width`` pixels, with an ellipsis where it had to end early."""
    shown = clean(text)
    if width_of(shown, style) <= width:
        return shown
    return wrap(shown, style, width - width_of(" …", style))[0].rstrip("-–—,;:. ") + " …"
