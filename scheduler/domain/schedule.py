"""Schedules: when a job type's run is due, for which day, and until when it must be out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any


@dataclass(frozen=True, slots=True)
class ScheduleDefinition:
    """A schedule as declared in the config.

    Attributes:
        cron: five fields with day *names* (APScheduler reads 0 as Monday), in ``timezone``; empty with ``at``.
        deadline: local time of day by which the result must be out; on the day after the start when it is not later.
        catch_up_s: a fire missed by less than this many seconds is made up for at start (the newest only).
        payload: JSON object handed to the job.
        at: one-off starts instead of ``cron``: naive local times, ascending.
        holidays: run dates on which nothing is owed.
        latest_start: local time of day after which it does not start by itself any more.
        start_early: whether it starts before its nominal time when history says that it must.
        payload_file: absolute path of a JSON file, read when the run is due; its keys stand over those of ``payload``.
    """

    name: str
    job_type: str
    cron: str
    timezone: str
    deadline: time | None = None
    catch_up_s: float = 6 * 3600.0
    payload: Mapping[str, Any] = field(default_factory=dict[str, Any])
    priority: str = "high"
    enabled: bool = True
    at: tuple[datetime, ...] = ()
    holidays: tuple[date, ...] = ()
    latest_start: time | None = None
    start_early: bool = True
    payload_file: str | None = None

    @property
    def when(self) -> str:
        """Its starts for people: the cron line, or the one-off times."""
        return self.cron or "at " + ", ".join(f"{at:%Y-%m-%d %H:%M}" for at in self.at)


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """A row of ``schedules``: the definition and what has become of it.

    Attributes:
        last_fire: nominal time (aware UTC) of the newest fire that has been turned into a job.
        paused: an operator's pause; it survives restarts and edits of the config.
        skip_dates: run dates an operator has skipped.
    """

    definition: ScheduleDefinition
    last_fire: datetime | None = None
    paused: bool = False
    skip_dates: tuple[date, ...] = ()
    last_job_id: str | None = None


@dataclass(frozen=True, slots=True)
class Fire:
    """One nominal time of a schedule and the job it stands for.

    Attributes:
        nominal: aware, in the schedule's time zone.
        run_date: the day the result is for: the deadline's day, or the nominal day without a deadline.
        key: idempotency key, ``daily_ca:2026-11-20``.
    """

    schedule: str
    nominal: datetime
    run_date: date
    deadline_at: datetime | None
    key: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the table of schedules says something else than the config.

    Attributes:
        field: the setting; ``schedule`` when it is in one of the two only.
        config: what the config says, for people.
        table: what the table says.
    """

    schedule: str
    field: str
    config: str
    table: str
