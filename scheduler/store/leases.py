"""Leases in the SQL store: everything that only the holder of a lease may write.

Every statement carries the fence (engine rule 1) and the source states of its ``Transition``. No row changed means that
the lease is lost; then nothing has been written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    REAL,
    Boolean,
    Connection,
    Table,
    Text,
    and_,
    bindparam,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from scheduler.domain.callback import ending
from scheduler.domain.codec import output_to_json
from scheduler.domain.failure import JobError
from scheduler.domain.job import (
    CANCEL_RUNNING,
    COMPLETE,
    FAIL,
    POISON,
    RELEASE,
    Heartbeat,
    JobResult,
    JobStatus,
    Lease,
)
from scheduler.domain.render import Attempt, Checkpoint
from scheduler.store.base import FENCE, LEASED, fence_of, moves
from scheduler.store.claims import SqlClaims
from scheduler.store.decisions import interrupted_error, retry_in_s
from scheduler.store.interrupt import end_attempt
from scheduler.store.mapping import error_to_text
from scheduler.store.rows import checkpoints, jobs
from scheduler.store.sqltypes import JsonSet, db_time

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


def _keep(insert: Callable[[Table], Any]) -> Any:
    """The statement that writes a checkpoint over an older one; built once, because building it costs more than it."""
    kept: dict[str, Any] = {
        "output": bindparam("b_output", type_=checkpoints.c.output.type),
        "attempt": bindparam("b_attempt"),
        "created_at": db_time(),
    }
    key: dict[str, Any] = {"job_id": bindparam("b_job"), "stage": bindparam("b_stage"), "part": bindparam("b_part")}
    return (
        insert(checkpoints)
        .values(**key, **kept)
        .on_conflict_do_update(index_elements=[checkpoints.c[name] for name in key], set_=kept)
    )


_KEEP = {"sqlite": _keep(sqlite.insert), "postgresql": _keep(postgresql.insert)}
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


class SqlLeases(SqlClaims):
    """The workers' side of the queue."""

    def heartbeat(
        self, lease: Lease, *, lease_s: float, progress: float | None = None, stage: str | None = None
    ) -> Heartbeat:
        """Extend the lease to ``lease_s`` seconds from now, and keep what the console shows."""
        parameters = self._lease_parameters(lease, lease_s) | {"b_progress": progress, "b_stage": stage}
        with self._db.write_once() as connection:
            row = connection.execute(_HEARTBEAT, parameters).first()
        return Heartbeat(held=row is not None, cancel_requested=row is not None and row[0] is not None)

    def save_checkpoint(
        self, lease: Lease, checkpoint: Checkpoint, *, lease_s: float, attempt: Attempt | None = None
    ) -> bool:
        """Keep a stage's output (or a part of it) and extend the lease, in one transaction.

        With ``attempt`` also how the call that made it ended.
        """
        values = self._at() | {
            "b_job": lease.job.id,
            "b_stage": checkpoint.stage.value,
            "b_part": checkpoint.part,
            "b_output": output_to_json(checkpoint.output),
            "b_attempt": lease.attempt,
        }
        with self._db.write() as connection:
            if connection.execute(_EXTEND, self._lease_parameters(lease, lease_s)).rowcount == 0:
                return False
            connection.execute(_KEEP[connection.dialect.name], values)
            if attempt is not None:
                end_attempt(connection, attempt)
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
