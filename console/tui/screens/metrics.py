"""Metrics: on time or not, why renders fail, how long calls take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual.app import ComposeResult
from textual.containers import Container

from console.tui.draw.base import Frame
from console.tui.draw.metrics import draw_metrics
from console.tui.keys import bindings_of
from console.tui.screens.base import Once, ViewScreen
from console.tui.view import Want
from console.tui.widgets.panel import set_title
from console.tui.widgets.text import TextView
from scheduler.domain.fingerprint import FailureGroup
from scheduler.domain.render import Attempt
from scheduler.domain.sla import SlaReport

CALLS = 2000
"""Newest calls in the histogram."""
DAYS = (7, 30, 90, 365)
"""What ``days`` goes round through."""
EVERY_S = 60.0
_CALLS: Want[tuple[Attempt, ...]] = Want(
    ("durations", CALLS), lambda operations: operations.recent_attempts(limit=CALLS), every_s=EVERY_S
)


_GROUPS: Want[tuple[FailureGroup, ...]] = Want(
    ("failure groups",), lambda operations: operations.failure_groups(limit=200), every_s=EVERY_S
)


def _report(days: int) -> Want[SlaReport]:
    return Want(("sla", days), lambda operations: operations.sla(days=days), every_s=EVERY_S)


class MetricsScreen(ViewScreen):
    """One text that scrolls; ``d`` takes another number of days."""

    tab = "Metrics"
    SCOPES = ("text", "metrics")
    BINDINGS = bindings_of("metrics")
    AUTO_FOCUS = "#text"

    def __init__(self) -> None:
        super().__init__()
        self._days = DAYS[1]
        self._changed = Once()

    def body(self) -> ComposeResult:
        """The text."""
        with Container(id="above", classes="titled whole"):
            yield TextView(id="text")

    def wants(self) -> tuple[Want[Any], ...]:
        """The record, the calls for the histogram, and what keeps failing."""
        return (_report(self._days), _CALLS, _GROUPS)

    def paint(self, frame: Frame) -> None:
        """The text is made anew only when the figures or the width are others."""
        super().paint(frame)
        text = self.query_one(TextView)
        width = text.scrollable_content_region.width or frame.columns
        answer, calls = frame.view.answer(_report(self._days)), frame.view.answer(_CALLS).value or ()
        groups = frame.view.answer(_GROUPS).value or ()
        if self._changed(answer.value, calls, groups, width, self._days):
            text.show_lines(draw_metrics(replace(frame, width=width), answer.value, calls, groups))
        title = f"Metrics {frame.signs.dot} last {self._days} days"
        if answer.problem:
            title += f" {frame.signs.dot} {answer.problem}"
        set_title(self.query_one("#above", Container), title)

    def action_days(self) -> None:
        """Another number of days."""
        self._days = DAYS[(DAYS.index(self._days) + 1) % len(DAYS)]
        self.host.rewant()
        self.catch_up()
