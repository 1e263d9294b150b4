"""One job with everything that is known of it."""

from __future__ import annotations

from dataclasses import replace

from textual.app import ComposeResult
from textual.content import Content

from console.tui.draw.base import Frame
from console.tui.draw.detail import draw_detail, draw_detail_head
from console.tui.keys import bindings_of
from console.tui.screens.base import ViewScreen
from console.tui.widgets.lines import LineView
from console.tui.widgets.panel import Panel
from scheduler.domain.job import Job
from scheduler.ports.operations import JobDetail


class TextView(LineView):
    """A text that scrolls; it is made anew only when what it is made from has changed."""

    BINDINGS = bindings_of("text")
    can_focus = True


class DetailScreen(ViewScreen):
    """The detail of a job, read as long as the screen is open.

    Args:
        job_id: the job.
        tab: the tab it was opened from.
    """

    PLACES = ("job", "text")
    FIRST = ("app.back",)
    BINDINGS = bindings_of("job")
    AUTO_FOCUS = "#detail"

    def __init__(self, job_id: str, *, tab: str) -> None:
        super().__init__()
        self.tab = tab
        self._job_id = job_id
        self._drawn: tuple[JobDetail | None, int] | None = None

    def body(self) -> ComposeResult:
        """Two lines that stay, and the text."""
        yield Panel(self._head, id="detail-head")
        yield TextView(id="detail")

    def on_screen_resume(self) -> None:
        """Read this job from now on."""
        self.host.watch_job(self._job_id)
        super().on_screen_resume()

    def on_unmount(self) -> None:
        """Nobody reads it any more."""
        super().on_unmount()
        self.host.watch_job(None)

    def paint(self, frame: Frame) -> None:
        """The panels; the text only when the job or the width has changed."""
        super().paint(frame)
        text = self.query_one(TextView)
        width = text.scrollable_content_region.width or frame.columns
        detail = frame.view.detail if frame.view.watched == self._job_id else None
        if width == 0 or self._drawn == (detail, width):
            return
        self._drawn = (detail, width)
        lines = draw_detail(replace(frame, width=width)) if detail is not None else []
        text.show_lines(lines)

    def action_back(self) -> None:
        """Back to the list."""
        self.dismiss()

    def action_job(self, name: str) -> None:
        """An action on this job."""
        self.host.ask_job(name, self._job())

    def _job(self) -> Job | None:
        view = self.host.frame().view
        return view.detail.job if view.detail is not None and view.watched == self._job_id else None

    def _head(self, frame: Frame) -> list[Content]:
        if frame.view.watched != self._job_id:
            frame = replace(frame, view=replace(frame.view, detail=None, detail_problem=None))
        return draw_detail_head(frame)
