"""Health checks and the beats of processes in the SQL store."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select

from scheduler.domain.service import Probe
from scheduler.domain.snapshot import ProcessInfo
from scheduler.queue.owner import is_dead_here
from scheduler.store.base import SqlBase
from scheduler.store.mapping import probe_of
from scheduler.store.rows import processes, service_probes
from scheduler.store.sqltypes import db_time


class SqlWatch(SqlBase):
    """Who answers and who is alive."""

    def add_probe(self, probe: Probe) -> None:
        """Keep one probe."""
        statement = insert(service_probes).values(
            service=probe.service,
            at=probe.at,
            ok=probe.ok,
            degraded=probe.degraded,
            latency_ms=probe.latency_ms,
            http_status=probe.http_status,
            error=probe.error,
            doubtful=probe.doubtful,
        )
        with self._db.write() as connection:
            connection.execute(statement)

    def probes(self, service: str, *, limit: int = 60) -> list[Probe]:
        """The last probes of a service, oldest first."""
        query = (
            select(service_probes)
            .where(service_probes.c.service == service)
            .order_by(service_probes.c.seq.desc())
            .limit(limit)
        )
        with self._db.read() as connection:
            newest_first = [probe_of(row) for row in connection.execute(query).mappings()]
        return newest_first[::-1]

    def prune_probes(self, *, before: datetime) -> int:
        """Delete older probes; how many."""
        with self._db.write() as connection:
            return connection.execute(delete(service_probes).where(service_probes.c.at < before)).rowcount

    def beat(self, process_id: str, *, kind: str, host: str, pid: int, started_at: datetime) -> None:
        """Insert the process or renew its beat."""
        values = {"kind": kind, "host": host, "pid": pid, "started_at": started_at, "beat_at": db_time()}
        statement = (
            self._insert(processes)
            .values(id=process_id, **values)
            .on_conflict_do_update(index_elements=[processes.c.id], set_=values)
        )
        with self._db.write() as connection:
            connection.execute(statement, self._at())

    def forget_process(self, process_id: str) -> None:
        """It has stopped in good order."""
        with self._db.write() as connection:
            connection.execute(delete(processes).where(processes.c.id == process_id))

    def processes(self, *, fresh_s: float = 30.0) -> list[ProcessInfo]:
        """All processes, freshest first.

        ``alive`` where the beat is younger than ``fresh_s`` seconds, and the process is not one of this machine that no
        longer runs: one that was killed is seen at once.
        """
        query = select(processes).order_by(processes.c.beat_at.desc(), processes.c.id)
        with self._db.read() as connection:
            rows = connection.execute(query).mappings().all()
            oldest = self._now(connection) - timedelta(seconds=fresh_s)
        return [
            ProcessInfo(
                id=row["id"],
                kind=row["kind"],
                host=row["host"],
                pid=row["pid"],
                started_at=row["started_at"],
                beat_at=row["beat_at"],
                alive=row["beat_at"] > oldest and not is_dead_here(row["id"]),
            )
            for row in rows
        ]
