"""Tonight: will the video be ready, what runs, what waits, which service is not well."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Container

from console.tui.draw.base import Frame
from console.tui.draw.jobs import draw_depth
from console.tui.draw.schedule import draw_upcoming
from console.tui.draw.services import draw_services
from console.tui.draw.stages import draw_stages, stages_title
from console.tui.draw.verdict import draw_verdict
from console.tui.screens.joblist import JobListScreen
from console.tui.widgets.panel import Panel

WIDE_FROM = 130
"""Terminals with at least as many columns get two columns."""


def _services_title(_frame: Frame) -> str:
    return "Services"


def _upcoming_title(_frame: Frame) -> str:
    return "Next"


class TonightScreen(JobListScreen):
    """The home screen. Narrow: one column; wide: stages and jobs on the left, the rest on the right."""

    tab = "Tonight"
    PLATE = False

    def body(self) -> ComposeResult:
        """Verdict, stages, services, jobs."""
        yield Panel(draw_verdict, id="verdict")
        with Container(id="board"):
            yield Panel(draw_stages, id="stages", classes="titled", title=stages_title)
            yield Panel(draw_services, id="services", classes="titled", title=_services_title)
            with Container(id="queue", classes="titled"):
                yield Panel(draw_depth, id="depth")
                yield self.job_list()
            yield Panel(draw_upcoming, id="upcoming", classes="titled", title=_upcoming_title)

    def on_resize(self, event: events.Resize) -> None:
        """One column or two."""
        self.set_class(event.size.width >= WIDE_FROM, "-wide")
        super().on_resize(event)
