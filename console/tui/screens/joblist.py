"""A screen with the newest jobs in it."""

from __future__ import annotations

from typing import cast

from textual.containers import Container
from textual.content import Content

from console.tui.asking import ask_job
from console.tui.draw.base import MUTED, Frame, line
from console.tui.draw.jobs import draw_job, jobs_title
from console.tui.keys import bindings_of
from console.tui.screens.base import ViewScreen
from console.tui.screens.detail import DetailScreen
from console.tui.widgets.panel import set_title
from console.tui.widgets.rows import RowList
from scheduler.domain.job import Job

EMPTY = line(("no job yet", MUTED))


def _key(job: Job) -> str:
    return job.id


def _draw(frame: Frame, job: Job, selected: bool) -> Content:  # noqa: FBT001 - called by position from the list
    return draw_job(frame, job, selected=selected)


class JobListScreen(ViewScreen):
    """A screen with one list of jobs, on which the job actions work."""

    SCOPES = ("list", "job")
    BINDINGS = bindings_of("job")
    AUTO_FOCUS = "#jobs"

    def job_list(self) -> RowList[Job]:
        """The list, to be put somewhere."""
        return RowList[Job](key=_key, draw=_draw, empty=EMPTY, id="jobs")

    @property
    def jobs(self) -> RowList[Job]:
        """The list."""
        return cast("RowList[Job]", self.query_one("#jobs"))

    def paint(self, frame: Frame) -> None:
        """The panels and the list."""
        super().paint(frame)
        self.jobs.paint(frame, frame.view.snapshot.jobs if frame.view.snapshot else ())
        set_title(self.query_one("#queue", Container), jobs_title(frame))

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        """Enter."""
        self.open_row(event.key)

    def open_row(self, key: str) -> None:
        """Everything about that job."""
        self.host.show(DetailScreen(key, tab=self.tab))

    def action_job(self, name: str) -> None:
        """An action on the job under the cursor."""
        ask_job(self.host, name, self.jobs.selected)
