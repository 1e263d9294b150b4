"""What operators read and do about services; part of ``Operations``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from scheduler.domain.fingerprint import FailureGroup
from scheduler.domain.service import Maintenance, ServiceHealth, ServiceHistory

if TYPE_CHECKING:
    from scheduler.ports.operations import Actor


class ServiceOperations(Protocol):
    """Health, history and maintenance of services; what keeps failing."""

    def failure_groups(self, *, limit: int = 50) -> tuple[FailureGroup, ...]:
        """The same final failures over the nights, the one that happened last first."""
        ...

    def resolve_failures(self, fingerprint: str, *, actor: Actor) -> FailureGroup:
        """Note that a failure is seen to; ``fingerprint`` may be cut to a unique beginning. The group as it is now.

        Raises:
            NotFoundError: no group begins so, or several do.
        """
        ...

    def services(self) -> tuple[ServiceHealth, ...]:
        """How the services stand by the probes kept."""
        ...

    def service_history(self, service: str, *, hours: int = 24, transitions: int = 20) -> ServiceHistory:
        """Hourly figures and changes of state of a service.

        Raises:
            NotFoundError: there is no such service in this installation.
        """
        ...

    def set_maintenance(self, service: str, *, for_s: float, actor: Actor) -> Maintenance:
        """Take a service out for so many seconds: renders pass it over, and nobody is alerted.

        Raises:
            NotFoundError: there is no such service in this installation.
            InvalidError: the time is not above 0, or longer than 30 days.
        """
        ...

    def end_maintenance(self, service: str, *, actor: Actor) -> bool:
        """Take a service in again. False: it was not out.

        Raises:
            NotFoundError: there is no such service in this installation.
        """
        ...
