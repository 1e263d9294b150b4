"""What was called and found lately, over all jobs, and who looked when: reads for the console's screens."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from scheduler.domain.render import Attempt
from scheduler.domain.service import Probe, ServiceHealth

if TYPE_CHECKING:
    from scheduler.ports.operations import Actor


class HistoryStore(Protocol):
    """Reads over all jobs, and visits."""

    def recent_attempts(self, *, limit: int, before: datetime | None = None) -> list[Attempt]:
        """The last attempts of all jobs (that were started before a moment), oldest first."""
        ...

    def recent_probes(self, service: str, *, limit: int, before: datetime | None = None) -> list[Probe]:
        """The last probes of a service (made before a moment), oldest first."""
        ...

    def last_seen(self, name: str) -> datetime | None:
        """When somebody last looked at the console; None: never."""
        ...

    def seen(self, name: str) -> None:
        """Somebody looks at the console now."""
        ...


class HistoryReads(Protocol):
    """A part of ``Operations``."""

    def recent_attempts(self, *, limit: int = 500, before: datetime | None = None) -> tuple[Attempt, ...]:
        """The last attempts of all jobs (that were started before a moment), oldest first."""
        ...

    def probes(self, service: str, *, limit: int = 240, before: datetime | None = None) -> tuple[Probe, ...]:
        """The last probes of a service (made before a moment), oldest first."""
        ...

    def probe_services(self, *, actor: Actor) -> tuple[ServiceHealth, ...]:
        """Probe all services now, and keep what is found. Blocks until the slowest has answered or timed out.

        Raises:
            InvalidError: this process cannot probe.
        """
        ...

    def last_seen(self, name: str) -> datetime | None:
        """When somebody last looked at the console; None: never."""
        ...

    def seen(self, name: str) -> None:
        """Somebody looks at the console now: the next brief begins here."""
        ...
