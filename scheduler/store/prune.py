"""Deleting what is old, in transactions so small that nobody waits for them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Delete,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    text,
)

from scheduler.domain.job import JobStatus
from scheduler.domain.maintenance import PruneReport
from scheduler.ports.maintenance import Progress
from scheduler.store.engine import Database
from scheduler.store.rows import checkpoints, jobs, render_failures, render_logs, renders, service_probes
from scheduler.store.sqltypes import db_time

BATCH = 100
"""Jobs in one transaction."""
PROBES = 1000
"""Probes in one transaction."""
PAGES = 500
"""SQLite: pages given back in one transaction."""
LONGEST_REST_S = 0.1

_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_THEIR_RENDERS = select(renders.c.id).where(renders.c.job_id.in_(_IDS))
_BELONGINGS: tuple[tuple[str, Delete], ...] = (
    ("failures", delete(render_failures).where(render_failures.c.render_id.in_(_THEIR_RENDERS))),
    ("attempts", delete(render_logs).where(render_logs.c.render_id.in_(_THEIR_RENDERS))),
    ("checkpoints", delete(checkpoints).where(checkpoints.c.job_id.in_(_IDS))),
    ("renders", delete(renders).where(renders.c.job_id.in_(_IDS))),
    ("jobs", delete(jobs).where(jobs.c.id.in_(_IDS))),
)
_OLD_PROBES = (
    select(service_probes.c.seq).where(service_probes.c.at < bindparam("b_before")).order_by(service_probes.c.at)
)
TABLES = ("jobs", "renders", "render_logs", "render_failures", "checkpoints", "service_probes", "job_search")


def _old(status: JobStatus) -> ColumnElement[bool]:
    """Ended for good before ``b_before``; the state as a literal, so that its index is used."""
    ended = func.coalesce(jobs.c.completed_at, jobs.c.updated_at)
    return (
        (jobs.c.status == literal_column(f"'{status.value}'"))
        & jobs.c.retry_at.is_(None)
        & (ended < bindparam("b_before", type_=jobs.c.updated_at.type))
    )


class Pruner:
    """One pruning of one database."""

    def __init__(self, database: Database, older_than: timedelta, progress: Progress | None) -> None:
        self._db = database
        self._progress = progress
        self._counts: dict[str, int] = {}
        with database.read() as connection:
            now: datetime = connection.execute(select(db_time()), {"shift": database.shift_s}).scalar_one()
        self._before = {"b_before": now - older_than}

    def count(self, statuses: Sequence[JobStatus]) -> PruneReport:
        """What would go."""
        with self._db.read() as connection:
            each = [select(func.count()).select_from(jobs).where(_old(status)) for status in statuses]
            found = sum(connection.execute(count, self._before).scalar_one() for count in each)
            probes = connection.execute(select(func.count()).select_from(_OLD_PROBES.subquery()), self._before)
            return PruneReport(jobs=found, probes=probes.scalar_one(), dry_run=True)

    def run(self, statuses: Sequence[JobStatus], *, vacuum: bool) -> PruneReport:
        """Delete it."""
        size = self._size()
        total = self.count(statuses).jobs if self._progress else 0
        for status in statuses:
            self._prune_jobs(status, total)
        while self._rested(self._prune_probes):
            pass
        self._give_back(vacuum=vacuum)
        gone = self._counts
        return PruneReport(
            jobs=gone.get("jobs", 0),
            renders=gone.get("renders", 0),
            attempts=gone.get("attempts", 0),
            failures=gone.get("failures", 0),
            checkpoints=gone.get("checkpoints", 0),
            probes=gone.get("probes", 0),
            freed_bytes=max(size - self._size(), 0),
        )

    def _rested(self, step: Any, *args: Any) -> Any:
        """Do it, then leave the database alone for as long as it took."""
        began = time.monotonic()
        answer = step(*args)
        time.sleep(min(time.monotonic() - began, LONGEST_REST_S))
        return answer

    def _prune_jobs(self, status: JobStatus, total: int) -> None:
        page = (
            select(jobs.c.seq, jobs.c.id)
            .where(_old(status), jobs.c.seq > bindparam("b_last"))
            .order_by(jobs.c.seq)
            .limit(BATCH)
        )
        last = 0
        while True:
            # Looked for outside of the transaction that deletes: a long search must not hold up writers.
            with self._db.read() as connection:
                found = connection.execute(page, self._before | {"b_last": last}).all()
            if not found:
                return
            last = found[-1][0]
            self._rested(self._delete, [job_id for _, job_id in found], status)
            if self._progress:
                self._progress(self._counts.get("jobs", 0), total)

    def _delete(self, ids: list[str], status: JobStatus) -> None:
        with self._db.write() as connection:
            # Still as it was found: an operator may have retried it meanwhile.
            still = select(jobs.c.id).where(jobs.c.id.in_(_IDS), _old(status)).with_for_update(skip_locked=True)
            held = list(connection.execute(still, self._before | {"ids": ids}).scalars())
            if not held:
                return
            for name, statement in _BELONGINGS:
                gone = connection.execute(statement, {"ids": held}).rowcount
                self._counts[name] = self._counts.get(name, 0) + gone

    def _prune_probes(self) -> int:
        with self._db.write() as connection:
            old = delete(service_probes).where(service_probes.c.seq.in_(_OLD_PROBES.limit(PROBES)))
            gone = connection.execute(old, self._before).rowcount
        self._counts["probes"] = self._counts.get("probes", 0) + gone
        return gone

    # Space

    def _give_back(self, *, vacuum: bool) -> None:
        if not self._db.is_sqlite:
            with self._db.translated(), self._db.engine.connect() as connection:
                plain = connection.execution_options(isolation_level="AUTOCOMMIT")
                for table in TABLES:
                    plain.execute(text(f"VACUUM (ANALYZE) {table}"))
            return
        with self._db.write() as connection:
            # Words of deleted jobs are only marked; merging lets go of them, a bounded piece at a time.
            connection.execute(text("INSERT INTO job_search (job_search, rank) VALUES ('merge', 500)"))
        if vacuum:
            self._db.outside_transaction("PRAGMA auto_vacuum = INCREMENTAL", "VACUUM")
        while self._rested(self._give_back_pages):
            pass
        self._db.outside_transaction("PRAGMA wal_checkpoint(TRUNCATE)")

    def _give_back_pages(self) -> bool:
        before = self._free_pages()
        self._db.outside_transaction(f"PRAGMA incremental_vacuum({PAGES})")
        return 0 < self._free_pages() < before

    def _free_pages(self) -> int:
        with self._db.read() as connection:
            return _pragma(connection, "freelist_count")

    def _size(self) -> int:
        if not self._db.is_sqlite:
            return 0
        with self._db.read() as connection:
            return _pragma(connection, "page_count") * _pragma(connection, "page_size")


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
