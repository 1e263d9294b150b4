"""The on-time record: where nights are kept, and what ``Operations`` tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

from scheduler.domain.failure import FailureRecord
from scheduler.domain.night import Night
from scheduler.domain.render import RenderStatus
from scheduler.domain.report import DailyReport
from scheduler.domain.schedule import Difference, ScheduleState
from scheduler.domain.sla import SlaReport
from scheduler.domain.whatif import Change, Foretold

if TYPE_CHECKING:
    from scheduler.ports.operations import Actor


class NightStore(Protocol):
    """Nights, and what the renders of some days amount to. One transaction a method."""

    def save_nights(self, found: Sequence[Night]) -> None:
        """Insert or replace the records of these run dates."""
        ...

    def nights(self, *, schedule: str | None = None, since: date | None = None, limit: int = 400) -> list[Night]:
        """Records, the newest run date first; ``since``: from this run date on."""
        ...

    def render_outcomes(self, *, since: datetime) -> dict[RenderStatus, int]:
        """How many renders that began since then ended how."""
        ...

    def failures_since(self, since: datetime, *, limit: int = 5_000) -> list[tuple[datetime, FailureRecord]]:
        """Failures of the renders that began since then, newest first, each with the time its render began."""
        ...

    def durations_since(self, since: datetime, *, limit: int = 50_000) -> dict[tuple[str, str], list[float]]:
        """Seconds of the good calls since then, by (stage, provider), newest first; what was resumed is left out."""
        ...


class NightOperations(Protocol):
    """What people and programs ask about nights."""

    def nights(self, *, days: int = 30, schedule: str | None = None) -> tuple[Night, ...]:
        """The records of the last run dates, newest first.

        Raises:
            InvalidError: ``days`` is not 1–3660.
        """
        ...

    def foretell(self, change: Change) -> Foretold:
        """When tonight's video will be out as things stand, and if something were changed. Changes nothing."""
        ...

    def unskip_date(self, name: str, day: date, *, actor: Actor) -> ScheduleState:
        """Owe a run date again that was skipped.

        Raises:
            InvalidError: it was not skipped.
        """
        ...

    def schedule_differences(self) -> tuple[Difference, ...]:
        """Where the table of schedules says something else than the config of this process."""
        ...

    def report(self, day: date | None = None) -> DailyReport:
        """The daily report of a run date; None: of today where the deadline is."""
        ...

    def sla(self, *, days: int = 30, schedule: str | None = None) -> SlaReport:
        """The on-time record with success, failures and durations of the last days.

        Raises:
            InvalidError: ``days`` is not 1–3660.
        """
        ...
