"""Services: how each stands, its latencies over time, and what changed when."""

from __future__ import annotations

from typing import Any, cast

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content

from console.tui.draw.base import MUTED, Frame, line
from console.tui.draw.history import PROBES, draw_history, draw_service_header, draw_service_row
from console.tui.keys import bindings_of
from console.tui.screens.base import ViewScreen
from console.tui.serviceactions import ask_end, ask_maintenance
from console.tui.view import Want
from console.tui.widgets.panel import Panel, set_title
from console.tui.widgets.rows import RowList
from scheduler.domain.service import Probe, ServiceHealth, ServiceHistory

EMPTY = line(("no service is configured", MUTED))


def _key(health: ServiceHealth) -> str:
    return health.service


def _draw(frame: Frame, health: ServiceHealth, selected: bool) -> Content:  # noqa: FBT001 - called by position
    return draw_service_row(frame, health, selected=selected)


class ServicesScreen(ViewScreen):
    """The services above, the one under the cursor over time below."""

    tab = "Services"
    SCOPES = ("list", "service")
    BINDINGS = bindings_of("service")
    AUTO_FOCUS = "#rows"

    def body(self) -> ComposeResult:
        """The list, and the history of the one under the cursor."""
        with Container(id="above", classes="titled"):
            yield Panel(draw_service_header, id="columns")
            yield RowList[ServiceHealth](key=_key, draw=_draw, empty=EMPTY, id="rows")
        yield Panel(self._draw_history, id="below", classes="titled", title=self._title)

    def on_mount(self) -> None:
        """Name the list."""
        set_title(self.query_one("#above", Container), "Services")
        super().on_mount()

    @property
    def rows(self) -> RowList[ServiceHealth]:
        """The list."""
        return cast("RowList[ServiceHealth]", self.query_one("#rows"))

    def wants(self) -> tuple[Want[Any], ...]:
        """The probes of the one under the cursor, its hours and changes."""
        selected = self.rows.selected if self._built else None
        return () if selected is None else (_probes_of(selected.service), _history_of(selected.service))

    def paint(self, frame: Frame) -> None:
        """The list first: the panel shows what its cursor is on."""
        before = self.rows.selected
        self.rows.paint(frame, frame.view.snapshot.services if frame.view.snapshot else ())
        super().paint(frame)
        if before is None and self.rows.selected is not None:
            self.host.rewant()

    def on_row_list_moved(self) -> None:
        """Another one's probes."""
        self.host.rewant()
        self.catch_up()

    def action_probe(self) -> None:
        """Probe all services now."""
        operations, actor = self.host.operations, self.host.commands.actor

        def probe() -> str:
            found = operations.probe_services(actor=actor)
            return "probed: " + ", ".join(f"{one.service} {one.state}" for one in found)

        self.host.commands.do("service.probe", probe)

    def action_maintenance(self) -> None:
        """Take the service under the cursor out for a while."""
        ask_maintenance(self, self.rows.selected)

    def action_maintenance_end(self) -> None:
        """Take it in again."""
        ask_end(self, self.rows.selected)

    def _title(self, _frame: Frame) -> str:
        selected = self.rows.selected
        return "History" if selected is None else f"{selected.service} over time"

    def _draw_history(self, frame: Frame) -> list[Content]:
        selected = self.rows.selected
        if selected is None:
            return []
        probes = frame.view.answer(_probes_of(selected.service)).value
        return draw_history(frame, selected, probes, frame.view.answer(_history_of(selected.service)).value)


def _probes_of(service: str) -> Want[tuple[Probe, ...]]:
    return Want(("probes", service), lambda operations: operations.probes(service, limit=PROBES))


def _history_of(service: str) -> Want[ServiceHistory]:
    return Want(("history", service), lambda operations: operations.service_history(service), 60.0)
