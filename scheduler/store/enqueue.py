"""Putting jobs into the SQL store, one by one or many in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Integer, Text, bindparam, cast, func, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite

from scheduler.domain.job import CLAIM, Enqueued, Job, JobSpec
from scheduler.store.base import ALL_JOB_COLUMNS, SqlBase
from scheduler.store.batch import batch, batch_rows
from scheduler.store.mapping import job_of
from scheduler.store.plain import json_text, plain_json, utc_text
from scheduler.store.rows import job_queue_config, jobs
from scheduler.store.sqltypes import IsoDate, UtcDateTime, UuidText, db_time

MANY = 500
"""Jobs in one statement: enough that the statement's cost does not show, few enough that it stays small."""

BY_KEY = select(*ALL_JOB_COLUMNS).where(jobs.c.idempotency_key == bindparam("b_key"))
_BY_KEYS = select(*ALL_JOB_COLUMNS).where(jobs.c.idempotency_key.in_(bindparam("keys", expanding=True)))

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
(_FIRST_STATUS,) = CLAIM.sources
_SET: dict[str, Any] = {
    "status": literal_column(f"'{_FIRST_STATUS.value}'"),
    "created_at": db_time(),
    "updated_at": db_time(),
    "queued_at": db_time(),
}


def _one(insert: Any) -> Any:
    """The INSERT of a job, built once: building it costs as much as running it."""
    values = {name: bindparam(name, type_=jobs.c[name].type) for name in _GIVEN}
    return _answering(insert(jobs).values(values | _SET))


def _many(insert: Any, *, is_sqlite: bool) -> Any:
    """The INSERT of the jobs of a batch, in its order."""
    rows = batch(
        {
            "id": UuidText(),
            "job_type": Text(),
            "priority": Text(),
            "payload": Text(),
            "max_retries": Integer(),
            "idempotency_key": Text(),
            "schedule_name": Text(),
            "run_date": IsoDate(),
            "deadline_at": UtcDateTime(),
        },
        is_sqlite=is_sqlite,
    )
    payload = rows.c["payload"]
    given = {name: rows.c[name] for name in ("id", *_GIVEN)}
    given["payload"] = payload if is_sqlite else cast(payload, postgresql.JSONB)
    values = given | _SET
    # SQLite takes ON CONFLICT behind a SELECT for a join without a WHERE.
    source = select(*values.values()).select_from(rows.table).where(literal_column("1") == literal_column("1"))
    return _answering(insert(jobs).from_select(list(values), source.order_by(rows.c["place"])))


# Written out, because SQLAlchemy leaves the table's name away behind RETURNING.
_ITS_TYPE = job_queue_config.c.job_type == literal_column("jobs.job_type")
_TYPES_RETRIES = select(job_queue_config.c.max_retries).where(_ITS_TYPE).scalar_subquery()
_MADE = [
    func.coalesce(column, _TYPES_RETRIES).label(column.name) if column.name == "max_retries" else column
    for column in ALL_JOB_COLUMNS
]
"""A new job's columns; a row without ``max_retries`` of its own comes with its type's, without a second look."""


def _answering(statement: Any) -> Any:
    return statement.on_conflict_do_nothing(index_elements=[jobs.c.idempotency_key]).returning(*_MADE)


_ONE_SQLITE, _ONE_POSTGRESQL = _one(sqlite.insert), _one(postgresql.insert)
_MANY_SQLITE, _MANY_POSTGRESQL = _many(sqlite.insert, is_sqlite=True), _many(postgresql.insert, is_sqlite=False)


class SqlEnqueue(SqlBase):
    """The side of the queue where jobs are put in."""

    def enqueue(self, spec: JobSpec) -> Enqueued:
        """Insert a queued job, or answer the one that has the idempotency key already."""
        with self._db.write_once() as connection:
            return self._enqueue(connection, spec)

    def enqueue_many(self, specs: Sequence[JobSpec]) -> list[Enqueued]:
        """Insert many jobs in one transaction, in their order; each is answered as ``enqueue`` would have."""
        with self._db.write(whole=True) as connection:
            answers: list[Enqueued] = []
            for start in range(0, len(specs), MANY):
                answers += self._enqueue_batch(connection, specs[start : start + MANY])
            return answers

    def _enqueue(self, connection: Connection, spec: JobSpec) -> Enqueued:
        statement = _ONE_SQLITE if self._db.is_sqlite else _ONE_POSTGRESQL
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
            return Enqueued(job_of(row, self._defaults.max_retries), created=True)
        found = connection.execute(BY_KEY, {"b_key": spec.idempotency_key}).mappings().one()
        return Enqueued(self._job(connection, found), created=False)

    def _enqueue_batch(self, connection: Connection, specs: Sequence[JobSpec]) -> list[Enqueued]:
        statement = _MANY_SQLITE if self._db.is_sqlite else _MANY_POSTGRESQL
        ids = [str(uuid.uuid4()) for _ in specs]
        rows = [_row(job_id, spec) for job_id, spec in zip(ids, specs, strict=True)]
        made = connection.execute(statement, self._at() | batch_rows(rows)).mappings().all()
        jobs_made = {row["id"]: job_of(row, self._defaults.max_retries) for row in made}
        missing = [spec.idempotency_key for job_id, spec in zip(ids, specs, strict=True) if job_id not in jobs_made]
        by_key: dict[str | None, Job] = {}
        if missing:
            kept = connection.execute(_BY_KEYS, {"keys": missing}).mappings()
            by_key = {job.idempotency_key: job for job in self._jobs(connection, kept)}
        return [
            Enqueued(jobs_made[job_id], created=True)
            if job_id in jobs_made
            else Enqueued(by_key[spec.idempotency_key], created=False)
            for job_id, spec in zip(ids, specs, strict=True)
        ]


def _row(job_id: str, spec: JobSpec) -> Mapping[str, Any]:
    return {
        "id": job_id,
        "job_type": spec.job_type,
        "priority": spec.priority.value,
        "payload": json_text(plain_json(spec.payload)),
        "max_retries": spec.max_retries,
        "idempotency_key": spec.idempotency_key,
        "schedule_name": spec.schedule_name,
        "run_date": None if spec.run_date is None else spec.run_date.isoformat(),
        "deadline_at": None if spec.deadline_at is None else utc_text(spec.deadline_at),
    }
