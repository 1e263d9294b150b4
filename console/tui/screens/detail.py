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
from console.tui.typeactions import ask_pause_type
from console.tui.view import Answer, Want
from console.tui.widgets.panel import Panel
from console.tui.widgets.text import TextView
from scheduler.domain.job import JobStatus
from scheduler.ports.operations import JobDetail


class DetailScreen(ViewScreen):
    """The detail of a job, read as long as the screen is open.

    Args:
        job_id: the job.
        tab: the tab it was opened from.
    """

    SCOPES = ("job", "text", "detail")
    FIRST = ("app.back",)
    BINDINGS = bindings_of("job", "detail")
    AUTO_FOCUS = "#detail"

    def __init__(self, job_id: str, *, tab: str) -> None:
        super().__init__()
        self.tab = tab
        self._want = Want(("job", job_id), lambda operations: operations.job(job_id))
        self._drawn = Once()
        self._raw = False

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
        running = detail is not None and detail.job.status is JobStatus.PROCESSING
        if width and self._drawn(detail, width, self._raw, int(frame.now.timestamp()) if running else 0):
            wide = replace(frame, width=width)
            text.show_lines(draw_detail(wide, detail, raw=self._raw) if detail is not None else [])

    def action_back(self) -> None:
        """Back to the list."""
        self.dismiss()

    def action_job(self, name: str) -> None:
        """An action on this job."""
        detail = self._answer(self.host.frame()).value
        ask_job(self.host, name, None if detail is None else detail.job)

    def action_pause_type(self) -> None:
        """Pause this job's type, or let it go on."""
        detail = self._answer(self.host.frame()).value
        ask_pause_type(self.host, None if detail is None else detail.job)

    def action_raw(self) -> None:
        """The payload as a tree, or as it is."""
        self._raw = not self._raw
        self.catch_up()

    def action_copy(self, what: str) -> None:
        """Copy the result's address, or the id."""
        detail = self._answer(self.host.frame()).value
        if detail is None:
            self.host.say("there is nothing to copy yet", good=False)
        elif what == "id":
            self.host.copy(detail.job.id, "the id")
        elif isinstance(url := detail.job.payload.get("video_url"), str) and url:
            self.host.copy(url, "the address of the video")
        else:
            self.host.say("the job has no result to copy yet", good=False)

    def _answer(self, frame: Frame) -> Answer[JobDetail]:
        return frame.view.answer(self._want)

    def _head(self, frame: Frame) -> list[Content]:
        return draw_detail_head(frame, self._answer(frame))
