"""Nights in memory, and sums over the renders of some days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from scheduler.domain.failure import FailureRecord
from scheduler.domain.job import QueueConfig
from scheduler.domain.night import Night
from scheduler.domain.render import AttemptStatus, Render, RenderStatus
from scheduler.ports.clock import Clock
from scheduler.store.memory_records import MemoryRecords


class MemoryNights(MemoryRecords):
    """The on-time record in a dict."""

    def __init__(self, clock: Clock, *, max_crashes: int, defaults: QueueConfig) -> None:
        super().__init__(clock, max_crashes=max_crashes, defaults=defaults)
        self._nights: dict[tuple[str, date], Night] = {}

    def save_nights(self, found: Sequence[Night]) -> None:
        """See ``NightStore``."""
        with self._lock:
            for night in found:
                self._version += 1
                # As a database does: times come back in UTC.
                in_utc = replace(night, nominal_at=night.nominal_at.astimezone(UTC), due_at=_utc(night.due_at))
                self._nights[night.schedule, night.run_date] = in_utc

    def nights(self, *, schedule: str | None = None, since: date | None = None, limit: int = 400) -> list[Night]:
        """See ``NightStore``."""
        with self._lock:
            found = [
                night
                for night in self._nights.values()
                if (schedule is None or night.schedule == schedule) and (since is None or night.run_date >= since)
            ]
        by_name = sorted(found, key=lambda night: night.schedule)
        return sorted(by_name, key=lambda night: night.run_date, reverse=True)[:limit]

    def render_outcomes(self, *, since: datetime, until: datetime | None = None) -> dict[RenderStatus, int]:
        """See ``NightStore``."""
        with self._lock:
            found = [one for one in self._renders.values() if one.started_at >= since and _ended_by(one, until)]
            return dict(Counter(render.status for render in found))

    def failures_since(
        self, since: datetime, *, until: datetime | None = None, limit: int = 5_000
    ) -> list[tuple[datetime, FailureRecord]]:
        """See ``NightStore``."""
        with self._lock:
            ended = [one for one in self._failures if _ended_by(self._renders[one.render_id], until)]
            told = [(self._renders[failure.render_id].started_at, failure) for failure in ended]
        return [pair for pair in reversed(told) if pair[0] >= since][:limit]

    def durations_since(
        self, since: datetime, *, until: datetime | None = None, limit: int = 50_000
    ) -> dict[tuple[str, str], list[float]]:
        """See ``NightStore``."""
        with self._lock:
            every = [one for one in self._attempts.values() if until is None or one.started_at < until]
        found: dict[tuple[str, str], list[float]] = {}
        for attempt in [one for one in reversed(every) if one.started_at >= since][:limit]:
            if attempt.status is AttemptStatus.COMPLETED and not attempt.resumed and attempt.duration_ms is not None:
                found.setdefault((attempt.stage.value, attempt.provider), []).append(attempt.duration_ms / 1000)
        return found


def _ended_by(render: Render, until: datetime | None) -> bool:
    return until is None or (render.finished_at is not None and render.finished_at <= until)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)
