"""Tonight: will the video be ready, what runs, what waits, which service is not well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content

from console.tui.draw.base import Frame, line
from console.tui.draw.jobs import draw_depth
from console.tui.draw.mornings import MORNINGS, draw_mornings
from console.tui.draw.schedule import draw_upcoming
from console.tui.draw.services import draw_services
from console.tui.draw.stages import draw_stages, stages_title
from console.tui.draw.verdict import draw_verdict
from console.tui.screens.joblist import JobListScreen
from console.tui.view import Want
from console.tui.widgets.panel import Panel
from scheduler.domain.night import Night

NIGHTS: Want[tuple[Night, ...]] = Want(("nights", MORNINGS), lambda source: source.nights(days=MORNINGS), 60.0)
"""The last mornings; they change once a day, and are read again after writes and every minute."""
MORNINGS_FROM_ROWS = 24
"""Terminals with fewer lines go without the strip."""
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
        yield Panel(self._draw_mornings, id="mornings", vanish=True)
        with Container(id="board"):
            yield Panel(draw_stages, id="stages", classes="titled", title=stages_title)
            yield Panel(draw_services, id="services", classes="titled", title=_services_title)
            with Container(id="queue", classes="titled"):
                yield Panel(draw_depth, id="depth")
                yield self.job_list()
            yield Panel(draw_upcoming, id="upcoming", classes="titled", title=_upcoming_title)

    def wants(self) -> tuple[Want[Any], ...]:
        """The last mornings."""
        return (NIGHTS,)

    def _draw_mornings(self, frame: Frame) -> list[Content]:
        nights = frame.view.answer(NIGHTS).value
        if nights is None or frame.rows < MORNINGS_FROM_ROWS:
            return []
        return [line("  ", one) for one in draw_mornings(replace(frame, width=frame.width - 2), nights)]

    def on_resize(self, event: events.Resize) -> None:
        """One column or two."""
        self.set_class(event.size.width >= WIDE_FROM, "-wide")
        super().on_resize(event)
