"""Schedule: what is due, when, and how to start, pause and resume it."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content

from console.tui.draw.base import MUTED, Frame, line
from console.tui.draw.schedule import draw_nights, draw_schedule, draw_schedule_header, draw_upcoming
from console.tui.keys import bindings_of
from console.tui.scheduleactions import ask_pause, ask_run, ask_skip, day_problem
from console.tui.screens.base import ViewScreen
from console.tui.screens.prompt import PromptScreen
from console.tui.view import Want
from console.tui.widgets.panel import Panel, set_title
from console.tui.widgets.rows import RowList
from scheduler.domain.night import Night
from scheduler.domain.schedule import ScheduleState

EMPTY = line(("no schedule is configured", MUTED))


def _key(schedule: ScheduleState) -> str:
    return schedule.definition.name


def _draw(frame: Frame, schedule: ScheduleState, selected: bool) -> Content:  # noqa: FBT001 - called by position
    return draw_schedule(frame, schedule, selected=selected)


SHOWN = 7
"""Nights that are shown."""


def _nights_of(schedule: str) -> Want[tuple[Night, ...]]:
    return Want(("nights", schedule), lambda operations: operations.nights(days=30, schedule=schedule), every_s=60.0)


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
        yield Panel(self._draw_nights, id="nights", classes="titled", title=lambda _frame: "Nights")
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
        """The list first: a panel shows what its cursor is on."""
        before = self.schedules.selected
        self.schedules.paint(frame, frame.view.snapshot.schedules if frame.view.snapshot else ())
        super().paint(frame)
        if before is None and self.schedules.selected is not None:
            self.host.rewant()

    def wants(self) -> tuple[Want[Any], ...]:
        """The nights of the schedule under the cursor."""
        selected = self.schedules.selected if self._built else None
        return () if selected is None else (_nights_of(selected.definition.name),)

    def on_row_list_moved(self) -> None:
        """Another one's nights."""
        self.host.rewant()
        self.catch_up()

    def _draw_nights(self, frame: Frame) -> list[Content]:
        selected = self.schedules.selected
        nights = None if selected is None else frame.view.answer(_nights_of(selected.definition.name)).value
        return draw_nights(frame, selected, nights if nights is None else nights[:SHOWN])

    def action_skip_schedule(self) -> None:
        """Ask for a run date, and skip it or owe it again."""
        selected = self.schedules.selected
        if selected is None:
            return
        coming = [one.fire for one in self.host.frame().view.upcoming if one.fire.schedule == selected.definition.name]
        text = coming[0].run_date.isoformat() if coming else ""
        hint = "A run date, like 2026-11-21: the day the video is for. One that is skipped is owed again."
        prompt = PromptScreen("Skip which date?", hint, text=text, check=day_problem)
        self.ask_for(
            prompt, lambda day: ask_skip(self.host, selected, date.fromisoformat(day.strip())) if day else None
        )

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
