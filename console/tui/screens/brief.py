"""What has happened since the reader last looked."""

from __future__ import annotations

from dataclasses import replace

from textual.app import ComposeResult
from textual.binding import Binding

from console import format as fmt
from console.tui.draw.base import Frame
from console.tui.draw.brief import draw_brief
from console.tui.screens.base import Dialog, Once
from console.tui.widgets.text import TextView
from scheduler.brief import MorningBrief


class BriefScreen(Dialog[None]):
    """A text that scrolls; any of enter, escape and q closes it."""

    BOX = "help-box"
    AUTO_FOCUS = "#help"
    BINDINGS = [Binding("escape,enter,q", "close", "Close", show=False)]  # noqa: RUF012 - Textual reads it from the class

    def __init__(self, brief: MorningBrief) -> None:
        super().__init__()
        self._brief = brief
        self._changed = Once()

    def box(self) -> ComposeResult:
        """The text."""
        yield TextView(id="help")

    def paint(self, frame: Frame) -> None:
        """The header; the text only when the width is another."""
        super().paint(frame)
        box, text = self.query_one(f"#{self.BOX}"), self.query_one(TextView)
        since = fmt.moment(self._brief.since, frame.present, frame.view.timezone)
        title = f" Since you left, {since} ".replace("[", "\\[")
        if box.border_title != title:
            box.border_title, box.border_subtitle = title, "esc closes"
        width = text.scrollable_content_region.width or frame.columns
        if self._changed(width, frame.view.timezone):
            text.show_lines(draw_brief(replace(frame, width=width), self._brief))

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)
