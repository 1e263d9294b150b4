"""Frames, tighter than Textual makes them: from the changed cell on, and with what the pen already has left out."""

from __future__ import annotations

from rich.color import ColorSystem
from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate, LayoutUpdate

from console.tui.pen import Pen


def _colours(console: Console) -> ColorSystem:
    return console._color_system or ColorSystem.TRUECOLOR  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - no public way


class TightUpdate(ChopsUpdate):
    """The same update with what has not changed at its left left out.

    Safe because what our widgets ask to be drawn anew never begins within a wide character (``changed_span``).
    """

    pen: Pen

    @classmethod
    def of(cls, update: ChopsUpdate, pen: Pen) -> TightUpdate:
        """The same update, tighter."""
        tight = cls(update.chops, update.spans, update.chop_ends)
        tight.pen = pen
        return tight

    def render_segments(self, console: Console) -> str:
        """The update as it is sent."""
        sent: list[str] = []
        colours = _colours(console)
        for y, first, last in self.spans:
            at = -1
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=True):
                if strip is None or x > last or end <= first:
                    continue
                begin, upto = max(first, x), min(end, last)
                if begin != at:
                    sent.append(Control.move_to(begin, y).segment.text)
                sent.append(self.pen.text(strip.crop(begin - x, upto - x), colours))
                at = upto
        return self.pen.frame("".join(sent))


class WholeUpdate(LayoutUpdate):
    """A whole screen."""

    pen: Pen

    @classmethod
    def of(cls, update: LayoutUpdate, pen: Pen) -> WholeUpdate:
        """The same update, tighter."""
        whole = cls(update.strips, update.region)
        whole.pen = pen
        return whole

    def render_segments(self, console: Console) -> str:
        """The update as it is sent."""
        sent: list[str] = []
        colours = _colours(console)
        for y, line in enumerate(self.strips, self.region.y):
            sent.append(Control.move_to(self.region.x, y).segment.text)
            sent += [self.pen.text(strip, colours) for strip in line]
        return self.pen.frame("".join(sent))
