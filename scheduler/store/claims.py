"""Claims in the SQL store: the limits are counted in the transaction that claims, so that they are strict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, func, literal_column, null, select, union_all

from scheduler.domain.job import CLAIM, Lease, QueueConfig
from scheduler.store.base import ALL_JOB_COLUMNS, BY_SEQ, CLAIM_ORDER, LEASED, QUEUED, SqlBase, moves
from scheduler.store.decisions import Candidate, Room, fits_all, pick, room
from scheduler.store.mapping import config_of
from scheduler.store.rows import job_queue_config, jobs
from scheduler.store.sqltypes import db_time

_CLAIM_LOCK_KEY = 0x7072_6564_6177_6E01
_CLAIM_LOCK = select(func.pg_advisory_xact_lock(_CLAIM_LOCK_KEY))
"""PostgreSQL: claims go one after another, so that each counts what the one before took. SQLite's writers always do."""

_PROCESSING = (
    select(
        jobs.c.job_type,
        *(null().label(column.name) for column in job_queue_config.c if column.name not in {"job_type", "updated_at"}),
        func.count().label("processing"),
    )
    .where(LEASED)
    .group_by(jobs.c.job_type)
)
_CONFIGURED = select(
    *(column for column in job_queue_config.c if column.name != "updated_at"), null().label("processing")
)
_LIMITS = union_all(_CONFIGURED, _PROCESSING)
"""The limits of job types, and how many jobs of each are processing: in one look."""
(_SOURCE,) = CLAIM.sources
_CANDIDATES = (
    select(jobs.c.seq, jobs.c.job_type)
    .where(
        QUEUED,
        jobs.c.job_type.not_in(bindparam("closed", expanding=True)),
        jobs.c.seq.not_in(bindparam("taken", expanding=True)),
    )
    .order_by(jobs.c.priority_rank, jobs.c.seq)
    .limit(bindparam("room"))
    .with_for_update(skip_locked=True)
)
_CANDIDATES_NEXT = _CANDIDATES.with_hint(jobs, CLAIM_ORDER, "sqlite")
_CANDIDATES_AMONG = _CANDIDATES.where(jobs.c.id.in_(bindparam("among", expanding=True)))
_CLAIM_VALUES: dict[str, Any] = {
    "lease_owner": bindparam("b_owner"),
    "lease_expires_at": db_time("lease_shift"),
    "attempt": jobs.c.attempt + 1,
    "started_at": func.coalesce(jobs.c.started_at, db_time()),
    "retry_at": None,
    "progress": 0.0,
    "stage": None,
    "reason": None,
}
_LIMITED = _CLAIM_VALUES | {"time_limit_at": db_time("limit_shift")}
_UNLIMITED = _CLAIM_VALUES | {"time_limit_at": null()}
_CLAIM = moves(CLAIM, BY_SEQ).where(jobs.c.seq.in_(bindparam("seqs", expanding=True))).returning(*ALL_JOB_COLUMNS)
_CLAIM_LIMITED, _CLAIM_UNLIMITED = _CLAIM.values(_LIMITED), _CLAIM.values(_UNLIMITED)


def _claim_next(values: dict[str, Any], *, is_sqlite: bool, among: bool) -> Any:
    """Pick and claim in one statement, where no type's limit stands in the way."""
    waiting = jobs.alias("waiting")
    queued = select(waiting.c.seq).where(waiting.c.status == literal_column(f"'{_SOURCE.value}'"))
    if among:
        queued = queued.where(waiting.c.id.in_(bindparam("among", expanding=True)))
    else:
        queued = queued.with_hint(waiting, CLAIM_ORDER, "sqlite")
    queued = queued.order_by(waiting.c.priority_rank, waiting.c.seq).limit(bindparam("room"))
    queued = queued.with_for_update(skip_locked=True)
    # As an array: PostgreSQL may else run the subquery again for each row, and claim more than was asked for.
    chosen = jobs.c.seq.in_(queued) if is_sqlite else jobs.c.seq == func.any(func.array(queued.scalar_subquery()))
    return moves(CLAIM, BY_SEQ).where(chosen).values(values).returning(*ALL_JOB_COLUMNS)


_CLAIM_NEXT = {
    (is_sqlite, limited, among): _claim_next(_LIMITED if limited else _UNLIMITED, is_sqlite=is_sqlite, among=among)
    for is_sqlite in (True, False)
    for limited in (True, False)
    for among in (True, False)
}


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a claim asks for: whose it is, the statements' parameters, the limits, and which jobs (None: any)."""

    owner: str
    parameters: dict[str, Any]
    configs: dict[str, QueueConfig]
    only: Sequence[str] | None


class SqlClaims(SqlBase):
    """The side of the queue where jobs are taken."""

    def claim(
        self, owner: str, *, limit: int, lease_s: float, cap: int = 10, only: Sequence[str] | None = None
    ) -> list[Lease]:
        """Take up to ``limit`` queued jobs, high priority first, then first in first out.

        Never more than ``cap`` jobs are processing over all workers, nor more of one type than its
        ``QueueConfig.concurrency``; types that are paused are left. Sets ``time_limit_at`` from the type's time-out.
        With ``only``, no other jobs than those with these ids.
        """
        with self._db.write() as connection:
            return self._claim(connection, owner, limit, lease_s, cap, only=only)

    def _claim(
        self,
        connection: Connection,
        owner: str,
        limit: int,
        lease_s: float,
        cap: int,
        *,
        only: Sequence[str] | None = None,
    ) -> list[Lease]:
        if not self._db.is_sqlite:
            connection.execute(_CLAIM_LOCK)
        processing: dict[str, int] = {}
        configs: dict[str, QueueConfig] = {}
        for row in connection.execute(_LIMITS).mappings():
            if row["processing"] is None:
                configs[row["job_type"]] = config_of(row)
            else:
                processing[row["job_type"]] = row["processing"]
        space = room(processing, configs, cap=cap, default=self._defaults)
        space = Room(min(space.total, limit), space.by_type)
        if space.total <= 0:
            return []
        parameters = self._at() | {"b_owner": owner, "lease_shift": self._db.shift_s + lease_s}
        timeouts = {self._defaults.timeout_s} | {config.timeout_s for config in configs.values()}
        asked = _Asked(owner, parameters, configs, only)
        if len(timeouts) == 1 and fits_all(space, default_concurrency=self._defaults.concurrency):
            leases = self._claim_next(connection, asked, space.total, timeouts.pop())
        else:
            leases = self._claim_picked(connection, asked, space)
        return sorted(leases, key=lambda lease: (lease.job.priority.rank, lease.job.seq))

    def _claim_next(self, connection: Connection, asked: _Asked, amount: int, timeout_s: float) -> list[Lease]:
        """The next jobs, whatever their types."""
        statement = _CLAIM_NEXT[self._db.is_sqlite, timeout_s > 0, asked.only is not None]
        parameters = asked.parameters | {"room": amount}
        if timeout_s > 0:
            parameters["limit_shift"] = self._db.shift_s + timeout_s
        if asked.only is not None:
            parameters["among"] = list(asked.only)
        return self._leases(connection, connection.execute(statement, parameters).mappings(), asked)

    def _claim_picked(self, connection: Connection, asked: _Asked, space: Room) -> list[Lease]:
        """The next jobs that their types' limits leave room for."""
        by_limit: dict[float, list[int]] = {}
        for candidate in self._pick(connection, space, asked.only):
            timeout_s = asked.configs.get(candidate.job_type, self._defaults).timeout_s
            by_limit.setdefault(timeout_s, []).append(candidate.seq)
        leases: list[Lease] = []
        for timeout_s, seqs in by_limit.items():
            statement = _CLAIM_LIMITED if timeout_s > 0 else _CLAIM_UNLIMITED
            limited = {"limit_shift": self._db.shift_s + timeout_s} if timeout_s > 0 else {}
            rows = connection.execute(statement, asked.parameters | limited | {"seqs": seqs}).mappings()
            leases += self._leases(connection, rows, asked)
        return leases

    def _leases(self, connection: Connection, rows: Iterable[RowMapping], asked: _Asked) -> list[Lease]:
        return [Lease(job, asked.owner, job.attempt) for job in self._jobs(connection, rows, asked.configs)]

    def _pick(self, connection: Connection, space: Room, only: Sequence[str] | None) -> list[Candidate]:
        picked: list[Candidate] = []
        while space.total > 0:
            asked: dict[str, Any] = {
                "closed": space.closed,
                "taken": [c.seq for c in picked],
                "room": space.total,
            }
            statement = _CANDIDATES_NEXT
            if only is not None:
                statement = _CANDIDATES_AMONG
                asked["among"] = list(only)
            found = [Candidate(seq, job_type) for seq, job_type in connection.execute(statement, asked)]
            more, space = pick(found, space, default_concurrency=self._defaults.concurrency)
            picked += more
            if len(more) == len(found):
                break
            # Some were left because their type has become full: look behind them.
        return picked
