"""The black box: what is kept of the nights that were."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.sections.base import Section


class RecordingSettings(Section):
    """The black box: what the console would have shown at any past second."""

    enabled: bool = True
    """Whether the daemon records."""
    keep_days: Annotated[int, Field(ge=1, le=365)] = 30
    """Days that are kept, as long as they fit."""
    limit_mb: Annotated[int, Field(ge=10, le=1000)] = 50
    """Megabytes that its files never pass: old stretches are thinned to one state a minute, then dropped."""
