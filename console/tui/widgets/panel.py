"""Panels: a drawing function with a place on the screen and a title."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from textual import events
from textual.content import Content
from textual.widget import Widget

from console.tui.draw.base import Frame
from console.tui.widgets.cadence import Cadence
from console.tui.widgets.lines import LineView

Draw = Callable[[Frame], Sequence[Content]]


class Panel(LineView, can_focus=False):
    """Shows what a pure function draws.

    Args:
        draw: frame to lines; the frame's width is the panel's.
        title: frame to the title in the upper border.
        vanish: take no room when there is nothing to show.
        press: what a click does, by the frame it was drawn for and the column.
    """

    def __init__(
        self,
        draw: Draw,
        *,
        id: str,  # noqa: A002 - Textual's name
        title: Callable[[Frame], str] | None = None,
        vanish: bool = False,
        press: Callable[[Frame, int], None] | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._draw_lines = draw
        self._title = title
        self._vanish = vanish
        self._press = press
        self._frame: Frame | None = None
        self._cadence = Cadence()

    def paint(self, frame: Frame) -> None:
        """Draw for this frame; less often while it would look the same."""
        self._frame = frame
        if not self._cadence.due(only_time=frame.only_time):
            return
        lines = self._draw_lines(replace(frame, width=self.size.width or frame.columns))
        if self._vanish and self.display != bool(lines):
            self.display = bool(lines)
        if self._title is not None:
            set_title(self, self._title(frame))
        self._cadence.drawn(only_time=frame.only_time, moved=self.show_lines(lines))

    def on_click(self, event: events.Click) -> None:
        """What stands there may be pressed."""
        if self._press is not None and self._frame is not None:
            self._press(replace(self._frame, width=self.size.width or self._frame.columns), event.x)

    def on_resize(self, _event: events.Resize) -> None:
        """Another width needs other lines."""
        self.forget()
        if self._frame is not None:
            self.paint(replace(self._frame, only_time=False))


def set_title(widget: Widget, title: str) -> None:
    """Set the title in the border, as text and not as markup; the same title again sends nothing."""
    padded = f" {title} ".replace("[", "\\[")
    if widget.border_title != padded:
        widget.border_title = padded
