"""What runs when."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Any, Literal

from pydantic import Field

from config.sections.base import Cron, LocalTime, Name, Section, TimeZone


class ScheduleSettings(Section):
    """One schedule: ``[schedules.NAME]``."""

    job_type: Name = "daily_ca"
    """What is made."""
    cron: Cron = "0 3 * * *"
    """Five fields: minute hour day month weekday; weekdays by name (``mon-fri``)."""
    timezone: TimeZone = "Asia/Kolkata"
    """IANA time zone of ``cron`` and ``deadline``."""
    deadline: LocalTime | None = time(6, 0)
    """Local time by which the video must be out, on the day after the start if it is not later than the start."""
    catch_up_s: Annotated[float, Field(ge=0, le=7 * 86_400)] = 10_800.0
    """A start missed by less than this many seconds is made up for when the daemon is back (the newest only)."""
    priority: Literal["high", "normal", "low"] = "high"
    """Priority of its jobs."""
    payload: dict[str, Any] = {}
    """Handed to the job."""
    enabled: bool = True
    """Whether it fires."""
