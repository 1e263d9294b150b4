"""What becomes of a degraded video once it is out."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.sections.base import Section


class UpgradeSettings(Section):
    """A degraded video is made anew in full, in the background, and replaced."""

    enabled: bool = True
    """Whether that is done."""
    within_s: Annotated[float, Field(ge=1, le=604_800)] = 6 * 3600.0
    """Seconds after the publication in which it is tried."""
    look_s: Annotated[float, Field(ge=0.2, le=3600)] = 30.0
    """Seconds between looks for degraded videos whose services are well again. Nothing is begun while other jobs are
    queued or running."""
    tries: Annotated[int, Field(ge=1, le=50)] = 3
    """How often one upgrade is tried."""
    retry_s: Annotated[float, Field(ge=1, le=86_400)] = 900.0
    """Seconds between the tries."""
    timeout_s: Annotated[float, Field(ge=1, le=86_400)] = 1800.0
    """Seconds that one try may take."""
