"""What ``Operations`` tells of nights."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from scheduler.domain.night import Night
from scheduler.domain.render import StageName
from scheduler.domain.sla import WINDOWS, SlaReport, calibration, group_failures, on_time, stage_times, success_of
from scheduler.nights.recorder import changed_nights, merged
from scheduler.ports.clock import Clock
from scheduler.ports.operations import InvalidError
from scheduler.ports.store import Store
from scheduler.schedules.zone import deadline_zone

MOST_DAYS = 3_660


class NightReads:
    """``NightOperations`` over a store. A read never writes; what has changed since the last record is told anew."""

    _store: Store
    _clock: Clock

    def nights(self, *, days: int = 30, schedule: str | None = None) -> tuple[Night, ...]:
        """The records of the last run dates, newest first."""
        if not 1 <= days <= MOST_DAYS:
            raise InvalidError(f"days must be 1–{MOST_DAYS}, not {days}")
        now = self._clock.now()
        first = self._today() - timedelta(days=days)
        changed = [night for night in changed_nights(self._store, now) if schedule in {None, night.schedule}]
        recorded = self._store.nights(schedule=schedule, since=first, limit=days * 20)
        return tuple(night for night in merged(recorded, changed) if night.run_date > first)

    def sla(self, *, days: int = 30, schedule: str | None = None) -> SlaReport:
        """The on-time record with success, failures and durations of the last days."""
        now, today = self._clock.now(), self._today()
        every = self.nights(days=max(days, *WINDOWS), schedule=schedule)
        inside = tuple(night for night in every if night.run_date > today - timedelta(days=days))
        since = now - timedelta(days=days)
        return SlaReport(
            at=now,
            days=days,
            timezone=self._zone(),
            windows=tuple(on_time(every, today=today, days=length) for length in sorted({*WINDOWS, days})),
            success=success_of(self._store.render_outcomes(since=since)),
            failures=group_failures(self._store.failures_since(since)),
            stages=stage_times(self._store.durations_since(since), [stage.value for stage in StageName]),
            calibration=calibration(inside),
            nights=inside,
        )

    def _zone(self) -> str:
        return deadline_zone(self._store.schedules())

    def _today(self) -> date:
        """Today where the deadline is."""
        return self._clock.now().astimezone(ZoneInfo(self._zone())).date()
