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
        doubtful: nothing elsewhere could be reached either, so that the failure tells nothing of the service.
    """

    service: str
    at: datetime
    ok: bool
    degraded: bool = False
    latency_ms: float | None = None
    http_status: int | None = None
    error: str | None = None
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Maintenance:
    """An operator has taken a service out, from ``since`` until ``until``."""

    service: str
    until: datetime
    since: datetime
    by: str


@dataclass(frozen=True, slots=True)
class ServiceTransition:
    """A service changed its state at a time, for a reason (one line)."""

    service: str
    at: datetime
    before: ServiceState
    after: ServiceState
    reason: str = ""


WINDOW_S = 300
"""Seconds of the shorter roll-up; its P95 decides whether a service is slow (alerts.md)."""
HOUR_S = 3600
"""Seconds of the longer roll-up, which is kept for long."""
SLOW_WINDOWS = 3
"""Windows in a row over the threshold after which a service counts as degraded (alerts.md)."""


@dataclass(frozen=True, slots=True)
class Rollup:
    """The probes of a service over a span of time, in figures.

    Attributes:
        start: aligned to ``span_s``.
        span_s: ``WINDOW_S`` or ``HOUR_S``.
        probes: how many; doubtful ones are not counted.
        failures: how many of them failed.
        p50_ms: of the good ones, like the others; None: there were none.
    """

    service: str
    start: datetime
    span_s: int
    probes: int
    failures: int
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    max_ms: float | None = None

    @property
    def availability(self) -> float | None:
        """Share of good probes, 0–1; None: there were none."""
        return (self.probes - self.failures) / self.probes if self.probes else None


@dataclass(frozen=True, slots=True)
class ServiceHistory:
    """What is kept of a service: hourly figures oldest first, transitions newest first."""

    service: str
    hours: tuple[Rollup, ...]
    transitions: tuple[ServiceTransition, ...]


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """How a service stands now.

    Attributes:
        since: when it entered its state.
        consecutive: probes in a row with the last outcome.
        latencies_ms: the last latencies, oldest first; None where a probe failed.
        p50_ms: median latency of the last good probes; None: there are none.
        p95_ms: what 95 % of them stayed below.
        maintenance: set while an operator has taken it out; the runner passes it over, and nobody is alerted.
        reason: why it is not up, one line; empty when it is.
    """

    service: str
    url: str
    state: ServiceState
    since: datetime | None = None
    last_probe: Probe | None = None
    consecutive: int = 0
    latencies_ms: tuple[float | None, ...] = ()
    p50_ms: float | None = None
    p95_ms: float | None = None
    maintenance: Maintenance | None = None
    reason: str = ""


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
    if probe.doubtful:
        return ServiceState.UNKNOWN
    if not probe.ok:
        return ServiceState.DOWN if consecutive >= DOWN_AFTER else current
    if current is ServiceState.DOWN and consecutive < UP_AFTER:
        return ServiceState.DOWN
    return ServiceState.DEGRADED if probe.degraded else ServiceState.UP
