"""The part of ``Operations`` that tells what was called and found lately, and who looked when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from scheduler.auditing import Auditor, command
from scheduler.domain.render import Attempt
from scheduler.domain.service import Probe, ServiceHealth
from scheduler.ports.history import HistoryStore
from scheduler.ports.operations import Actor, InvalidError


class HistoryOperations:
    """Reads over all jobs; ``StoreOperations`` inherits it."""

    _history: HistoryStore
    _probe: Callable[[], tuple[ServiceHealth, ...]] | None = None

    @property
    def auditor(self) -> Auditor:
        """Writes the lines of commands."""
        raise NotImplementedError

    @command("service.probe", apart=True)
    def probe_services(self, *, actor: Actor) -> tuple[ServiceHealth, ...]:
        """Probe all services now, and keep what is found."""
        if self._probe is None:
            raise InvalidError("services are not probed from here; run: predawn services check")
        return self._probe()

    def recent_attempts(self, *, limit: int = 500, before: datetime | None = None) -> tuple[Attempt, ...]:
        """The last attempts of all jobs, oldest first."""
        return tuple(self._history.recent_attempts(limit=limit, before=before))

    def probes(self, service: str, *, limit: int = 240, before: datetime | None = None) -> tuple[Probe, ...]:
        """The last probes of a service, oldest first."""
        return tuple(self._history.recent_probes(service, limit=limit, before=before))

    def last_seen(self, name: str) -> datetime | None:
        """When somebody last looked at the console."""
        return self._history.last_seen(name)

    def seen(self, name: str) -> None:
        """Somebody looks at the console now."""
        self._history.seen(name)
