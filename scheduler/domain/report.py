"""The daily report as a value: how the night went, the record, and what is coming."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from scheduler.domain.night import Night
from scheduler.domain.service import ServiceHealth
from scheduler.domain.sla import SlaReport
from scheduler.domain.snapshot import Tonight


@dataclass(frozen=True, slots=True)
class DailyReport:
    """What there is to say in the morning of ``day``.

    Attributes:
        at: when it was told, aware UTC.
        timezone: IANA name, of all times in it.
        nights: the runs for this day.
        sla: the record up to now.
        tonight: the run that the verdict is about now.
    """

    day: date
    at: datetime
    timezone: str
    nights: tuple[Night, ...]
    sla: SlaReport
    tonight: Tonight
    services: tuple[ServiceHealth, ...]
