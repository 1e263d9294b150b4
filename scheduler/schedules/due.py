"""What is due: nominal times of a schedule and the jobs they stand for. Pure.

The timer may look as often as it likes, late, or twice: what is due follows from ``last_fire`` and the clock alone,
and the job's unique key turns a double fire into a conflict that does nothing (engine.md, APScheduler).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from scheduler.domain.job import JobSpec, Priority
from scheduler.domain.schedule import Fire, ScheduleDefinition, ScheduleState

MAX_STEPS = 5_000
"""Nominal times looked at in one go: more than three days of a schedule that fires every minute."""


def trigger_of(definition: ScheduleDefinition) -> CronTrigger:
    """The APScheduler trigger of a schedule.

    Raises:
        ValueError: the cron line is wrong.
    """
    return CronTrigger.from_crontab(definition.cron, timezone=ZoneInfo(definition.timezone))


def next_nominal(definition: ScheduleDefinition, after: datetime) -> datetime | None:
    """The first nominal time strictly after ``after``, in the schedule's zone; None: there is none."""
    trigger = trigger_of(definition)
    found = trigger.get_next_fire_time(None, after + timedelta(microseconds=1))
    return None if found is None else found.astimezone(ZoneInfo(definition.timezone))


def previous_nominal(definition: ScheduleDefinition, now: datetime, *, within: timedelta) -> datetime | None:
    """The newest nominal time in ``(now - within, now]``; None: there is none."""
    newest = None
    at = now - within
    for _ in range(MAX_STEPS):
        found = next_nominal(definition, at)
        if found is None or found > now:
            return newest
        newest = at = found
    return newest


def at_most_daily(definition: ScheduleDefinition) -> bool:
    """Whether a schedule starts at most once a day: minute and hour are single numbers."""
    minute, hour, *_ = definition.cron.split()
    return all(re.fullmatch(r"\d+", part) for part in (minute, hour))


def deadline_of(definition: ScheduleDefinition, nominal: datetime) -> datetime | None:
    """When the result of the run at ``nominal`` must be out, aware UTC: on the next day if not later than the start."""
    if definition.deadline is None:
        return None
    zone = ZoneInfo(definition.timezone)
    local = nominal.astimezone(zone)
    at = datetime.combine(local.date(), definition.deadline, tzinfo=zone)
    if at.astimezone(UTC) <= nominal.astimezone(UTC):
        at = datetime.combine(local.date() + timedelta(days=1), definition.deadline, tzinfo=zone)
    return at.astimezone(UTC)


def fire_at(definition: ScheduleDefinition, nominal: datetime) -> Fire:
    """The fire at a nominal time, with its run date, deadline and key.

    A schedule that fires at most once a day makes the one job of its type for that day (``daily_ca:2026-11-20``); one
    that fires more often has the nominal local time in the key, which makes a clock set back harmless too.
    """
    zone = ZoneInfo(definition.timezone)
    local = nominal.astimezone(zone)
    deadline_at = deadline_of(definition, nominal)
    run_date = (deadline_at.astimezone(zone) if deadline_at else local).date()
    if at_most_daily(definition):
        key = f"{definition.job_type}:{run_date.isoformat()}"
    else:
        key = f"{definition.job_type}:{definition.name}:{local:%Y-%m-%dT%H:%M}"
    return Fire(definition.name, local, run_date, deadline_at, key)


def held_back(state: ScheduleState, fire: Fire) -> str | None:
    """Why a fire is let pass, in words; None: it is not."""
    if fire.run_date in state.skip_dates:
        return "skipped by an operator"
    if state.paused:
        return "the schedule was paused"
    return None


def spec_of(definition: ScheduleDefinition, fire: Fire) -> JobSpec:
    """The job that a fire stands for."""
    return JobSpec(
        job_type=definition.job_type,
        payload=dict(definition.payload),
        priority=Priority(definition.priority),
        idempotency_key=fire.key,
        schedule_name=definition.name,
        run_date=fire.run_date,
        deadline_at=fire.deadline_at,
    )


@dataclass(frozen=True, slots=True)
class Due:
    """What one look found.

    Attributes:
        fire: to be turned into a job, or None.
        advance_to: ``last_fire`` moves here without a job (what was missed is too old, or skipped), or None.
        missed: nominal times that were passed over for good.
    """

    fire: Fire | None = None
    advance_to: datetime | None = None
    missed: int = 0


def due(state: ScheduleState, now: datetime) -> Due:
    """What is due at ``now``: the newest nominal time since ``last_fire``, if it may still be made up for.

    Paused or disabled schedules let their times pass: a resume does not bring back what was missed.
    """
    if state.last_fire is None:
        return Due()
    definition = state.definition
    newest, count = _newest_since(definition, state.last_fire, now)
    if newest is None:
        return Due()
    to = newest.astimezone(UTC)
    if state.paused or not definition.enabled:
        return Due(advance_to=to, missed=count)
    fire = fire_at(definition, newest)
    if fire.run_date in state.skip_dates:
        return Due(advance_to=to, missed=count)
    if (now - newest).total_seconds() > definition.catch_up_s:
        return Due(advance_to=to, missed=count)
    return Due(fire=fire, missed=count - 1)


def _newest_since(definition: ScheduleDefinition, last: datetime, now: datetime) -> tuple[datetime | None, int]:
    """The newest nominal time in ``(last, now]`` and how many there are (counted up to a bound)."""
    window = timedelta(seconds=max(definition.catch_up_s, 86_400.0))
    at = max(last, now - window)
    newest, count = None, 0
    for _ in range(MAX_STEPS):
        found = next_nominal(definition, at)
        if found is None or found > now:
            break
        newest = at = found
        count += 1
    return newest, count


HOLD = timedelta(hours=6)
"""How long after its deadline a run stays "tonight"; then the next one takes its place."""


def candidates(definition: ScheduleDefinition, now: datetime) -> tuple[Fire | None, Fire | None]:
    """The newest fire at or before ``now`` whose deadline is not long past, and the next one."""
    previous = previous_nominal(definition, now, within=timedelta(days=2))
    before = None if previous is None else fire_at(definition, previous)
    if before is not None and before.deadline_at is not None and now > before.deadline_at + HOLD:
        before = None
    following = next_nominal(definition, now)
    return before, None if following is None else fire_at(definition, following)


def coming_run(definition: ScheduleDefinition, now: datetime, *, on: date | None = None) -> Fire | None:
    """The fire for a run started by hand now: the one whose deadline is still ahead, or the one for the date ``on``."""
    if on is not None:
        zone = ZoneInfo(definition.timezone)
        at = datetime.combine(on - timedelta(days=1), datetime.min.time(), tzinfo=zone) - timedelta(seconds=1)
        for _ in range(MAX_STEPS):
            nominal = next_nominal(definition, at)
            if nominal is None or nominal.date() > on:
                return None
            fire = fire_at(definition, nominal)
            if fire.run_date == on:
                return fire
            at = nominal
        return None
    before, following = candidates(definition, now)
    if before is not None and (before.deadline_at is None or now < before.deadline_at):
        return before
    return following
