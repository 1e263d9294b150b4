"""A text that scrolls."""

from __future__ import annotations

from console.tui.keys import bindings_of
from console.tui.widgets.lines import LineView


class TextView(LineView):
    """A text that scrolls; it is made anew only when what it is made from has changed."""

    BINDINGS = bindings_of("text")
    can_focus = True
