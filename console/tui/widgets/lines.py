"""Lines on the screen, of which only the cells that differ are sent again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual.content import Content
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

_BLANK = Content("")


def changed_span(old: Strip, new: Strip) -> tuple[int, int] | None:
    """First and one past the last cell in which two lines differ; None when they are the same. Pure."""
    before, after = _cells(old), _cells(new)
    length = max(len(before), len(after))
    blank = (" ", None)
    before += [blank] * (length - len(before))
    after += [blank] * (length - len(after))
    first = next((n for n in range(length) if before[n] != after[n]), None)
    if first is None:
        return None
    last = next(n for n in range(length - 1, -1, -1) if before[n] != after[n])
    # A wide character is two cells: its second, empty one must never be sent without the first.
    while first > 0 and ("" in (before[first][0], after[first][0])):
        first -= 1
    end = last + 1
    while end < length and "" in (before[end][0], after[end][0]):
        end += 1
    return first, end


def _cells(strip: Strip) -> list[tuple[str, object]]:
    cells: list[tuple[str, object]] = []
    for segment in strip:
        cells += _segment_cells(segment)
    return cells


def _segment_cells(segment: Segment) -> list[tuple[str, object]]:
    text, style = segment.text, segment.style
    if text.isascii():
        return [(character, style) for character in text]
    cells: list[tuple[str, object]] = []
    for character in text:
        width = cell_len(character)
        if width == 0 and cells:
            cells[-1] = (cells[-1][0] + character, style)
        else:
            cells += [(character, style), *[("", style)] * (width - 1)]
    return cells


class LineView(ScrollView):
    """Draws lines that it asks for one by one, only those in sight, and sends only what differs from the last time.

    ``show`` may be called as often as one likes: drawing anew what has not changed costs no byte.
    """

    DEFAULT_CSS = """
    LineView {
        height: auto;
        overflow: hidden;
        text-wrap: nowrap;
        text-overflow: clip;
        scrollbar-size-vertical: 1;
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._count = 0
        self._draw: Callable[[int], Content] = _nothing
        self._shown: dict[int, tuple[Content, Strip]] = {}

    @property
    def line_count(self) -> int:
        """How many lines there are, those out of sight counted."""
        return self._count

    def show(self, count: int, draw: Callable[[int], Content]) -> bool:
        """Show ``count`` lines; ``draw(n)`` makes the n-th when it comes into sight.

        Returns:
            Whether anything looks different.
        """
        self._draw = draw
        moved = count != self._count
        if count != self._count:
            self._count = count
            self.virtual_size = Size(1, count)
        top, width = self.scroll_offset.y, self.size.width
        for row in range(self.size.height):
            shown = self._shown.get(top + row)
            content = self._content(top + row)
            if shown is not None and content.is_same(shown[0]):
                continue
            strip = self._strip(content)
            self._shown[top + row] = (content, strip)
            span = (0, width) if shown is None else changed_span(shown[1], strip)
            if span is not None:
                moved = True
                self.refresh(Region(span[0], row, min(span[1], width) - span[0], 1))

        return moved

    def show_lines(self, lines: Sequence[Content]) -> bool:
        """Show these lines; whether anything looks different."""
        return self.show(len(lines), lines.__getitem__)

    def render_line(self, y: int) -> Strip:
        """The line at ``y`` of what is in sight."""
        n = self.scroll_offset.y + y
        shown = self._shown.get(n)
        if shown is not None:
            return shown[1]
        content = self._content(n)
        strip = self._strip(content)
        self._shown[n] = (content, strip)
        return strip

    def notify_style_update(self) -> None:
        """Colours or size have changed: nothing that was drawn holds any more."""
        super().notify_style_update()
        self.forget()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Keep only what is in sight."""
        self.forget()
        super().watch_scroll_y(old_value, new_value)

    def forget(self) -> None:
        """Draw every line anew at the next paint."""
        self._shown.clear()

    def _content(self, n: int) -> Content:
        return self._draw(n) if 0 <= n < self._count else _BLANK

    def _strip(self, content: Content) -> Strip:
        width = self.size.width
        if not content.plain:
            return Strip.blank(width, self.visual_style.rich_style)
        return Visual.to_strips(self, content, width, 1, self.visual_style, pad=True)[0]


def _nothing(_n: int) -> Content:
    return _BLANK
