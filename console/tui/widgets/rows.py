"""A list with a cursor that stays on its row while rows come and go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from textual import events
from textual.content import Content
from textual.message import Message

from console.tui.draw.base import Frame
from console.tui.keys import bindings_of
from console.tui.widgets.cadence import Cadence
from console.tui.widgets.lines import LineView

T = TypeVar("T")


class RowList(LineView, Generic[T]):
    """Rows of anything that has a key.

    Args:
        key: what a row is known by over time.
        draw: one row; ``selected`` when the cursor is on it.
        empty: what stands there when there is none.
        seconds: whether a row may look different a second later though nothing was written.
    """

    BINDINGS = bindings_of("list", "open")
    can_focus = True

    class Opened(Message):
        """The reader wants to see a row.

        Attributes:
            key: the row's.
        """

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    class Moved(Message):
        """The cursor is on another row."""

    def __init__(
        self,
        *,
        key: Callable[[T], str],
        draw: Callable[[Frame, T, bool], Content],
        empty: Content,
        id: str,  # noqa: A002 - Textual's name
        seconds: Callable[[Frame, T], bool] | None = None,
    ) -> None:
        super().__init__(id=id)
        self._seconds = seconds
        self._key = key
        self._draw_row = draw
        self._empty = empty
        self._items: tuple[T, ...] = ()
        self._index = 0
        self._cursor: str | None = None
        self._frame: Frame | None = None
        self._cadence = Cadence()

    @property
    def selected(self) -> T | None:
        """The row under the cursor."""
        return self._items[self._index] if self._items else None

    def paint(self, frame: Frame, items: Sequence[T]) -> None:
        """Show these rows; the cursor stays on its row, or, when that is gone, where it was."""
        self._frame = frame
        if not self._cadence.due(only_time=frame.only_time):
            return
        self._items = tuple(items)
        keys = [self._key(item) for item in self._items]
        if self._cursor in keys:
            moved = keys.index(self._cursor) - self._index
            self._index += moved
            if moved and self._index >= self.size.height:
                self._reveal()
        else:
            self._index = max(min(self._index, len(keys) - 1), 0)
            self._cursor = keys[self._index] if keys else None
        seconds = self._seconds is None or any(self._seconds(frame, item) for item in self._in_sight())
        self._cadence.drawn(only_time=frame.only_time, moved=self._redraw(), seconds=seconds)

    def _in_sight(self) -> tuple[T, ...]:
        top = self.scroll_offset.y
        return self._items[top : top + self.size.height]

    def _redraw(self) -> bool:
        """Draw what is known; whether anything looks different."""
        if self._frame is None:
            return False
        frame = replace(self._frame, width=self.size.width or self._frame.columns)
        if not self._items:
            return self.show(1, lambda _n: self._empty)
        return self.show(len(self._items), lambda n: self._row(frame, n))

    def _row(self, frame: Frame, n: int) -> Content:
        selected = n == self._index
        row = self._draw_row(frame, self._items[n], selected)
        if not selected:
            return row
        row = row.pad_right(max(frame.width - row.cell_length, 0))
        return row.stylize("on $row-focus" if self.has_focus else "on $row-cursor")

    def on_resize(self, _event: events.Resize) -> None:
        """Another width needs other lines."""
        self.forget()
        self._redraw()
        self._reveal()

    def on_focus(self) -> None:
        """The cursor's colour tells where keys go."""
        self._redraw()

    def on_blur(self) -> None:
        """The same."""
        self._redraw()

    def _move_to(self, index: int) -> None:
        if not self._items:
            return
        self._index = max(min(index, len(self._items) - 1), 0)
        last, self._cursor = self._cursor, self._key(self._items[self._index])
        self._reveal()
        self._redraw()
        if self._cursor != last:
            self.post_message(self.Moved())

    def _reveal(self) -> None:
        height, top = self.size.height, self.scroll_offset.y
        if height <= 0:
            return
        if self._index < top:
            self.scroll_to(y=self._index, animate=False, immediate=True)
        elif self._index >= top + height:
            self.scroll_to(y=self._index - height + 1, animate=False, immediate=True)

    def action_cursor(self, step: int) -> None:
        """Move by rows."""
        self._move_to(self._index + step)

    def action_page(self, step: int) -> None:
        """Move by pages."""
        self._move_to(self._index + step * max(self.size.height - 1, 1))

    def action_edge(self, step: int) -> None:
        """Move to the first or last row."""
        self._move_to(0 if step < 0 else len(self._items) - 1)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self._cursor is not None:
            self.post_message(self.Opened(self._cursor))

    def on_click(self, event: events.Click) -> None:
        """A click selects; a second one opens."""
        index = self.scroll_offset.y + event.y
        if not 0 <= index < len(self._items):
            return
        if index == self._index and event.chain > 1:
            self.action_open()
        else:
            self._move_to(index)
