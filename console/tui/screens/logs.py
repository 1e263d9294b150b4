"""Logs: every call of a provider over all jobs, as it happens."""

from __future__ import annotations

from typing import Any, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content

from console import format as fmt
from console.tui.draw.base import MUTED, Frame, line
from console.tui.draw.log import LogRow, draw_log_row, rows_of
from console.tui.keys import bindings_of
from console.tui.screens.base import Once, ViewScreen
from console.tui.screens.detail import DetailScreen
from console.tui.screens.prompt import PromptScreen
from console.tui.view import Want
from console.tui.widgets.panel import set_title
from console.tui.widgets.rows import RowList
from scheduler.domain.render import Attempt

CALLS = 1000
"""Newest calls that are read."""
EMPTY = line(("no call yet: the log begins with the first render", MUTED))
_WANT: Want[tuple[Attempt, ...]] = Want(("log", CALLS), lambda operations: operations.recent_attempts(limit=CALLS))


class LogList(RowList[LogRow]):
    """Rows that follow the newest one until the reader goes up."""

    follows = True

    def _move_to(self, index: int) -> None:
        super()._move_to(index)
        if self.selected is not None:
            self.follows = index >= self.line_count - 1

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        """The reader looks at something: stay there."""
        self.follows = False
        self.post_message(self.Moved())

    def action_open(self) -> None:
        """Open the job of the row under the cursor."""
        if self.selected is not None:
            self.post_message(self.Opened(self.selected.attempt.job_id))


class LogsScreen(ViewScreen):
    """Follow, filter, wrap, jump to the render."""

    tab = "Logs"
    SCOPES = ("list", "log")
    BINDINGS = bindings_of("log")
    AUTO_FOCUS = "#rows"

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self._wrap = False
        self._changed = Once()
        self._rows: list[LogRow] = []
        self._held_at = 0

    def body(self) -> ComposeResult:
        """The rows."""
        with Container(id="above", classes="titled whole"):
            yield LogList(key=_key, draw=_draw, empty=EMPTY, id="rows")

    def wants(self) -> tuple[Want[Any], ...]:
        """The newest calls."""
        return (_WANT,)

    @property
    def rows(self) -> LogList:
        """The list."""
        return cast("LogList", self.query_one("#rows"))

    def paint(self, frame: Frame) -> None:
        """The rows; made anew only when there are others."""
        super().paint(frame)
        rows, attempts = self.rows, frame.view.answer(_WANT).value or ()
        width = rows.scrollable_content_region.width or frame.columns
        if self._changed(attempts, self._text, self._wrap, width):
            self._rows = rows_of(attempts, text=self._text, wrap=self._wrap, width=width, signs=frame.signs)
        follows = rows.follows
        rows.paint(frame, self._rows)
        if follows:
            rows.action_edge(1)
            self._held_at = len(self._rows)
        set_title(self.query_one("#above", Container), self._title(frame, len(attempts)))

    def _title(self, frame: Frame, calls: int) -> str:
        dot = frame.signs.dot
        parts = [f"Logs {dot} {fmt.count(calls, 'call')}" if calls < CALLS else f"Logs {dot} newest {calls} calls"]
        if self._text:
            parts.append(f"filter {self._text!r}: {fmt.count(len({row.attempt.id for row in self._rows}), 'call')}")
        new = len(self._rows) - self._held_at
        parts.append("following" if self.rows.follows else f"held{f', {new} new below' if new > 0 else ''}, G follows")
        if self._wrap:
            parts.append("wrapped")
        return f" {dot} ".join(parts)

    def on_row_list_moved(self) -> None:
        """Whether it follows stands in the title."""
        self.catch_up()

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        """Enter: everything about that job."""
        self.host.show(DetailScreen(event.key, tab=self.tab))

    def action_wrap(self) -> None:
        """Long messages on several rows, or cut."""
        self._wrap = not self._wrap
        self.catch_up()

    def action_follow(self) -> None:
        """Follow the newest call, or hold."""
        self.rows.follows = not self.rows.follows
        self.catch_up()

    def action_filter(self) -> None:
        """Ask for words."""
        hint = "All words must occur: a stage, a provider, a job's id, a part of the error; -word must not. Empty: all."
        self.ask_for(PromptScreen("Filter the log", hint, text=self._text), self._filtered)

    def _filtered(self, text: str | None) -> None:
        if text is not None:
            self._text = " ".join(text.split())
            self.catch_up()

    def action_back(self) -> None:
        """Put the filter away first, then the notice."""
        if self._text:
            self._filtered("")
        else:
            super().action_back()


def _key(row: LogRow) -> str:
    return row.key


def _draw(frame: Frame, row: LogRow, selected: bool) -> Content:  # noqa: FBT001 - called by position from the list
    return draw_log_row(frame, row, selected=selected)
