"""Roll-ups, transitions and maintenance of services in the SQL store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, delete, insert, select

from scheduler.domain.service import Maintenance, Probe, Rollup, ServiceState, ServiceTransition
from scheduler.store.base import SqlBase
from scheduler.store.mapping import probe_of
from scheduler.store.rows import service_maintenance, service_probes, service_rollups, service_transitions
from scheduler.store.sqltypes import db_time

_FIGURES = ("probes", "failures", "p50_ms", "p95_ms", "p99_ms", "max_ms")


class SqlHealth(SqlBase):
    """What becomes of probes, and what operators say of services."""

    def probes_between(self, service: str, since: datetime, until: datetime) -> list[Probe]:
        """Probes from ``since`` until before ``until``, oldest first."""
        at = service_probes.c.at
        query = (
            select(service_probes)
            .where(service_probes.c.service == service, at >= since, at < until)
            .order_by(service_probes.c.seq)
        )
        with self._db.read() as connection:
            return [probe_of(row) for row in connection.execute(query).mappings()]

    def put_rollups(self, rollups: Sequence[Rollup]) -> None:
        """Keep roll-ups; one that is there already is replaced."""
        with self._db.write() as connection:
            for rollup in rollups:
                figures = {name: getattr(rollup, name) for name in _FIGURES}
                connection.execute(
                    self._insert(service_rollups)
                    .values(service=rollup.service, span_s=rollup.span_s, start_at=rollup.start, **figures)
                    .on_conflict_do_update(
                        index_elements=[service_rollups.c[name] for name in ("service", "span_s", "start_at")],
                        set_=figures,
                    )
                )

    def rollups(self, service: str, span_s: int, *, limit: int = 24) -> list[Rollup]:
        """The last roll-ups of a service, oldest first."""
        query = (
            select(service_rollups)
            .where(service_rollups.c.service == service, service_rollups.c.span_s == span_s)
            .order_by(service_rollups.c.start_at.desc())
            .limit(limit)
        )
        with self._db.read() as connection:
            newest_first = [_rollup_of(row) for row in connection.execute(query).mappings()]
        return newest_first[::-1]

    def prune_rollups(self, span_s: int, *, before: datetime) -> int:
        """Delete older ones; how many."""
        old = delete(service_rollups).where(service_rollups.c.span_s == span_s, service_rollups.c.start_at < before)
        with self._db.write() as connection:
            return connection.execute(old).rowcount

    def add_transition(self, transition: ServiceTransition) -> bool:
        """Keep a change of state. False: the last one kept leads to the same state (another process saw it too)."""
        last = (
            select(service_transitions.c.after)
            .where(service_transitions.c.service == transition.service)
            .order_by(service_transitions.c.at.desc())
            .limit(1)
        )
        kept = (
            self._insert(service_transitions)
            .values(
                service=transition.service,
                at=transition.at,
                before=transition.before.value,
                after=transition.after.value,
                reason=transition.reason,
            )
            .on_conflict_do_nothing()
            .returning(service_transitions.c.service)
        )
        with self._db.write() as connection:
            if connection.execute(last).scalar_one_or_none() == transition.after.value:
                return False
            return connection.execute(kept).first() is not None

    def transitions(self, service: str, *, limit: int = 20) -> list[ServiceTransition]:
        """The last changes of a service, newest first."""
        query = (
            select(service_transitions)
            .where(service_transitions.c.service == service)
            .order_by(service_transitions.c.at.desc())
            .limit(limit)
        )
        with self._db.read() as connection:
            return [
                ServiceTransition(
                    service=row["service"],
                    at=row["at"],
                    before=ServiceState(row["before"]),
                    after=ServiceState(row["after"]),
                    reason=row["reason"],
                )
                for row in connection.execute(query).mappings()
            ]

    def set_maintenance(self, service: str, *, for_s: float, by: str) -> Maintenance:
        """Take a service out for so many seconds from now, by the database's clock; replaces what was set."""
        gone = delete(service_maintenance).where(service_maintenance.c.service == service)
        statement = (
            insert(service_maintenance)
            .values(service=service, until_at=db_time("until_shift"), since_at=db_time(), by_whom=by)
            .returning(*service_maintenance.c)
        )
        with self._db.write() as connection:
            connection.execute(gone)
            parameters = self._at() | {"until_shift": self._db.shift_s + for_s}
            return _maintenance_of(connection.execute(statement, parameters).mappings().one())

    def end_maintenance(self, service: str) -> bool:
        """Take it in again. False: it was not out."""
        gone = delete(service_maintenance).where(service_maintenance.c.service == service)
        still = gone.where(service_maintenance.c.until_at > db_time())
        with self._db.write() as connection:
            was_out = connection.execute(still, self._at()).rowcount == 1
            connection.execute(gone)
            return was_out

    def maintenance(self) -> list[Maintenance]:
        """Services that are out now."""
        query = (
            select(service_maintenance)
            .where(service_maintenance.c.until_at > db_time())
            .order_by(service_maintenance.c.service)
        )
        with self._db.read() as connection:
            return [_maintenance_of(row) for row in connection.execute(query, self._at()).mappings()]


def _rollup_of(row: RowMapping) -> Rollup:
    figures = {name: row[name] for name in _FIGURES}
    return Rollup(service=row["service"], start=row["start_at"], span_s=row["span_s"], **figures)


def _maintenance_of(row: RowMapping) -> Maintenance:
    return Maintenance(service=row["service"], until=row["until_at"], since=row["since_at"], by=row["by_whom"])
