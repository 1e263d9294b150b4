"""Probes of the services."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from config.sections.base import Section

HostPort = Annotated[str, StringConstraints(pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]{1,253}):\d{1,5}$")]
"""``host:port``."""


class HealthSettings(Section):
    """Probes of the services."""

    interval_s: Annotated[float, Field(ge=0.2, le=3600)] = 15.0
    """Seconds between probes of a service."""
    recheck_s: Annotated[float, Field(ge=0.1, le=3600)] = 10.0
    """Seconds to the next probe after one that failed."""
    timeout_s: Annotated[float, Field(ge=0.1, le=60)] = 3.0
    """Seconds until a probe counts as failed."""
    slow_ms: Annotated[float, Field(ge=1, le=600_000)] = 1500.0
    """A service is degraded when the P95 of its health checks stays over so many ms for three windows of 5 minutes."""
    connectivity: tuple[HostPort, ...] = ("1.1.1.1:443", "9.9.9.9:443")
    """Asked for a connection when every service elsewhere fails at once: if none answers, it is our own connection
    that is down, and the services are unknown. Empty: never asked."""
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """Days that probes are kept."""
    keep_hours_days: Annotated[int, Field(ge=1, le=3650)] = 400
    """Days that the hourly figures made of them are kept."""
