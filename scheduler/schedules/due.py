"""What is due: nominal times of a schedule and the jobs they stand for. Pure.

The timer may look as often as it likes, late, or twice: what is due follows from ``last_fire`` and the clock alone,
and the job's unique key turns a double fire into a conflict that does nothing (engine.md, APScheduler).

Nominal times are wall-clock times: each is one start, also where clocks change (``wall``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from scheduler.domain.job import JobSpec, Priority
from scheduler.domain.schedule import Fire, ScheduleDefinition, ScheduleState
from scheduler.schedules.wall import moment_of

MAX_STEPS = 5_000
"""Nominal times looked at in one go: more than three days of a schedule that fires every minute."""
MOST_EARLY = timedelta(hours=6)
"""A run is never started earlier than this before its nominal time, whatever history says."""
CLOCK_SLACK = timedelta(hours=1)
"""A newest fire further ahead than this (and a possible early start) can only be the mark of a clock that was wrong."""


@lru_cache(maxsize=256)
def wall_trigger(cron: str) -> CronTrigger:
    """The APScheduler trigger of a cron line on a wall clock: in UTC, which never changes.

    Raises:
        ValueError: the cron line is wrong.
    """
    return CronTrigger.from_crontab(cron, timezone=UTC)


def next_nominal(definition: ScheduleDefinition, after: datetime) -> datetime | None:
    """The first nominal time strictly after ``after``, in the schedule's zone; None: there is none."""
    zone, after = ZoneInfo(definition.timezone), after.astimezone(UTC)
    for wall in _walls(definition, after.astimezone(zone).replace(tzinfo=None)):
        moment = moment_of(wall, zone)
        # What the wall clock showed before it was set back is over, though the wall clock stands before it again.
        if moment > after:
            return moment
    return None


def _walls(definition: ScheduleDefinition, after: datetime) -> Iterator[datetime]:
    """Wall-clock times after a wall-clock time (naive, both)."""
    if definition.at:
        yield from (wall for wall in definition.at if wall > after)
        return
    trigger, at = wall_trigger(definition.cron), after.replace(tzinfo=UTC)
    for _ in range(MAX_STEPS):
        found = trigger.get_next_fire_time(None, at + timedelta(microseconds=1))
        if found is None:
            return
        yield found.replace(tzinfo=None)
        at = found


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
    """Whether a schedule starts at most once a day: at one hour and minute, or one-off on different days."""
    if definition.at:
        return len({wall.date() for wall in definition.at}) == len(definition.at)
    minute, hour, *_ = definition.cron.split()
    return all(re.fullmatch(r"\d+", part) for part in (minute, hour))


def deadline_of(definition: ScheduleDefinition, nominal: datetime) -> datetime | None:
    """When the result of the run at ``nominal`` must be out, aware UTC: on the next day if not later than the start."""
    return None if definition.deadline is None else _following(definition, nominal, definition.deadline)


def latest_start_of(definition: ScheduleDefinition, nominal: datetime) -> datetime | None:
    """The last moment at which the run may begin by itself, aware UTC; None: the catch-up window alone decides."""
    return None if definition.latest_start is None else _following(definition, nominal, definition.latest_start)


def _following(definition: ScheduleDefinition, nominal: datetime, clock: time) -> datetime:
    """The first moment after ``nominal`` at which the schedule's wall clock shows a time of day, aware UTC."""
    zone = ZoneInfo(definition.timezone)
    local = nominal.astimezone(zone)
    at = moment_of(datetime.combine(local.date(), clock), zone)
    if at <= nominal:
        at = moment_of(datetime.combine(local.date() + timedelta(days=1), clock), zone)
    return at.astimezone(UTC)


def fire_at(definition: ScheduleDefinition, nominal: datetime) -> Fire:
    """The fire at a nominal time, with its run date, deadline and key.

    A schedule that fires at most once a day makes the one job of its type for that day (``daily_ca:2026-11-20``); one
    that fires more often has the nominal local time in the key.
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
    if fire.run_date in state.definition.holidays:
        return "holiday"
    if state.paused:
        return "the schedule is paused"
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
        advance_to: ``last_fire`` moves here without a job (what was missed is too old, or held back), or None.
        rewind_to: ``last_fire`` lies in a future that a wrong clock made, and goes back here, or None.
        missed: nominal times that were passed over for good.
        early_s: seconds by which the fire starts before its nominal time.
    """

    fire: Fire | None = None
    advance_to: datetime | None = None
    rewind_to: datetime | None = None
    missed: int = 0
    early_s: float = 0.0


def due(state: ScheduleState, now: datetime, *, lead_s: float = 0.0) -> Due:
    """What is due at ``now``: the newest nominal time since ``last_fire``, if it may still be made up for.

    Paused or disabled schedules let their times pass: a resume does not bring back what was missed.

    Args:
        state: the schedule as the table has it.
        now: aware.
        lead_s: start this many seconds before the nominal time, because history says that it takes so long.
    """
    if state.last_fire is None:
        return Due()
    definition, now = state.definition, now.astimezone(UTC)  # times of one zone are subtracted by the wall clock
    lead = min(timedelta(seconds=max(lead_s, 0.0)), MOST_EARLY)
    if state.last_fire > now + MOST_EARLY + CLOCK_SLACK:
        return Due(rewind_to=now)
    newest, count = _newest_since(definition, state.last_fire, now + lead)
    if newest is not None and newest > now and _passed_over(state, fire_at(definition, newest), now):
        # What is held back is let pass at its own time: until then an operator may think better of it.
        newest, count = _newest_since(definition, state.last_fire, now)
    if newest is None:
        return Due()
    fire = fire_at(definition, newest)
    if _passed_over(state, fire, now):
        return Due(advance_to=newest.astimezone(UTC), missed=count)
    return Due(fire=fire, missed=count - 1, early_s=max((newest - now).total_seconds(), 0.0))


def _passed_over(state: ScheduleState, fire: Fire, now: datetime) -> bool:
    definition = state.definition
    if not definition.enabled or held_back(state, fire) is not None:
        return True
    latest = latest_start_of(definition, fire.nominal)
    return (now - fire.nominal).total_seconds() > definition.catch_up_s or (latest is not None and now > latest)


def _newest_since(definition: ScheduleDefinition, last: datetime, until: datetime) -> tuple[datetime | None, int]:
    """The newest nominal time in ``(last, until]`` and how many there are (counted up to a bound)."""
    window = timedelta(seconds=max(definition.catch_up_s, 86_400.0))
    at = max(last, until - window)
    newest, count = None, 0
    for _ in range(MAX_STEPS):
        found = next_nominal(definition, at)
        if found is None or found > until:
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


def fire_for(definition: ScheduleDefinition, run_date: date) -> Fire | None:
    """The fire for a run date; None: the schedule has none."""
    zone = ZoneInfo(definition.timezone)
    at = moment_of(datetime.combine(run_date - timedelta(days=1), datetime.min.time()), zone) - timedelta(seconds=1)
    for _ in range(MAX_STEPS):
        nominal = next_nominal(definition, at)
        if nominal is None or nominal.date() > run_date:
            return None
        fire = fire_at(definition, nominal)
        if fire.run_date == run_date:
            return fire
        at = nominal
    return None


def coming_run(definition: ScheduleDefinition, now: datetime, *, on: date | None = None) -> Fire | None:
    """The fire for a run started by hand now: the one whose deadline is still ahead, or the one for the date ``on``."""
    if on is not None:
        return fire_for(definition, on)
    before, following = candidates(definition, now)
    if before is not None and (before.deadline_at is None or now < before.deadline_at):
        return before
    return following
