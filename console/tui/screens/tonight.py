"""Tonight: will the video be ready, what runs, what waits, which service is not well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content

from console.tui.actions import BY_ID
from console.tui.alertactions import MUTES, OPEN_ALERTS, acknowledge, ask_mute, by_urgency, unmute
from console.tui.draw.alerts import draw_alert
from console.tui.draw.base import MUTED, Frame, apart, line
from console.tui.draw.depth import draw_depth
from console.tui.draw.mornings import MORNINGS, draw_mornings
from console.tui.draw.schedule import draw_upcoming
from console.tui.draw.services import draw_services
from console.tui.draw.stages import draw_stages, stages_title
from console.tui.draw.verdict import draw_verdict
from console.tui.keys import bindings_of, key_label
from console.tui.screens.joblist import JobListScreen
from console.tui.typeactions import TYPES, paused_types
from console.tui.view import Want
from console.tui.widgets.panel import Panel
from console.tui.widgets.rows import RowList
from scheduler.domain.alert import Alert, AlertState
from scheduler.domain.night import Night
from scheduler.domain.recording import DepthHistory

DEPTHS: Want[DepthHistory] = Want(("depths",), lambda source: source.queue_depths(), 60.0, patient=True)
"""How many were queued over the last hours: the newest step is told from the snapshot."""
NIGHTS: Want[tuple[Night, ...]] = Want(("nights", MORNINGS), lambda source: source.nights(days=MORNINGS), 60.0)
"""The last mornings; they change once a day, and are read again after writes and every minute."""
ALARMS = 4
"""Open alerts that are in sight at once; one where there are fewer than ``ALARMS_FROM_ROWS`` lines."""
ALARMS_FROM_ROWS = 30
HINT_FROM = 100
"""Terminals with fewer columns get a shorter hint."""
MORNINGS_FROM_ROWS = 24
"""Terminals with fewer lines go without the strip."""
WIDE_FROM = 130
"""Terminals with at least as many columns get two columns."""


def _alert_key(alert: Alert) -> str:
    return alert.id


def _hint(frame: Frame, alert: Alert, count: int) -> str:
    """What can be done about the alert under the cursor, and how many more there are."""
    key = key_label(frame.keymap.key(BY_ID["alert.ack"]))
    parts = [f"+{count - 1}"] * (count > 1 and frame.rows < ALARMS_FROM_ROWS)
    word = " acknowledges" if frame.columns >= HINT_FROM else " acks"
    parts += [key + word] * (alert.state is AlertState.FIRING and frame.past is None)
    return "  " + f" {frame.signs.dot} ".join(parts) if parts else ""


def _services_title(_frame: Frame) -> str:
    return "Services"


def _upcoming_title(_frame: Frame) -> str:
    return "Next"


class TonightScreen(JobListScreen):
    """The home screen. Narrow: one column; wide: stages and jobs on the left, the rest on the right."""

    tab = "Tonight"
    SCOPES = (*JobListScreen.SCOPES, "alert")
    BINDINGS = bindings_of("alert")
    PLATE = False

    def __init__(self) -> None:
        super().__init__()
        self._muted: frozenset[str] = frozenset()

    def body(self) -> ComposeResult:
        """Verdict, stages, services, jobs."""
        yield Panel(draw_verdict, id="verdict")
        yield Panel(self._draw_mornings, id="mornings", vanish=True)
        yield RowList[Alert](key=_alert_key, draw=self._draw_alert, empty=Content(""), id="alarms")
        with Container(id="board"):
            yield Panel(draw_stages, id="stages", classes="titled", title=stages_title)
            yield Panel(draw_services, id="services", classes="titled", title=_services_title)
            with Container(id="queue", classes="titled"):
                yield Panel(self._draw_depth, id="depth")
                yield self.job_list()
            yield Panel(draw_upcoming, id="upcoming", classes="titled", title=_upcoming_title)

    def wants(self) -> tuple[Want[Any], ...]:
        """The last mornings, what fires, and how many were queued."""
        return (NIGHTS, OPEN_ALERTS, MUTES, DEPTHS, TYPES)

    @property
    def alarms(self) -> RowList[Alert]:
        """The open alerts."""
        return cast("RowList[Alert]", self.query_one("#alarms"))

    def paint(self, frame: Frame) -> None:
        """The open alerts above everything else; without one they take no room."""
        alarms = self.alarms
        found = by_urgency(frame.view.answer(OPEN_ALERTS).value or ())
        self._muted = frozenset(one.fingerprint for one in frame.view.answer(MUTES).value or ())
        most = ALARMS if frame.rows >= ALARMS_FROM_ROWS else 1
        alarms.styles.height = max(min(len(found), most), 1)
        if alarms.display != bool(found):
            alarms.display = bool(found)
            if not found and alarms.has_focus:
                self.jobs.focus()
        alarms.paint(frame, found)
        if not alarms.has_focus:
            alarms.action_edge(-1)
        super().paint(frame)

    def open_row(self, key: str) -> None:
        """Everything about that job, or about the alerts."""
        if self.alarms.has_focus:
            self.host.action_screen("alerts")
        else:
            super().open_row(key)

    def action_ack(self) -> None:
        """See to the alert under the cursor."""
        acknowledge(self.host, self.alarms.selected)

    def action_mute(self) -> None:
        """Ask for how long, and keep it quiet."""
        ask_mute(self, self.alarms.selected)

    def action_unmute(self) -> None:
        """End the mute."""
        unmute(self.host, self.alarms.selected)

    def _draw_alert(self, frame: Frame, alert: Alert, selected: bool) -> Content:  # noqa: FBT001 - called by position
        hint = line((_hint(frame, alert, self.alarms.line_count), MUTED)) if selected else Content("")
        room = replace(frame, width=max(frame.width - hint.cell_length, 0))
        row = draw_alert(room, alert, muted=alert.fingerprint in self._muted, selected=selected)
        return apart(row, hint, frame.width, frame.signs)

    def _draw_depth(self, frame: Frame) -> list[Content]:
        return draw_depth(frame, frame.view.answer(DEPTHS).value, paused_types(frame.view))

    def _draw_mornings(self, frame: Frame) -> list[Content]:
        nights = frame.view.answer(NIGHTS).value
        if nights is None or frame.rows < MORNINGS_FROM_ROWS:
            return []
        return [line("  ", one) for one in draw_mornings(replace(frame, width=frame.width - 2), nights)]

    def on_resize(self, event: events.Resize) -> None:
        """One column or two."""
        self.set_class(event.size.width >= WIDE_FROM, "-wide")
        super().on_resize(event)
