"""Reads over all jobs and services, and who looked when, in the SQL store."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, select

from scheduler.domain.render import Attempt
from scheduler.domain.service import Probe
from scheduler.store.base import SqlBase
from scheduler.store.mapping import attempt_of, probe_of
from scheduler.store.rows import console_visits, render_logs, service_probes
from scheduler.store.sqltypes import db_time


class SqlHistory(SqlBase):
    """What was called and found lately."""

    def recent_attempts(self, *, limit: int, before: datetime | None = None) -> list[Attempt]:
        """The last attempts of all jobs, oldest first."""
        query = select(render_logs).order_by(render_logs.c.seq.desc()).limit(limit)
        if before is not None:
            query = query.where(render_logs.c.created_at < before)
        with self._db.read() as connection:
            return [attempt_of(row) for row in connection.execute(query).mappings()][::-1]

    def recent_probes(self, service: str, *, limit: int, before: datetime | None = None) -> list[Probe]:
        """The last probes of a service, oldest first."""
        query = select(service_probes).where(service_probes.c.service == service)
        if before is not None:
            query = query.where(service_probes.c.at < before)
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(service_probes.c.seq.desc()).limit(limit)).mappings()
            return [probe_of(row) for row in rows][::-1]

    def last_seen(self, name: str) -> datetime | None:
        """When somebody last looked at the console."""
        with self._db.read() as connection:
            return connection.execute(select(console_visits.c.seen_at).where(console_visits.c.name == name)).scalar()

    def seen(self, name: str) -> None:
        """Somebody looks at the console now."""
        statement = (
            self._insert(console_visits)
            .values(name=bindparam("b_name"), seen_at=db_time())
            .on_conflict_do_update(index_elements=[console_visits.c.name], set_={"seen_at": db_time()})
        )
        with self._db.write() as connection:
            connection.execute(statement, self._at() | {"b_name": name})
