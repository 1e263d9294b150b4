"""Panels: a drawing function with a place on the screen and a title."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from textual import events
from textual.content import Content
from textual.widget import Widget

from console.tui.draw.base import Frame
from console.tui.widgets.lines import LineView

Draw = Callable[[Frame], Sequence[Content]]


class Panel(LineView, can_focus=False):
    """Shows what a pure function draws.

    Args:
        draw: frame to lines; the frame's width is the panel's.
        title: frame to the title in the upper border.
        vanish: take no room when there is nothing to show.
    """

    def __init__(
        self,
        draw: Draw,
        *,
        id: str,  # noqa: A002 - Textual's name
        title: Callable[[Frame], str] | None = None,
        vanish: bool = False,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._draw_lines = draw
        self._title = title
        self._vanish = vanish
        self._frame: Frame | None = None

    def paint(self, frame: Frame) -> None:
        """Draw for this frame."""
        self._frame = frame
        lines = self._draw_lines(replace(frame, width=self.size.width or frame.columns))
        if self._vanish and self.display != bool(lines):
            self.display = bool(lines)
        if self._title is not None:
            set_title(self, self._title(frame))
        self.show_lines(lines)

    def on_resize(self, _event: events.Resize) -> None:
        """Another width needs other lines."""
        self.forget()
        if self._frame is not None:
            self.paint(self._frame)


def set_title(widget: Widget, title: str) -> None:
    """Set the title in the border, as text and not as markup; the same title again sends nothing."""
    padded = f" {title} ".replace("[", "\\[")
    if widget.border_title != padded:
        widget.border_title = padded
