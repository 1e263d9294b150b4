"""Services: what is probed over HTTP, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ServiceState(StrEnum):
    """``unknown → up → degraded → down`` (alerts.md, Health of services)."""

    UNKNOWN = "unknown"
    """Not probed yet, or our own connectivity is in doubt."""
    UP = "up"
    DEGRADED = "degraded"
    """It answers, but slowly or with a body that says so."""
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Probe:
    """A row of ``service_probes``: one health check.

    Attributes:
        ok: it answered 2xx in time and its body does not say otherwise.
        degraded: it answered, but its body says that it is not well.
        latency_ms: until the whole answer was read; None when there was none.
        error: what went wrong, one line.
    """

    service: str
    at: datetime
    ok: bool
    degraded: bool = False
    latency_ms: float | None = None
    http_status: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """How a service stands now.

    Attributes:
        since: when it entered its state.
        consecutive: probes in a row with the last outcome.
        latencies_ms: the last latencies, oldest first; None where a probe failed.
    """

    service: str
    url: str
    state: ServiceState
    since: datetime | None = None
    last_probe: Probe | None = None
    consecutive: int = 0
    latencies_ms: tuple[float | None, ...] = ()


DOWN_AFTER = 3
"""Failures in a row until a service counts as down (alerts.md)."""
UP_AFTER = 2
"""Successes in a row until a service that was down counts as up again (alerts.md)."""


def next_state(current: ServiceState, probe: Probe, consecutive: int) -> ServiceState:
    """The state after ``probe``. Pure.

    Args:
        current: the state before it.
        probe: what was just found.
        consecutive: probes in a row with this outcome, this one counted.
    """
    if not probe.ok:
        return ServiceState.DOWN if consecutive >= DOWN_AFTER or current is ServiceState.UNKNOWN else current
    if current is ServiceState.DOWN and consecutive < UP_AFTER:
        return ServiceState.DOWN
    return ServiceState.DEGRADED if probe.degraded else ServiceState.UP
