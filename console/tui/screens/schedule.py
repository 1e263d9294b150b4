"""Schedule: what is due, when, and how to start, pause and resume it."""

from __future__ import annotations

from typing import cast

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content

from console.tui.draw.base import MUTED, Frame, line
from console.tui.draw.schedule import draw_schedule, draw_schedule_header, draw_upcoming
from console.tui.keys import bindings_of
from console.tui.scheduleactions import ask_pause, ask_run
from console.tui.screens.base import ViewScreen
from console.tui.widgets.panel import Panel, set_title
from console.tui.widgets.rows import RowList
from scheduler.domain.schedule import ScheduleState

EMPTY = line(("no schedule is configured", MUTED))


def _key(schedule: ScheduleState) -> str:
    return schedule.definition.name


def _draw(frame: Frame, schedule: ScheduleState, selected: bool) -> Content:  # noqa: FBT001 - called by position
    return draw_schedule(frame, schedule, selected=selected)


def _upcoming_title(_frame: Frame) -> str:
    return "Next"


class ScheduleScreen(ViewScreen):
    """Schedules above, their coming fires below."""

    tab = "Schedule"
    SCOPES = ("list", "schedule")
    BINDINGS = bindings_of("schedule")
    AUTO_FOCUS = "#schedules"

    def body(self) -> ComposeResult:
        """The schedules and what is next."""
        with Container(id="schedule-list", classes="titled"):
            yield Panel(draw_schedule_header, id="columns")
            yield RowList[ScheduleState](key=_key, draw=_draw, empty=EMPTY, id="schedules")
        yield Panel(draw_upcoming, id="fires", classes="titled", title=_upcoming_title)

    def on_mount(self) -> None:
        """Name the list."""
        set_title(self.query_one("#schedule-list", Container), "Schedules")
        super().on_mount()

    @property
    def schedules(self) -> RowList[ScheduleState]:
        """The list."""
        return cast("RowList[ScheduleState]", self.query_one("#schedules"))

    def paint(self, frame: Frame) -> None:
        """The panels and the list."""
        super().paint(frame)
        self.schedules.paint(frame, frame.view.snapshot.schedules if frame.view.snapshot else ())

    def action_run_schedule(self) -> None:
        """Run the schedule under the cursor now."""
        selected = self.schedules.selected
        if selected is not None:
            ask_run(self.host, selected.definition.name)

    def action_pause_schedule(self) -> None:
        """Pause it, or resume it when it is paused."""
        selected = self.schedules.selected
        if selected is not None:
            ask_pause(self.host, selected.definition.name, paused=not selected.paused)
