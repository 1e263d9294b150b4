"""One job with everything that is known of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual.app import ComposeResult
from textual.content import Content

from console.tui.asking import ask_job
from console.tui.draw.base import Frame
from console.tui.draw.detail import draw_detail, draw_detail_head
from console.tui.keys import bindings_of
from console.tui.screens.base import Once, ViewScreen
from console.tui.view import Answer, Want
from console.tui.widgets.panel import Panel
from console.tui.widgets.text import TextView
from scheduler.ports.operations import JobDetail


class DetailScreen(ViewScreen):
    """The detail of a job, read as long as the screen is open.

    Args:
        job_id: the job.
        tab: the tab it was opened from.
    """

    SCOPES = ("job", "text")
    FIRST = ("app.back",)
    BINDINGS = bindings_of("job")
    AUTO_FOCUS = "#detail"

    def __init__(self, job_id: str, *, tab: str) -> None:
        super().__init__()
        self.tab = tab
        self._want = Want(("job", job_id), lambda operations: operations.job(job_id))
        self._drawn = Once()

    def wants(self) -> tuple[Want[Any], ...]:
        """This job."""
        return (self._want,)

    def body(self) -> ComposeResult:
        """Two lines that stay, and the text."""
        yield Panel(self._head, id="detail-head")
        yield TextView(id="detail")

    def paint(self, frame: Frame) -> None:
        """The panels; the text only when the job or the width has changed."""
        super().paint(frame)
        text = self.query_one(TextView)
        width = text.scrollable_content_region.width or frame.columns
        detail = self._answer(frame).value
        if width and self._drawn(detail, width):
            text.show_lines(draw_detail(replace(frame, width=width), detail) if detail is not None else [])

    def action_back(self) -> None:
        """Back to the list."""
        self.dismiss()

    def action_job(self, name: str) -> None:
        """An action on this job."""
        detail = self._answer(self.host.frame()).value
        ask_job(self.host, name, None if detail is None else detail.job)

    def _answer(self, frame: Frame) -> Answer[JobDetail]:
        return frame.view.answer(self._want)

    def _head(self, frame: Frame) -> list[Content]:
        return draw_detail_head(frame, self._answer(frame))
