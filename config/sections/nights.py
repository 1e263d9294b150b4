"""What runs when."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from config.checks import check_local_moment
from config.sections.base import Cron, LocalTime, Name, Section, TimeZone

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
LocalMoment = Annotated[datetime, AfterValidator(check_local_moment)]


DEFAULT_CRON = "0 3 * * *"


class ScheduleSettings(Section):
    """One schedule: ``[schedules.NAME]``. It starts by ``cron``, or by ``start`` and ``weekdays``, or once, ``at``."""

    job_type: Name = "daily_ca"
    """What is made."""
    cron: Cron = DEFAULT_CRON
    """Five fields: minute hour day month weekday; weekdays by name (``mon-fri``)."""
    start: LocalTime | None = None
    """Instead of ``cron``: local time of day of the start, ``"03:00"``."""
    weekdays: tuple[Weekday, ...] = ()
    """With ``start``: the weekdays on which it starts, ``["mon", "tue"]``. Empty: every day."""
    at: tuple[LocalMoment, ...] = ()
    """Instead of ``cron``: one-off starts, local times, ``["2026-12-31T03:00"]``."""
    timezone: TimeZone = "Asia/Kolkata"
    """IANA time zone of the starts, ``deadline`` and ``latest_start``."""
    deadline: LocalTime | None = time(6, 0)
    """Local time by which the video must be out, on the day after the start if it is not later than the start."""
    latest_start: LocalTime | None = None
    """Local time after which it does not start by itself any more. None: ``catch_up_s`` alone decides."""
    start_early: bool = True
    """Start before the configured time (up to 6 h) when history says that it would be too late."""
    holidays: tuple[date, ...] = ()
    """Run dates on which nothing is owed, ``[2026-12-25]``."""
    catch_up_s: Annotated[float, Field(ge=0, le=7 * 86_400)] = 10_800.0
    """A start missed by less than this many seconds is made up for when the daemon is back (the newest only)."""
    priority: Literal["high", "normal", "low"] = "high"
    """Priority of its jobs."""
    payload: dict[str, Any] = {}
    """Handed to the job."""
    payload_file: Path | None = None
    """JSON file, read when the run is due; its keys stand over those of ``payload``. Relative to ``home``."""
    enabled: bool = True
    """Whether it fires."""

    @model_validator(mode="after")
    def _one_way_to_say_when(self) -> Self:
        said = [name for name in ("cron", "start", "at") if getattr(self, name)]
        if self.cron == DEFAULT_CRON:
            said.remove("cron")
        if len(said) > 1:
            raise ValueError(f"{' and '.join(said)} both say when it starts; keep one of them")
        if self.weekdays and self.start is None:
            raise ValueError("weekdays go with start; with cron write them in its last field")
        if self.start is not None and self.start.second:
            raise ValueError(f"start {self.start} has seconds; write it like 03:00")
        return self

    @property
    def line(self) -> str:
        """The cron line of ``cron`` or of ``start`` and ``weekdays``; empty for one-off starts."""
        if self.at:
            return ""
        if self.start is None:
            return self.cron
        return f"{self.start.minute} {self.start.hour} * * {','.join(self.weekdays) or '*'}"


class ReportSettings(Section):
    """The daily report."""

    enabled: bool = True
    """Whether the daemon writes it, and sends it through the channels of ``[alerts]``."""
    at: LocalTime = time(6, 15)
    """Local time of day, in the zone of the first schedule with a deadline."""
    directory: Path | None = None
    """Where ``YYYY-MM-DD.txt``, ``.md`` and ``.json`` are put. Default: ``<home>/reports``."""
