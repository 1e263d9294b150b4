"""Probes of the services."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.sections.base import Section


class HealthSettings(Section):
    """Probes of the services."""

    interval_s: Annotated[float, Field(ge=0.2, le=3600)] = 15.0
    """Seconds between probes of a service."""
    recheck_s: Annotated[float, Field(ge=0.1, le=3600)] = 5.0
    """Seconds to the next probe after one that failed."""
    timeout_s: Annotated[float, Field(ge=0.1, le=60)] = 3.0
    """Seconds until a probe counts as failed."""
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """Days that probes are kept."""
