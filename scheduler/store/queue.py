"""Jobs in the SQL store: putting them in, finding and counting them, and the limits of job types."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite

from scheduler.domain.job import (
    CLAIM,
    Enqueued,
    Job,
    JobSpec,
    JobStatus,
    QueueConfig,
    QueueDepth,
)
from scheduler.domain.render import Checkpoint
from scheduler.domain.snapshot import Page
from scheduler.ports.store import JobNotFoundError
from scheduler.store.base import ALL_JOB_COLUMNS, QUEUED, SqlBase
from scheduler.store.mapping import checkpoint_of
from scheduler.store.plain import cursor_seq
from scheduler.store.rows import checkpoints, job_queue_config, jobs
from scheduler.store.sqltypes import db_time

_BY_KEY = select(*ALL_JOB_COLUMNS).where(jobs.c.idempotency_key == bindparam("b_key"))
_COUNTS = select(jobs.c.status, func.count()).group_by(jobs.c.status)
(_FIRST_STATUS,) = CLAIM.sources
_OLDEST = select(func.min(jobs.c.queued_at)).where(QUEUED)

_GIVEN = (
    "job_type",
    "priority",
    "payload",
    "max_retries",
    "idempotency_key",
    "schedule_name",
    "run_date",
    "deadline_at",
)
_SET: dict[str, Any] = {
    "status": literal_column(f"'{_FIRST_STATUS.value}'"),
    "created_at": db_time(),
    "updated_at": db_time(),
    "queued_at": db_time(),
}


def _enqueue(insert: Any) -> Any:
    """The INSERT of a job, built once: building it costs as much as running it."""
    values = {name: bindparam(name, type_=jobs.c[name].type) for name in _GIVEN}
    statement = insert(jobs).values(values | _SET)
    return statement.on_conflict_do_nothing(index_elements=[jobs.c.idempotency_key]).returning(*ALL_JOB_COLUMNS)


_ENQUEUE_SQLITE = _enqueue(sqlite.insert)
_ENQUEUE_POSTGRESQL = _enqueue(postgresql.insert)


class SqlQueue(SqlBase):
    """The side of the queue where jobs are put in and looked at."""

    def enqueue(self, spec: JobSpec) -> Enqueued:
        """Insert a queued job, or answer the one that has the idempotency key already."""
        with self._db.write() as connection:
            return self._enqueue(connection, spec)

    def _enqueue(self, connection: Connection, spec: JobSpec) -> Enqueued:
        statement = _ENQUEUE_SQLITE if self._db.is_sqlite else _ENQUEUE_POSTGRESQL
        parameters = self._at() | {
            "job_type": spec.job_type,
            "priority": spec.priority.value,
            "payload": spec.payload,
            "max_retries": spec.max_retries,
            "idempotency_key": spec.idempotency_key,
            "schedule_name": spec.schedule_name,
            "run_date": spec.run_date,
            "deadline_at": spec.deadline_at,
        }
        row = connection.execute(statement, parameters).mappings().first()
        if row is not None:
            return Enqueued(self._job(connection, row), created=True)
        found = connection.execute(_BY_KEY, {"b_key": spec.idempotency_key}).mappings().one()
        return Enqueued(self._job(connection, found), created=False)

    def get(self, job_id: str) -> Job:
        """The job with this id or unique prefix of it.

        Raises:
            JobNotFoundError: none, or several.
        """
        with self._db.read() as connection:
            rows = self._by_prefix(connection, jobs, job_id)
            if not rows:
                raise JobNotFoundError(f"no job has an id that starts with {job_id!r}")
            if len(rows) > 1:
                raise JobNotFoundError(f"more than one job has an id that starts with {job_id!r}; give more of it")
            return self._job(connection, rows[0])

    def by_key(self, idempotency_key: str) -> Job | None:
        """The job with this idempotency key."""
        with self._db.read() as connection:
            row = connection.execute(_BY_KEY, {"b_key": idempotency_key}).mappings().first()
            return None if row is None else self._job(connection, row)

    def list(
        self,
        *,
        statuses: Sequence[JobStatus] = (),
        job_types: Sequence[str] = (),
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Job]:
        """Jobs newest first by keyset pages; empty sequences do not filter.

        Raises:
            ValueError: the cursor is none of ours.
        """
        query = select(*ALL_JOB_COLUMNS).order_by(jobs.c.seq.desc()).limit(limit + 1)
        if statuses:
            query = query.where(jobs.c.status.in_([status.value for status in statuses]))
        if job_types:
            query = query.where(jobs.c.job_type.in_(list(job_types)))
        if cursor is not None:
            query = query.where(jobs.c.seq < cursor_seq(cursor))
        with self._db.read() as connection:
            found = self._jobs(connection, connection.execute(query).mappings())
        items = tuple(found[:limit])
        return Page(items, str(items[-1].seq) if len(found) > limit and items else None)

    def depth(self) -> QueueDepth:
        """How many jobs are in which state; the oldest one's age counts from when it was last queued."""
        with self._db.read() as connection:
            counts = {JobStatus(status): count for status, count in connection.execute(_COUNTS)}
            oldest = connection.execute(_OLDEST).scalar_one_or_none()
            age = None if oldest is None else (self._now(connection) - oldest).total_seconds()
        return QueueDepth(counts, None if age is None else max(age, 0.0))

    def checkpoints(self, job_id: str) -> builtins.list[Checkpoint]:
        """All checkpoints of a job, parts too, oldest first."""
        try:
            key = self._job_key(job_id)
        except JobNotFoundError:
            return []
        query = (
            select(checkpoints)
            .where(checkpoints.c.job_id == key)
            .order_by(checkpoints.c.created_at, checkpoints.c.stage, checkpoints.c.part)
        )
        with self._db.read() as connection:
            return [checkpoint_of(row) for row in connection.execute(query).mappings()]

    def queue_config(self, job_type: str) -> QueueConfig:
        """The limits of a job type; defaults where the table has no row."""
        with self._db.read() as connection:
            return self._config(connection, job_type)

    def add_queue_config(self, config: QueueConfig) -> bool:
        """Insert the limits of a job type that has none yet; an operator's are left as they are (False)."""
        statement = (
            self._insert(job_queue_config)
            .values(job_type=config.job_type, **_limits(config))
            .on_conflict_do_nothing(index_elements=[job_queue_config.c.job_type])
            .returning(job_queue_config.c.job_type)
        )
        with self._db.write() as connection:
            return connection.execute(statement, self._at()).first() is not None

    def put_queue_config(self, config: QueueConfig) -> None:
        """Insert or replace the limits of a job type; they hold from the next claim and the next failure on."""
        values = _limits(config)
        statement = (
            self._insert(job_queue_config)
            .values(job_type=config.job_type, **values)
            .on_conflict_do_update(index_elements=[job_queue_config.c.job_type], set_=values)
        )
        with self._db.write() as connection:
            connection.execute(statement, self._at())

    def data_version(self) -> int:
        """A number that changes whenever any process has written; cheap enough to poll."""
        return self._db.data_version()


def _limits(config: QueueConfig) -> dict[str, Any]:
    return {
        "concurrency": config.concurrency,
        "timeout_s": config.timeout_s,
        "max_retries": config.max_retries,
        "retry_delay_s": config.retry_delay_s,
        "paused": config.paused,
        "updated_at": db_time(),
    }
