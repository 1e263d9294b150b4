"""Leases in the SQL store: claims, and everything that only the holder of a lease may write.

Every statement carries the fence (engine rule 1) and the source states of its ``Transition``. No row changed means that
the lease is lost; then nothing has been written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    REAL,
    Boolean,
    Connection,
    Text,
    and_,
    bindparam,
    func,
    literal_column,
    null,
    select,
    update,
)

from scheduler.domain.callback import ending
from scheduler.domain.codec import output_to_json
from scheduler.domain.failure import JobError
from scheduler.domain.job import (
    CANCEL_RUNNING,
    CLAIM,
    COMPLETE,
    FAIL,
    POISON,
    RELEASE,
    Heartbeat,
    JobResult,
    JobStatus,
    Lease,
)
from scheduler.domain.render import Checkpoint
from scheduler.store.base import ALL_JOB_COLUMNS, FENCE, LEASED, QUEUED, SqlBase, fence_of, moves
from scheduler.store.decisions import Candidate, Room, interrupted_error, pick, retry_in_s, room
from scheduler.store.mapping import error_to_text
from scheduler.store.rows import checkpoints, jobs
from scheduler.store.sqltypes import JsonSet, db_time

_CLAIM_LOCK_KEY = 0x7072_6564_6177_6E01
_CLAIM_LOCK = select(func.pg_advisory_xact_lock(_CLAIM_LOCK_KEY))
"""PostgreSQL: claims go one after another, so that each counts what the one before took. SQLite's writers always do."""

_PROCESSING = select(jobs.c.job_type, func.count()).where(LEASED).group_by(jobs.c.job_type)
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
_CLAIM = moves(CLAIM).where(jobs.c.seq.in_(bindparam("seqs", expanding=True))).returning(*ALL_JOB_COLUMNS)
_CLAIM_LIMITED = _CLAIM.values(_CLAIM_VALUES | {"time_limit_at": db_time("limit_shift")})
_CLAIM_UNLIMITED = _CLAIM.values(_CLAIM_VALUES | {"time_limit_at": null()})

_HEARTBEAT = (
    update(jobs)
    .where(LEASED, FENCE)
    .values(
        lease_expires_at=db_time("lease_shift"),
        updated_at=db_time(),
        progress=func.coalesce(bindparam("b_progress", type_=REAL), jobs.c.progress),
        stage=func.coalesce(bindparam("b_stage", type_=Text), jobs.c.stage),
    )
    .returning(jobs.c.cancel_requested_at)
)
_EXTEND = update(jobs).where(LEASED, FENCE).values(lease_expires_at=db_time("lease_shift"), updated_at=db_time())
_COMPLETE = (
    moves(COMPLETE)
    .where(FENCE)
    .values(
        completed_at=db_time(),
        error_message=None,
        reason=None,
        progress=1.0,
        stage=None,
        degraded=bindparam("b_degraded", type_=Boolean),
        payload=JsonSet(
            jobs.c.payload,
            literal_column("'video_url'"),
            bindparam("b_video_url", type_=Text),
            literal_column("'thumbnail_url'"),
            bindparam("b_thumbnail_url", type_=Text),
            literal_column("'duration'"),
            bindparam("b_duration", type_=REAL),
        ),
    )
)
_FINISH_CANCEL = moves(CANCEL_RUNNING).where(FENCE).values(completed_at=db_time(), stage=None)
_HOLDS = select(jobs.c.seq).where(and_(LEASED, FENCE, jobs.c.lease_expires_at > db_time()))


class SqlLeases(SqlBase):
    """The workers' side of the queue."""

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
        processing = {job_type: count for job_type, count in connection.execute(_PROCESSING)}  # noqa: C416 - typed rows
        configs = self._configs(connection)
        space = room(processing, configs, cap=cap, default=self._defaults)
        picked = self._pick(connection, Room(min(space.total, limit), space.by_type), only)
        by_limit: dict[float, list[int]] = {}
        for candidate in picked:
            timeout_s = configs.get(candidate.job_type, self._defaults).timeout_s
            by_limit.setdefault(timeout_s, []).append(candidate.seq)
        parameters = self._at() | {"b_owner": owner, "lease_shift": self._db.shift_s + lease_s}
        leases: list[Lease] = []
        for timeout_s, seqs in by_limit.items():
            statement = _CLAIM_LIMITED if timeout_s > 0 else _CLAIM_UNLIMITED
            limited = {"limit_shift": self._db.shift_s + timeout_s} if timeout_s > 0 else {}
            rows = connection.execute(statement, parameters | limited | {"seqs": seqs}).mappings()
            leases += [Lease(job, owner, job.attempt) for job in self._jobs(connection, rows, configs)]
        return sorted(leases, key=lambda lease: (lease.job.priority.rank, lease.job.seq))

    def _pick(self, connection: Connection, space: Room, only: Sequence[str] | None) -> list[Candidate]:
        picked: list[Candidate] = []
        while space.total > 0:
            asked: dict[str, Any] = {
                "closed": space.closed,
                "taken": [c.seq for c in picked],
                "room": space.total,
            }
            statement = _CANDIDATES
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

    def heartbeat(
        self, lease: Lease, *, lease_s: float, progress: float | None = None, stage: str | None = None
    ) -> Heartbeat:
        """Extend the lease to ``lease_s`` seconds from now, and keep what the console shows."""
        parameters = self._lease_parameters(lease, lease_s) | {"b_progress": progress, "b_stage": stage}
        with self._db.write() as connection:
            row = connection.execute(_HEARTBEAT, parameters).first()
        return Heartbeat(held=row is not None, cancel_requested=row is not None and row[0] is not None)

    def save_checkpoint(self, lease: Lease, checkpoint: Checkpoint, *, lease_s: float) -> bool:
        """Keep a stage's output (or a part of it) and extend the lease, in one transaction."""
        kept: dict[str, Any] = {
            "output": output_to_json(checkpoint.output),
            "attempt": lease.attempt,
            "created_at": db_time(),
        }
        statement = (
            self._insert(checkpoints)
            .values(job_id=lease.job.id, stage=checkpoint.stage.value, part=checkpoint.part, **kept)
            .on_conflict_do_update(
                index_elements=[checkpoints.c.job_id, checkpoints.c.stage, checkpoints.c.part], set_=kept
            )
        )
        with self._db.write() as connection:
            if connection.execute(_EXTEND, self._lease_parameters(lease, lease_s)).rowcount == 0:
                return False
            connection.execute(statement, self._at())
            return True

    def complete(self, lease: Lease, result: JobResult) -> bool:
        """The video is out: merge the result into the payload."""
        with self._db.write() as connection:
            return self._complete(connection, lease, result)

    def _complete(self, connection: Connection, lease: Lease, result: JobResult) -> bool:
        parameters = self._at() | fence_of(lease)
        parameters |= {
            "b_video_url": result.video_url,
            "b_thumbnail_url": result.thumbnail_url,
            "b_duration": result.duration,
            "b_degraded": result.degraded,
        }
        done = connection.execute(_COMPLETE, parameters).rowcount == 1
        if done:
            self._tell(connection, ending(lease.job, JobStatus.COMPLETED, result=result))
        return done

    def fail(self, lease: Lease, error: JobError, *, retryable: bool) -> bool:
        """The pass failed: set ``retry_at`` by the type's settings if it may be retried and tries are left.

        A job that an operator has asked to stop is cancelled instead, with the error kept: it must not come back.
        """
        with self._db.write() as connection:
            return self._fail(connection, lease, error, retryable=retryable)

    def _fail(self, connection: Connection, lease: Lease, error: JobError, *, retryable: bool) -> bool:
        job = self._held(connection, lease)
        if job is None:
            return False
        kept = {"error_message": error_to_text(error), "stage": None}
        if job.cancel_requested_at is not None:
            self._move(connection, job, CANCEL_RUNNING, completed_at=self._now(connection), **kept)
            return True
        delay_s = retry_in_s(job, self._config(connection, job.job_type)) if retryable else None
        self._fail_job(connection, job, FAIL, error, delay_s)
        return True

    def release(self, lease: Lease, *, reason: str, interrupted: bool = False) -> bool:
        """Give the job back unfinished; it counts neither as a retry nor as a crash.

        ``interrupted``: the database failed under it. That counts as a crash, and too many of them end the job.
        One that an operator has asked to stop is cancelled instead.
        """
        with self._db.write() as connection:
            return self._release(connection, lease, reason, interrupted=interrupted)

    def _release(self, connection: Connection, lease: Lease, reason: str, *, interrupted: bool) -> bool:
        job = self._held(connection, lease)
        if job is None:
            return False
        crashes = job.crash_count + interrupted
        if job.cancel_requested_at is not None:
            self._move(connection, job, CANCEL_RUNNING, completed_at=self._now(connection), stage=None)
        elif interrupted and crashes >= self._max_crashes:
            error = interrupted_error(job, reason, self._now(connection))
            self._fail_job(connection, job, POISON, error, None)
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(crash_count=crashes))
        else:
            self._move(connection, job, RELEASE, reason=reason, crash_count=crashes, progress=0.0, stage=None)
        return True

    def finish_cancel(self, lease: Lease) -> bool:
        """The worker has stopped what an operator cancelled."""
        with self._db.write() as connection:
            return self._finish_cancel(connection, lease)

    def _finish_cancel(self, connection: Connection, lease: Lease) -> bool:
        done = connection.execute(_FINISH_CANCEL, self._at() | fence_of(lease)).rowcount == 1
        if done:
            self._tell(connection, ending(lease.job, JobStatus.CANCELLED))
        return done

    def holds(self, lease: Lease) -> bool:
        """Whether the lease is still good, asked just before publishing (engine rule 4)."""
        with self._db.read() as connection:
            return connection.execute(_HOLDS, self._at() | fence_of(lease)).first() is not None

    def _lease_parameters(self, lease: Lease, lease_s: float) -> dict[str, Any]:
        return self._at() | fence_of(lease) | {"lease_shift": self._db.shift_s + lease_s}
