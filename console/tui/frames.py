"""Frames, tighter than Textual makes them: only the cells that differ from what stands on the terminal."""

from __future__ import annotations

from itertools import chain

from rich.color import ColorSystem
from rich.console import Console
from textual._compositor import ChopsUpdate, LayoutUpdate

from console.tui.canvas import Canvas
from console.tui.pen import Pen


def _colours(console: Console) -> ColorSystem:
    return console._color_system or ColorSystem.TRUECOLOR  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - no public way


class TightUpdate(ChopsUpdate):
    """Some stretches of some lines."""

    canvas: Canvas
    pen: Pen

    @classmethod
    def of(cls, update: ChopsUpdate, canvas: Canvas, pen: Pen) -> TightUpdate:
        """The same update, tighter."""
        tight = cls(update.chops, update.spans, update.chop_ends)
        tight.canvas, tight.pen = canvas, pen
        return tight

    def render_segments(self, console: Console) -> str:
        """The update as it is sent."""
        sent: list[str] = []
        colours = _colours(console)
        for y, first, last in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=True):
                if strip is None or x > last or end <= first:
                    continue
                begin = max(first, x)
                sent.append(self.canvas.row(y, begin, strip.crop(begin - x, min(end, last) - x), colours))
        return self.pen.frame("".join(sent))


class WholeUpdate(LayoutUpdate):
    """A whole screen."""

    canvas: Canvas
    pen: Pen

    @classmethod
    def of(cls, update: LayoutUpdate, canvas: Canvas, pen: Pen) -> WholeUpdate:
        """The same update, tighter."""
        whole = cls(update.strips, update.region)
        whole.canvas, whole.pen = canvas, pen
        return whole

    def render_segments(self, console: Console) -> str:
        """The update as it is sent."""
        colours = _colours(console)
        lines = (
            self.canvas.row(y, self.region.x, chain.from_iterable(line), colours)
            for y, line in enumerate(self.strips, self.region.y)
        )
        return self.pen.frame("".join(lines))
