"""Reads over all jobs and services, and who looked when, in memory."""

from __future__ import annotations

from datetime import datetime

from scheduler.domain.job import QueueConfig
from scheduler.domain.render import Attempt
from scheduler.domain.service import Probe
from scheduler.ports.clock import Clock
from scheduler.store.memory_records import MemoryRecords


class MemoryHistory(MemoryRecords):
    """See ``HistoryStore``."""

    def __init__(self, clock: Clock, *, max_crashes: int, defaults: QueueConfig) -> None:
        super().__init__(clock, max_crashes=max_crashes, defaults=defaults)
        self._visits: dict[str, datetime] = {}

    def recent_attempts(self, *, limit: int, before: datetime | None = None) -> list[Attempt]:
        """The last attempts of all jobs, oldest first."""
        with self._lock:
            found = [one for one in self._attempts.values() if before is None or one.started_at < before]
        return found[-limit:]

    def recent_probes(self, service: str, *, limit: int, before: datetime | None = None) -> list[Probe]:
        """The last probes of a service, oldest first."""
        with self._lock:
            found = [one for one in self._probes if one.service == service and (before is None or one.at < before)]
        return found[-limit:]

    def last_seen(self, name: str) -> datetime | None:
        """When somebody last looked at the console."""
        with self._lock:
            return self._visits.get(name)

    def seen(self, name: str) -> None:
        """Somebody looks at the console now."""
        with self._lock:
            self._visits[name] = self._clock.now()
