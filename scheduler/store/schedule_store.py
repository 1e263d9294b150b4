"""Schedules in the SQL store: the table is the truth, the timer only looks (engine.md, APScheduler)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import Update, or_, select, update

from scheduler.domain.job import Enqueued, JobSpec
from scheduler.domain.schedule import Fire, ScheduleDefinition, ScheduleState
from scheduler.store.mapping import definition_values, schedule_of
from scheduler.store.queue import SqlQueue
from scheduler.store.rows import schedules
from scheduler.store.sqltypes import db_time


class SqlSchedules(SqlQueue):
    """When runs are due, and which of them have become jobs."""

    def sync_schedules(self, definitions: Sequence[ScheduleDefinition], *, now: datetime) -> None:
        """Make the table say what the config says; operators' changes stay. A new schedule's ``last_fire`` is ``now``.

        One that the config no longer names is hidden; named again, it is new but for its pause and skipped dates.
        """
        with self._db.write() as connection:
            shown = set(connection.execute(select(schedules.c.name).where(schedules.c.declared)).scalars())
            for definition in definitions:
                values = definition_values(definition) | {"declared": True, "updated_at": db_time()}
                if definition.name not in shown:
                    values["last_fire"] = now
                statement = (
                    self._insert(schedules)
                    .values(name=definition.name, paused=False, skip_dates=[], **values)
                    .on_conflict_do_update(index_elements=[schedules.c.name], set_=values)
                )
                connection.execute(statement, self._at())
            named = [definition.name for definition in definitions]
            gone = update(schedules).where(schedules.c.declared, schedules.c.name.not_in(named))
            connection.execute(gone.values(declared=False, updated_at=db_time()), self._at())

    def schedules(self) -> list[ScheduleState]:
        """All schedules, by name."""
        query = select(schedules).where(schedules.c.declared).order_by(schedules.c.name)
        with self._db.read() as connection:
            return [schedule_of(row) for row in connection.execute(query).mappings()]

    def fire(self, fire: Fire, spec: JobSpec) -> Enqueued | None:
        """Insert the job and advance ``last_fire``, in one transaction. None: another process already did.

        A job that has the key already (an operator's run-now) stays as it is: then only ``last_fire`` moves on.
        """
        with self._db.write() as connection:
            if connection.execute(_advance(fire.schedule, fire.nominal), self._at()).rowcount == 0:
                return None
            enqueued = self._enqueue(connection, replace(spec, idempotency_key=spec.idempotency_key or fire.key))
            last = update(schedules).where(schedules.c.name == fire.schedule).values(last_job_id=enqueued.job.id)
            connection.execute(last)
            return enqueued

    def advance(self, schedule: str, to: datetime) -> None:
        """Move ``last_fire`` forward without a job (skipped, or older than the catch-up window); never back."""
        with self._db.write() as connection:
            connection.execute(_advance(schedule, to), self._at())

    def rewind(self, schedule: str, to: datetime, *, expected: datetime) -> bool:
        """Move ``last_fire`` back from a future that a wrong clock made. False: it is not ``expected`` any more."""
        statement = (
            update(schedules)
            .where(schedules.c.name == schedule, schedules.c.declared, schedules.c.last_fire == expected)
            .values(last_fire=to, updated_at=db_time())
        )
        with self._db.write() as connection:
            return connection.execute(statement, self._at()).rowcount == 1

    def set_paused(self, schedule: str, *, paused: bool) -> bool:
        """An operator's pause or resume. False: no such schedule."""
        return self._set(schedule, paused=paused)

    def set_skip_dates(self, schedule: str, dates: Sequence[date]) -> bool:
        """Replace the skipped run dates. False: no such schedule."""
        return self._set(schedule, skip_dates=sorted({day.isoformat() for day in dates}))

    def _set(self, schedule: str, **values: object) -> bool:
        statement = (
            update(schedules)
            .where(schedules.c.name == schedule, schedules.c.declared)
            .values(values | {"updated_at": db_time()})
        )
        with self._db.write() as connection:
            return connection.execute(statement, self._at()).rowcount == 1


def _advance(schedule: str, to: datetime) -> Update:
    return (
        update(schedules)
        .where(
            schedules.c.name == schedule,
            schedules.c.declared,
            or_(schedules.c.last_fire.is_(None), schedules.c.last_fire < to),
        )
        .values(last_fire=to, updated_at=db_time())
    )
