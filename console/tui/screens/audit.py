"""Audit: who did what, from where, with the outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content

from console import format as fmt
from console.tui.draw.audit import audit_matches, draw_audit_detail, draw_audit_header, draw_audit_row
from console.tui.draw.base import MUTED, Frame, line
from console.tui.keys import bindings_of
from console.tui.screens.base import Once, ViewScreen
from console.tui.screens.prompt import PromptScreen
from console.tui.view import Want
from console.tui.widgets.panel import Panel, set_title
from console.tui.widgets.rows import RowList
from scheduler.domain.audit import AuditLine
from scheduler.domain.snapshot import Page

LINES = 500
"""Newest lines that are read."""
EMPTY = line(("nobody has done anything yet", MUTED))
_WANT: Want[Page[AuditLine]] = Want(("audit", LINES), lambda operations: operations.audit(limit=LINES))


def _key(entry: AuditLine) -> str:
    return str(entry.seq)


def _draw(frame: Frame, entry: AuditLine, selected: bool) -> Content:  # noqa: FBT001 - called by position
    return draw_audit_row(frame, entry, selected=selected)


class AuditScreen(ViewScreen):
    """The trail, newest first, and everything of the line under the cursor."""

    tab = "Audit"
    SCOPES = ("list", "audit")
    BINDINGS = bindings_of("audit")
    AUTO_FOCUS = "#rows"

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self._changed = Once()
        self._shown: tuple[AuditLine, ...] = ()

    def body(self) -> ComposeResult:
        """The list, and the line under the cursor."""
        with Container(id="above", classes="titled whole"):
            yield Panel(draw_audit_header, id="columns")
            yield RowList[AuditLine](key=_key, draw=_draw, empty=EMPTY, id="rows")
        yield Panel(self._draw_detail, id="foot", classes="titled", title=lambda _frame: "The line")

    def wants(self) -> tuple[Want[Any], ...]:
        """The newest lines."""
        return (_WANT,)

    @property
    def rows(self) -> RowList[AuditLine]:
        """The list."""
        return cast("RowList[AuditLine]", self.query_one("#rows"))

    def paint(self, frame: Frame) -> None:
        """The list first: the panel shows what its cursor is on."""
        page = frame.view.answer(_WANT).value
        items: Sequence[AuditLine] = () if page is None else page.items
        if self._changed(page, self._text):
            self._shown = tuple(one for one in items if not self._text or audit_matches(one, self._text))
        self.rows.paint(frame, self._shown)
        super().paint(frame)
        shown = f", filter {self._text!r}: {len(self._shown)}" if self._text else ""
        newest = f"newest {LINES}" if page is not None and page.next_cursor else fmt.count(len(items), "line")
        set_title(self.query_one("#above", Container), f"Audit {frame.signs.dot} {newest}{shown}")

    def on_row_list_moved(self) -> None:
        """Another line's details."""
        self.catch_up()

    def action_verify(self) -> None:
        """Hold the hash chain against itself."""
        operations = self.host.operations

        def verify() -> str:
            verdict = operations.verify_audit()
            if verdict.holds:
                return f"the chain holds: {fmt.count(verdict.lines, 'line')}, nothing was changed"
            return f"THE CHAIN IS BROKEN at line {verdict.broken_seq}: {verdict.problem}"

        self.host.commands.do("audit.verify", verify)

    def action_filter(self) -> None:
        """Ask for words."""
        hint = "All words must occur: a name, a command, a job's id, tui, cli, http, slack, refused; -word must not."
        self.ask_for(PromptScreen("Filter the trail", hint, text=self._text), self._filtered)

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

    def _draw_detail(self, frame: Frame) -> list[Content]:
        return list(draw_audit_detail(frame, self.rows.selected))
