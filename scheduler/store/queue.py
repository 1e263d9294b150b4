"""Jobs in the SQL store: finding and counting them, and the limits of job types."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, literal, select, tuple_

from scheduler.domain.filter import Count, Filter, JobSort
from scheduler.domain.job import (
    Job,
    JobStatus,
    QueueConfig,
    QueueDepth,
)
from scheduler.domain.limits import LimitsChange
from scheduler.domain.render import Checkpoint
from scheduler.domain.snapshot import Page
from scheduler.ports.store import JobNotFoundError
from scheduler.store.base import ALL_JOB_COLUMNS, QUEUED
from scheduler.store.counts import read_counts
from scheduler.store.decisions import depth_of
from scheduler.store.enqueue import BY_KEY, SqlEnqueue
from scheduler.store.filter_sql import conditions
from scheduler.store.mapping import checkpoint_of, config_of
from scheduler.store.plain import cursor_of, cursor_rank, cursor_seq
from scheduler.store.rows import checkpoints, job_queue_config, jobs
from scheduler.store.sqltypes import db_time

_OLDEST = select(func.min(jobs.c.queued_at)).where(QUEUED).with_hint(jobs, "INDEXED BY jobs_waiting", "sqlite")


_ORDER: dict[JobSort, tuple[Any, ...]] = {
    JobSort.NEWEST: (jobs.c.seq.desc(),),
    JobSort.OLDEST: (jobs.c.seq,),
    JobSort.PRIORITY: (jobs.c.priority_rank, jobs.c.seq),
}


def _behind(cursor: str, sort: JobSort) -> ColumnElement[bool]:
    """What comes after the cursor in this order."""
    match sort:
        case JobSort.NEWEST:
            return jobs.c.seq < cursor_seq(cursor)
        case JobSort.OLDEST:
            return jobs.c.seq > cursor_seq(cursor)
        case JobSort.PRIORITY:
            rank, seq = cursor_rank(cursor)
            return tuple_(jobs.c.priority_rank, jobs.c.seq) > tuple_(literal(rank), literal(seq))


class SqlQueue(SqlEnqueue):
    """The side of the queue where jobs are looked at, and the limits of job types."""

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
            row = connection.execute(BY_KEY, {"b_key": idempotency_key}).mappings().first()
            return None if row is None else self._job(connection, row)

    def list(
        self,
        *,
        statuses: Sequence[JobStatus] = (),
        job_types: Sequence[str] = (),
        filter: Filter | None = None,  # noqa: A002 - the word of the command line and of HTTP
        sort: JobSort = JobSort.NEWEST,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Job]:
        """Jobs by keyset pages, newest first unless ``sort`` says otherwise; what is empty does not filter.

        Raises:
            ValueError: the cursor is none of this order.
        """
        query = select(*ALL_JOB_COLUMNS).where(*self._wanted(statuses, job_types, filter)).limit(limit + 1)
        query = query.order_by(*_ORDER[sort])
        if cursor is not None:
            query = query.where(_behind(cursor, sort))
        with self._db.read() as connection:
            found = self._jobs(connection, connection.execute(query).mappings())
        items = tuple(found[:limit])
        return Page(items, cursor_of(items[-1], sort) if len(found) > limit and items else None)

    def count(
        self,
        *,
        statuses: Sequence[JobStatus] = (),
        job_types: Sequence[str] = (),
        filter: Filter | None = None,  # noqa: A002 - as for list
        cap: int = 10_000,
    ) -> Count:
        """How many jobs ``list`` would find; counting stops at ``cap``."""
        found = select(jobs.c.seq).where(*self._wanted(statuses, job_types, filter)).limit(cap + 1).subquery()
        with self._db.read() as connection:
            number = connection.execute(select(func.count()).select_from(found)).scalar_one()
        return Count(min(number, cap), capped=number > cap)

    def _wanted(
        self, statuses: Sequence[JobStatus], job_types: Sequence[str], wanted: Filter | None
    ) -> builtins.list[ColumnElement[bool]]:
        found = conditions(wanted, is_sqlite=self._db.is_sqlite) if wanted is not None else []
        if statuses:
            found.append(jobs.c.status.in_([status.value for status in statuses]))
        if job_types:
            found.append(jobs.c.job_type.in_([*job_types]))
        return found

    def depth(self) -> QueueDepth:
        """How many jobs are in which state, from counters; the oldest one's age counts from when it was last queued."""
        with self._db.read() as connection:
            parts = read_counts(connection)
            oldest = connection.execute(_OLDEST).scalar_one_or_none()
            age = None if oldest is None else (self._now(connection) - oldest).total_seconds()
        return depth_of(parts, None if age is None else max(age, 0.0))

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
        """Insert the limits of a job type that has none yet; an operator's are left as they are (False).

        It looks first: who finds them there does not wait for anybody's write.
        """
        there = select(job_queue_config.c.job_type).where(job_queue_config.c.job_type == config.job_type)
        with self._db.read() as connection:
            if connection.execute(there).first() is not None:
                return False
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

    def change_queue_config(self, job_type: str, change: LimitsChange) -> QueueConfig:
        """Change some limits of a job type, whoever changes others meanwhile; what holds then."""
        values = change.given | {"updated_at": db_time()}
        whole = _limits(self._default(job_type)) | values
        statement = (
            self._insert(job_queue_config)
            .values(job_type=job_type, **whole)
            .on_conflict_do_update(index_elements=[job_queue_config.c.job_type], set_=values)
            .returning(*job_queue_config.c)
        )
        with self._db.write() as connection:
            return config_of(connection.execute(statement, self._at()).mappings().one())

    def queue_configs(self) -> builtins.list[QueueConfig]:
        """The limits of the job types that have some of their own, by name."""
        with self._db.read() as connection:
            return sorted(self._configs(connection).values(), key=lambda config: config.job_type)

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
