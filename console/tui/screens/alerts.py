"""Alerts: what fires, who sees to it, what was said of it."""

from __future__ import annotations

from typing import Any, cast

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content

from console import format as fmt
from console.tui.alertactions import MUTES, acknowledge, ask_mute, by_urgency, unmute
from console.tui.draw.alerts import draw_alert, draw_alert_detail, draw_alert_header, draw_channels
from console.tui.draw.base import MUTED, OK, Frame, line
from console.tui.keys import bindings_of
from console.tui.screens.base import ViewScreen
from console.tui.view import Want
from console.tui.widgets.panel import Panel, set_title
from console.tui.widgets.rows import RowList
from scheduler.domain.alert import Alert
from scheduler.domain.outbox import ChannelHealth
from scheduler.domain.snapshot import Page
from scheduler.ports.alerts import AlertDetail

ALERTS = 100
"""Newest alerts that are read."""
EMPTY = line(("no alert has ever fired", OK))
_ALERTS: Want[Page[Alert]] = Want(("alerts", ALERTS), lambda operations: operations.alerts(limit=ALERTS))
_CHANNELS: Want[tuple[ChannelHealth, ...]] = Want(("channels",), lambda operations: operations.channel_health())


class AlertsScreen(ViewScreen):
    """The open ones first, everything of the one under the cursor below."""

    tab = "Alerts"
    SCOPES = ("list", "alert")
    BINDINGS = bindings_of("alert")
    AUTO_FOCUS = "#rows"

    def __init__(self) -> None:
        super().__init__()
        self._muted: frozenset[str] = frozenset()

    def body(self) -> ComposeResult:
        """The channels, the list, the one under the cursor."""
        yield Panel(self._draw_channels, id="channels", vanish=True)
        with Container(id="above", classes="titled"):
            yield Panel(draw_alert_header, id="columns")
            yield RowList[Alert](key=_key, draw=self._draw, empty=EMPTY, id="rows")
        yield Panel(self._draw_detail, id="below", classes="titled", title=self._title)

    @property
    def rows(self) -> RowList[Alert]:
        """The list."""
        return cast("RowList[Alert]", self.query_one("#rows"))

    def wants(self) -> tuple[Want[Any], ...]:
        """Alerts, mutes, channels, and everything of the one under the cursor."""
        selected = self.rows.selected if self._built else None
        return (_ALERTS, MUTES, _CHANNELS, *(() if selected is None else (_detail_of(selected.id),)))

    def paint(self, frame: Frame) -> None:
        """The list first: the panel shows what its cursor is on."""
        page, before = frame.view.answer(_ALERTS).value, self.rows.selected
        self._muted = frozenset(one.fingerprint for one in frame.view.answer(MUTES).value or ())
        found = by_urgency(page.items) if page is not None else []
        self.rows.paint(frame, found)
        super().paint(frame)
        fires = sum(one.is_open for one in found)
        set_title(self.query_one("#above", Container), f"Alerts {frame.signs.dot} {fires} open")
        if before is None and self.rows.selected is not None:
            self.host.rewant()

    def on_row_list_moved(self) -> None:
        """Another one's details."""
        self.host.rewant()
        self.catch_up()

    def action_ack(self) -> None:
        """See to the alert under the cursor."""
        acknowledge(self.host, self.rows.selected)

    def action_mute(self) -> None:
        """Ask for how long, and keep it quiet."""
        ask_mute(self, self.rows.selected)

    def action_unmute(self) -> None:
        """End the mute."""
        unmute(self.host, self.rows.selected)

    def _draw(self, frame: Frame, alert: Alert, selected: bool) -> Content:  # noqa: FBT001 - called by position
        return draw_alert(frame, alert, muted=alert.fingerprint in self._muted, selected=selected)

    def _draw_channels(self, frame: Frame) -> list[Content]:
        return draw_channels(frame, frame.view.answer(_CHANNELS).value)

    def _title(self, _frame: Frame) -> str:
        selected = self.rows.selected
        return "The alert" if selected is None else f"{selected.rule} {fmt.short_id(selected.id)}"

    def _draw_detail(self, frame: Frame) -> list[Content]:
        selected = self.rows.selected
        if selected is None:
            return []
        answer = frame.view.answer(_detail_of(selected.id))
        if answer.problem:
            return [line((answer.problem, MUTED))]
        return draw_alert_detail(frame, answer.value, frame.view.answer(MUTES).value or ())


def _detail_of(alert_id: str) -> Want[AlertDetail]:
    return Want(("alert", alert_id), lambda operations: operations.alert(alert_id))


def _key(alert: Alert) -> str:
    return alert.id
