"""What the parts of the SQL store share: the clock, the limits of job types, states as SQL conditions."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from scheduler.domain.callback import ending
from scheduler.domain.failure import JobError
from scheduler.domain.job import CLAIM, Job, JobStatus, Lease, QueueConfig, Transition
from scheduler.domain.outbox import NewDelivery
from scheduler.ports.store import JobNotFoundError
from scheduler.store.engine import Database
from scheduler.store.mapping import config_of, error_from_text, error_to_text, job_of
from scheduler.store.outbox_put import put
from scheduler.store.rows import job_queue_config, jobs
from scheduler.store.sqltypes import db_time

_ENDS = frozenset({JobStatus.FAILED, JobStatus.CANCELLED})
NO_LEASE: dict[str, Any] = {
    "lease_owner": None,
    "lease_expires_at": None,
    "time_limit_at": None,
    "cancel_requested_at": None,
}
"""What every transition out of processing clears."""


def in_states(states: Collection[JobStatus]) -> ColumnElement[bool]:
    """The job is in one of these states; written as literals, so that the partial indexes on states are used."""
    words = [jobs.c.status == literal_column(f"'{state.value}'") for state in sorted(states)]
    return or_(*words) if len(words) > 1 else words[0]


QUEUED = in_states(CLAIM.sources)
LEASED = in_states({CLAIM.target})


BY_SEQ = "NOT INDEXED"
"""SQLite: rows are found by ``seq``. Without statistics it would rather walk through all that are in a state."""
CLAIM_ORDER = "INDEXED BY jobs_claim"
"""SQLite: what waits is read in the order of the queue. Without statistics it would sort all of it for each claim."""


def moves(transition: Transition, hint: str = "") -> Update:
    """An UPDATE that makes the transition where its source states allow it; ``shift`` must be bound."""
    values: dict[str, Any] = {"status": transition.target.value, "updated_at": db_time()}
    if transition.target is JobStatus.QUEUED:
        values["queued_at"] = db_time()
    if transition.target is not CLAIM.target:
        values |= NO_LEASE
    statement = update(jobs).where(in_states(transition.sources)).values(values)
    return statement.with_hint(hint, jobs, "sqlite") if hint else statement


FENCE = and_(
    jobs.c.id == bindparam("b_id"),
    jobs.c.lease_owner == bindparam("b_owner"),
    jobs.c.attempt == bindparam("b_attempt"),
)
"""With ``LEASED`` or a transition's sources: only the holder of the lease (engine rule 1)."""

ALL_JOB_COLUMNS = [column for column in jobs.c if column.name != "priority_rank"]
HELD_JOB: Select[Any] = select(*ALL_JOB_COLUMNS).where(LEASED, FENCE).with_for_update()
_ONE_JOB: Select[Any] = select(*ALL_JOB_COLUMNS).where(jobs.c.id == bindparam("b_id"))
_ONE_JOB_LOCKED = _ONE_JOB.with_for_update()
_ALL_CONFIGS = select(job_queue_config)
_NOW = select(db_time())


def fence_of(lease: Lease) -> dict[str, Any]:
    """The parameters of ``FENCE``."""
    return {"b_id": lease.job.id, "b_owner": lease.owner, "b_attempt": lease.attempt}


class SqlBase:
    """The database and the limits; the mixins of the store build on it."""

    def __init__(self, database: Database, *, max_crashes: int, defaults: QueueConfig) -> None:
        self._db = database
        self._max_crashes = max_crashes
        self._defaults = defaults

    def _at(self, seconds: float = 0.0) -> dict[str, float]:
        """The parameter of ``db_time()`` for so many seconds from now."""
        return {"shift": self._db.shift_s + seconds}

    def _now(self, connection: Connection) -> datetime:
        return connection.execute(_NOW, self._at()).scalar_one()

    def _insert(self, table: Table) -> Any:
        """An INSERT that can say what to do about a conflict."""
        return sqlite.insert(table) if self._db.is_sqlite else postgresql.insert(table)

    def _configs(self, connection: Connection) -> dict[str, QueueConfig]:
        rows = connection.execute(_ALL_CONFIGS).mappings()
        return {row["job_type"]: config_of(row) for row in rows}

    def _default(self, job_type: str) -> QueueConfig:
        return replace(self._defaults, job_type=job_type)

    def _config(self, connection: Connection, job_type: str) -> QueueConfig:
        query = _ALL_CONFIGS.where(job_queue_config.c.job_type == job_type)
        row = connection.execute(query).mappings().first()
        return self._default(job_type) if row is None else config_of(row)

    def _jobs(
        self, connection: Connection, rows: Iterable[RowMapping], configs: dict[str, QueueConfig] | None = None
    ) -> list[Job]:
        """Jobs of rows; those without ``max_retries`` of their own get their type's."""
        kept = list(rows)
        if configs is None:
            configs = self._configs(connection) if any(row["max_retries"] is None for row in kept) else {}
        return [job_of(row, configs.get(row["job_type"], self._defaults).max_retries) for row in kept]

    def _job(self, connection: Connection, row: RowMapping) -> Job:
        return self._jobs(connection, [row])[0]

    def _held(self, connection: Connection, lease: Lease) -> Job | None:
        """The job as it is now, locked; None: the lease is lost."""
        row = connection.execute(HELD_JOB, fence_of(lease)).mappings().first()
        return None if row is None else self._job(connection, row)

    def _locked(self, connection: Connection, job_id: str) -> Job:
        """The job as it is now, locked.

        Raises:
            JobNotFoundError: there is none.
        """
        row = connection.execute(_ONE_JOB_LOCKED, {"b_id": self._job_key(job_id)}).mappings().first()
        if row is None:
            raise JobNotFoundError(f"no job {job_id}")
        return self._job(connection, row)

    def _move(self, connection: Connection, job: Job, transition: Transition, **values: Any) -> None:
        """Make the transition on a job that is locked and in one of its source states."""
        statement = moves(transition).where(jobs.c.id == bindparam("b_id")).values(values)
        changed = connection.execute(statement, self._at() | {"b_id": job.id}).rowcount
        if changed != 1:
            raise RuntimeError(f"{transition.name} does not start from {job.status}: job {job.id}")
        if transition.target in _ENDS and values.get("retry_at") is None:
            error = error_from_text(values.get("error_message"), at=job.updated_at)
            self._tell(connection, ending(job, transition.target, error=error))

    def _tell(self, connection: Connection, *endings: NewDelivery | None) -> None:
        """Put what is to be told of jobs that end now into the outbox."""
        put(connection, self._db, [one for one in endings if one is not None])

    def _fail_job(
        self, connection: Connection, job: Job, transition: Transition, error: JobError, retry_in: float | None
    ) -> None:
        """End a pass; ``retry_in`` seconds from now it is queued again, or never when it is None."""
        now = self._now(connection)
        self._move(
            connection,
            job,
            transition,
            error_message=error_to_text(error),
            retry_at=None if retry_in is None else now + timedelta(seconds=retry_in),
            completed_at=now if retry_in is None else None,
            stage=None,
        )

    def _job_key(self, job_id: str) -> str:
        """The id in the form that the column takes.

        Raises:
            JobNotFoundError: no job can have it.
        """
        if self._db.is_sqlite:
            return job_id
        try:
            return str(uuid.UUID(job_id))
        except ValueError as error:
            raise JobNotFoundError(f"no job {job_id}") from error

    def _id_range(self, table: Table, prefix: str) -> ColumnElement[bool] | None:
        """Ids that start with ``prefix``, as a range of the index; None: none can."""
        if self._db.is_sqlite:
            return and_(table.c.id >= prefix, table.c.id < prefix + "\U0010ffff")
        digits = prefix.replace("-", "").lower()
        if not digits or len(digits) > _UUID_DIGITS or set(digits) - set("0123456789abcdef"):
            return None
        low, high = (str(uuid.UUID(digits.ljust(_UUID_DIGITS, fill))) for fill in "0f")
        return table.c.id.between(low, high)

    def _by_prefix(self, connection: Connection, table: Table, prefix: str) -> Sequence[RowMapping]:
        """Up to two rows: the one with this id, or those whose id starts with it."""
        where = self._id_range(table, prefix) if prefix else None
        if where is None:
            return []
        rows = connection.execute(select(table).where(where).order_by(table.c.id).limit(2)).mappings().all()
        return rows[:1] if rows and rows[0]["id"] == prefix else rows


_UUID_DIGITS = 32
