"""How many jobs are in which state: counters beside the rows, which triggers keep (see the migration).

The counters are right whatever wrote the rows, with the exceptions that SQLite gives its triggers: ``INSERT OR
REPLACE`` by another application deletes without telling them. ``recount`` looks, ``rewrite`` puts it right.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, Connection, Row, cast, delete, func, insert, select, text

from scheduler.domain.job import DepthPart, JobStatus, Priority
from scheduler.store.rows import job_counts, jobs

_GROUP = (job_counts.c.status, job_counts.c.job_type, job_counts.c.priority)
_SUM = func.sum(job_counts.c.n)
_COUNTS = select(*_GROUP, cast(_SUM, BigInteger)).group_by(*_GROUP).having(_SUM != 0).order_by(*_GROUP)
_ROW_GROUP = (jobs.c.status, jobs.c.job_type, jobs.c.priority)
_RECOUNT = select(*_ROW_GROUP, func.count()).group_by(*_ROW_GROUP).order_by(*_ROW_GROUP)

FOLD_AT = 200
"""Rows of ``job_counts`` from which on it is worth folding them (PostgreSQL)."""
_MANY = select(func.count()).select_from(select(job_counts.c.n).limit(FOLD_AT).subquery())
_FOLD = text(
    "WITH gone AS (DELETE FROM job_counts RETURNING status, job_type, priority, n) "
    "INSERT INTO job_counts SELECT status, job_type, priority, sum(n) FROM gone GROUP BY 1, 2, 3 HAVING sum(n) <> 0"
)


def _parts(rows: Iterable[Row[str, str, str, int]]) -> tuple[DepthPart, ...]:
    return tuple(DepthPart(JobStatus(a), b, Priority(c), int(n)) for a, b, c, n in rows)


def read_counts(connection: Connection) -> tuple[DepthPart, ...]:
    """The counters."""
    return _parts(connection.execute(_COUNTS))


def recount(connection: Connection) -> tuple[DepthPart, ...]:
    """What the counters should be; reads every row."""
    return _parts(connection.execute(_RECOUNT))


def rewrite(connection: Connection) -> None:
    """Count anew. Nobody may insert or change a job meanwhile: the caller holds the table."""
    connection.execute(delete(job_counts))
    connection.execute(insert(job_counts).from_select(["status", "job_type", "priority", "n"], _RECOUNT))


def fold_counts(connection: Connection) -> None:
    """PostgreSQL: many rows of +1 and -1 become few, so that summing them stays cheap."""
    if connection.execute(_MANY).scalar_one() >= FOLD_AT:
        connection.execute(_FOLD)
