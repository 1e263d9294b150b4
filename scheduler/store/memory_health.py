"""Roll-ups, transitions and maintenance of services in memory, beside ``memory_nights``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from scheduler.domain.job import QueueConfig
from scheduler.domain.service import Maintenance, Probe, Rollup, ServiceTransition
from scheduler.ports.clock import Clock
from scheduler.store.memory_nights import MemoryNights


class MemoryHealth(MemoryNights):
    """See ``HealthStore``."""

    _version: int

    def __init__(self, clock: Clock, *, max_crashes: int, defaults: QueueConfig) -> None:
        super().__init__(clock, max_crashes=max_crashes, defaults=defaults)
        self._rollups: dict[tuple[str, int, datetime], Rollup] = {}
        self._transitions: list[ServiceTransition] = []
        self._maintenance: dict[str, Maintenance] = {}

    def probes_between(self, service: str, since: datetime, until: datetime) -> list[Probe]:
        """See ``HealthStore``."""
        with self._lock:
            return [probe for probe in self._probes if probe.service == service and since <= probe.at < until]

    def put_rollups(self, rollups: Sequence[Rollup]) -> None:
        """See ``HealthStore``."""
        with self._lock:
            self._version += 1
            self._rollups |= {(one.service, one.span_s, one.start): one for one in rollups}

    def rollups(self, service: str, span_s: int, *, limit: int = 24) -> list[Rollup]:
        """See ``HealthStore``."""
        with self._lock:
            found = [one for (name, span, _), one in self._rollups.items() if (name, span) == (service, span_s)]
            return sorted(found, key=lambda one: one.start)[-limit:]

    def prune_rollups(self, span_s: int, *, before: datetime) -> int:
        """See ``HealthStore``."""
        with self._lock:
            old = [key for key in self._rollups if key[1] == span_s and key[2] < before]
            for key in old:
                del self._rollups[key]
            self._version += 1
            return len(old)

    def add_transition(self, transition: ServiceTransition) -> bool:
        """See ``HealthStore``."""
        with self._lock:
            last = self.transitions(transition.service, limit=1)
            if last and (last[0].after is transition.after or last[0].at == transition.at):
                return False
            self._version += 1
            self._transitions.append(transition)
            return True

    def transitions(self, service: str, *, limit: int = 20) -> list[ServiceTransition]:
        """See ``HealthStore``."""
        with self._lock:
            found = [one for one in self._transitions if one.service == service]
            return sorted(found, key=lambda one: one.at, reverse=True)[:limit]

    def set_maintenance(self, service: str, *, for_s: float, by: str) -> Maintenance:
        """See ``HealthStore``."""
        with self._lock:
            now = self._clock.now()
            self._version += 1
            self._maintenance[service] = Maintenance(service, now + timedelta(seconds=for_s), now, by)
            return self._maintenance[service]

    def end_maintenance(self, service: str) -> bool:
        """See ``HealthStore``."""
        with self._lock:
            kept = self._maintenance.pop(service, None)
            self._version += 1
            return kept is not None and kept.until > self._clock.now()

    def maintenance(self) -> list[Maintenance]:
        """See ``HealthStore``."""
        with self._lock:
            now = self._clock.now()
            return sorted((one for one in self._maintenance.values() if one.until > now), key=lambda one: one.service)
