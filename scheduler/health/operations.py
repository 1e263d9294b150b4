"""The ``ServiceOperations`` of an installation, over its store."""

from __future__ import annotations

from dataclasses import replace

from config.settings import Settings
from scheduler.auditing import Auditor, command, note
from scheduler.domain.fingerprint import FailureGroup
from scheduler.domain.service import HOUR_S, Maintenance, ServiceHealth, ServiceHistory
from scheduler.health.prober import health_of
from scheduler.health.targets import targets
from scheduler.ports.clock import Clock
from scheduler.ports.operations import Actor, InvalidError, NotFoundError
from scheduler.ports.store import Store

MOST_GROUPS = 10_000
"""Groups of failures that are looked through for one of them."""
LONGEST_S = 30 * 86_400.0
"""Seconds of the longest maintenance: who forgets it finds out within a month."""


class HealthOperations:
    """See ``ServiceOperations``; part of the ``Operations`` over a store."""

    _store: Store
    _settings: Settings
    _clock: Clock

    @property
    def auditor(self) -> Auditor:
        """Writes the lines of commands."""
        raise NotImplementedError

    def failure_groups(self, *, limit: int = 50) -> tuple[FailureGroup, ...]:
        """The same final failures over the nights, the one that happened last first."""
        return tuple(self._store.failure_groups(limit=limit))

    @command("failures.resolve", target="fingerprint")
    def resolve_failures(self, fingerprint: str, *, actor: Actor) -> FailureGroup:
        """Note that a failure is seen to."""
        found = [
            one for one in self._store.failure_groups(limit=MOST_GROUPS) if one.fingerprint.startswith(fingerprint)
        ]
        if len(found) != 1 or not fingerprint:
            raise NotFoundError(f"{len(found) or 'no'} failures begin with {fingerprint[:40]!r}; see predawn failures")
        (group,) = found
        note(target=group.fingerprint, resolved=self._store.resolve_failures(group.fingerprint, by=str(actor)))
        return replace(group, unresolved=0)

    def services(self) -> tuple[ServiceHealth, ...]:
        """How the services in use stand by the probes kept."""
        now, out = self._clock.now(), {one.service: one for one in self._store.maintenance()}
        return tuple(
            health_of(self._store, target.service, target.url, self._settings.health, now=now, maintenance=out)
            for target in targets(self._settings)
        )

    def service_history(self, service: str, *, hours: int = 24, transitions: int = 20) -> ServiceHistory:
        """Hourly figures and changes of state of a service."""
        self._known(service)
        return ServiceHistory(
            service=service,
            hours=tuple(self._store.rollups(service, HOUR_S, limit=hours)),
            transitions=tuple(self._store.transitions(service, limit=transitions)),
        )

    @command("service.maintenance", target="service")
    def set_maintenance(self, service: str, *, for_s: float, actor: Actor) -> Maintenance:
        """Take a service out for so many seconds."""
        self._known(service)
        if not 0 < for_s <= LONGEST_S:
            raise InvalidError(f"maintenance lasts more than 0 s and at most 30 days, not {for_s:g} s")
        return self._store.set_maintenance(service, for_s=for_s, by=str(actor))

    @command("service.maintenance_end", target="service")
    def end_maintenance(self, service: str, *, actor: Actor) -> bool:
        """Take a service in again."""
        self._known(service)
        ended = self._store.end_maintenance(service)
        if not ended:
            note(refused="it was not under maintenance")
        return ended

    def _known(self, service: str) -> None:
        names = [target.service for target in targets(self._settings)]
        if service not in names:
            raise NotFoundError(f"no service {service!r} in use here; there are: {', '.join(names) or 'none'}")
