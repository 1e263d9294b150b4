"""Partial frames, tighter than Textual makes them: from the changed cell on, not from the left edge of the widget."""

from __future__ import annotations

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate


class TightUpdate(ChopsUpdate):
    """The same update with what has not changed at its left left out.

    Safe because what our widgets ask to be drawn anew never begins within a wide character (``changed_span``).
    """

    @classmethod
    def of(cls, update: ChopsUpdate) -> TightUpdate:
        """The same update, tighter."""
        return cls(update.chops, update.spans, update.chop_ends)

    def render_segments(self, console: Console) -> str:
        """The update as it is sent."""
        sent: list[str] = []
        for y, first, last in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=True):
                if strip is None or x > last or end <= first:
                    continue
                begin = max(first, x)
                part = strip.crop(begin - x, min(end, last) - x)
                sent += [Control.move_to(begin, y).segment.text, part.render(console)]
        return "".join(sent)
