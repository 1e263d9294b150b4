"""Keeps the on-time record: tells each run date from its job while there is one, and remembers it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Protocol

import structlog

from scheduler.domain.deadline import Prediction
from scheduler.domain.job import Job
from scheduler.domain.night import Night, NightOutcome, night_of
from scheduler.domain.schedule import Fire, ScheduleState
from scheduler.ports.nights import NightStore
from scheduler.ports.store import JobStore, RenderStore, ScheduleStore
from scheduler.schedules.due import at_most_daily, fire_at, held_back, next_nominal

log = structlog.get_logger("predawn.nights")

SETTLED_AFTER = timedelta(days=3)
"""How long after its deadline a night is still looked at: a full video may yet take the place of a degraded one."""
LOOK_BACK = timedelta(days=100)
"""How far back nights are told that nobody has recorded (no daemon ran)."""
MAX_NIGHTS = 1_000

Predict = Callable[[Job], Prediction | None]
"""When a job that waits or runs will be out; None: it cannot be said."""


class Records(NightStore, JobStore, RenderStore, ScheduleStore, Protocol):
    """What the record is told from."""


def changed_nights(store: Records, now: datetime, *, predict: Predict | None = None) -> list[Night]:
    """The nights that differ from their record, or have none yet. Reads only; blocking.

    Only schedules with a deadline that start at most once a day have nights.
    """
    changed: list[Night] = []
    for state in store.schedules():
        if state.definition.deadline is None or not at_most_daily(state.definition):
            continue
        known = {night.run_date: night for night in store.nights(schedule=state.definition.name, limit=40)}
        for fire in _fires(state, known, now):
            before = known.get(fire.run_date)
            job = store.by_key(fire.key)
            if job is None and before is None and (fire.nominal > now or not state.definition.enabled):
                continue
            unforeseen = job is not None and not job.is_final and (before is None or before.p90_at is None)
            night = night_of(
                fire,
                state.definition.timezone,
                job=job,
                renders=store.renders(job.id) if job is not None else (),
                held=held_back(state, fire),
                now=now,
                known=before,
                prediction=predict(job) if predict is not None and job is not None and unforeseen else None,
            )
            if night is not None and night != before:
                changed.append(night)
    return changed


def record_nights(store: Records, now: datetime, *, predict: Predict | None = None) -> list[Night]:
    """Write down what ``changed_nights`` finds; blocking."""
    changed = changed_nights(store, now, predict=predict)
    store.save_nights(changed)
    for night in changed:
        if night.outcome in {NightOutcome.MISSED, NightOutcome.LATE}:
            log.warning("night", schedule=night.schedule, run_date=str(night.run_date), outcome=night.outcome.value)
    return changed


def merged(recorded: list[Night], changed: list[Night]) -> list[Night]:
    """The record as it would be if what has changed were written; the newest run date first."""
    table = {(night.schedule, night.run_date): night for night in (*recorded, *changed)}
    by_name = sorted(table.values(), key=lambda night: night.schedule)
    return sorted(by_name, key=lambda night: night.run_date, reverse=True)


def _fires(state: ScheduleState, known: Mapping[date, Night], now: datetime) -> Iterator[Fire]:
    """The fires that are not settled, up to the coming one."""
    oldest = min(known, default=None)
    at = _since(state, known, now)
    for _ in range(MAX_NIGHTS):
        nominal = next_nominal(state.definition, at)
        if nominal is None:
            return
        fire = fire_at(state.definition, nominal)
        if oldest is None or fire.run_date >= oldest:
            yield fire
        if nominal > now:
            return
        at = nominal


def _since(state: ScheduleState, known: Mapping[date, Night], now: datetime) -> datetime:
    """After this moment starts are looked at: everything before is settled, or was before this installation."""
    settled = [
        night.nominal_at
        for night in known.values()
        if night.due_at < now - SETTLED_AFTER and night.outcome is not NightOutcome.OPEN
    ]
    if settled:
        since = max(settled)
    elif known:
        since = min(night.nominal_at for night in known.values()) - timedelta(days=1)
    else:
        since = min(state.last_fire or now, now) - timedelta(microseconds=1)
    return max(since, now - LOOK_BACK)
