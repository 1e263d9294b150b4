"""What operators and the reaper do to jobs in the SQL store: everything that needs no lease."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, or_, select, update

from scheduler.domain.job import (
    CANCEL_FAILED,
    CANCEL_QUEUED,
    CLAIM,
    EXPIRE,
    POISON,
    REAP_CANCELLED,
    RERENDER,
    RETRY,
    RETRY_DUE,
    TIME_OUT,
    CancelOutcome,
    Priority,
    ReapReport,
)
from scheduler.store.base import ALL_JOB_COLUMNS, LEASED, QUEUED, SqlBase, in_states, moves
from scheduler.store.counts import fold_counts
from scheduler.store.decisions import (
    EXPIRED_WORDS,
    RETRIED_WORDS,
    TIME_LIMIT_GRACE_S,
    cancel_outcome,
    poison_error,
    retry_in_s,
    takes_back,
    time_out_error,
)
from scheduler.store.interrupt import interrupt_renders
from scheduler.store.rows import checkpoints, jobs
from scheduler.store.sqltypes import db_time

_TO_TAKE_BACK = (
    select(*ALL_JOB_COLUMNS)
    .where(
        in_states(EXPIRE.sources),
        or_(
            jobs.c.lease_expires_at.is_(None),
            jobs.c.lease_expires_at <= db_time(),
            jobs.c.time_limit_at <= db_time("grace_shift"),
        ),
    )
    .order_by(jobs.c.seq)
    # A row that a worker is just writing is alive: leave it to the next pass.
    .with_for_update(skip_locked=True)
)
_RETRIES_DUE = (
    moves(RETRY_DUE, "INDEXED BY jobs_retry_due")
    .where(jobs.c.retry_at.is_not(None), jobs.c.retry_at <= db_time())
    .values(retry_at=None, retry_count=jobs.c.retry_count + 1, progress=0.0, reason=RETRIED_WORDS)
    .returning(jobs.c.seq, jobs.c.id)
)
_OWNERS = (
    select(jobs.c.lease_owner).where(LEASED, jobs.c.lease_owner.is_not(None)).distinct().order_by(jobs.c.lease_owner)
)
_ASK_TO_CANCEL = (
    update(jobs)
    .where(LEASED, jobs.c.id == bindparam("b_id"))
    .values(cancel_requested_at=db_time(), updated_at=db_time(), reason=bindparam("b_reason"))
)


class SqlCommands(SqlBase):
    """Operators' commands and the reaper."""

    def cancel(self, job_id: str, *, by: str) -> CancelOutcome:
        """Cancel a queued or waiting job at once; ask a running one to stop.

        Raises:
            JobNotFoundError: no job has this id.
        """
        reason = f"cancelled by {by}"
        with self._db.write() as connection:
            job = self._locked(connection, job_id)
            outcome = cancel_outcome(job)
            if outcome is CancelOutcome.CANCELLED:
                transition = CANCEL_QUEUED if job.status in CANCEL_QUEUED.sources else CANCEL_FAILED
                now = self._now(connection)
                self._move(connection, job, transition, reason=reason, completed_at=now, retry_at=None)
            elif outcome is CancelOutcome.REQUESTED and job.cancel_requested_at is None:
                connection.execute(_ASK_TO_CANCEL, self._at() | {"b_id": job.id, "b_reason": reason})
        return outcome

    def retry(self, job_id: str, *, by: str) -> bool:
        """Queue a failed or cancelled job again, count reset, checkpoints kept. False: its state does not allow it.

        Raises:
            JobNotFoundError: no job has this id.
        """
        with self._db.write() as connection:
            job = self._locked(connection, job_id)
            if job.status not in RETRY.sources:
                return False
            self._move(
                connection,
                job,
                RETRY,
                retry_count=0,
                crash_count=0,
                retry_at=None,
                completed_at=None,
                progress=0.0,
                reason=f"retried by {by}",
            )
            return True

    def rerender(self, job_id: str, *, by: str, deadline_at: datetime | None = None) -> bool:
        """Queue an ended job again, count reset, checkpoints dropped, with a new deadline (None: without one).

        False: its state does not allow it. The idempotency key stays, so the same run is not queued a second time.

        Raises:
            JobNotFoundError: no job has this id.
        """
        with self._db.write() as connection:
            job = self._locked(connection, job_id)
            if job.status not in RERENDER.sources:
                return False
            connection.execute(delete(checkpoints).where(checkpoints.c.job_id == job.id))
            self._move(
                connection,
                job,
                RERENDER,
                retry_count=0,
                crash_count=0,
                retry_at=None,
                deadline_at=deadline_at,
                started_at=None,
                completed_at=None,
                error_message=None,
                progress=0.0,
                degraded=False,
                reason=f"re-rendered by {by}",
            )
            return True

    def set_priority(self, job_id: str, priority: Priority) -> bool:
        """Change the priority of a queued job. False: it is not queued.

        Raises:
            JobNotFoundError: no job has this id.
        """
        with self._db.write() as connection:
            job = self._locked(connection, job_id)
            if job.status not in CLAIM.sources:
                return False
            statement = update(jobs).where(QUEUED, jobs.c.id == job.id)
            connection.execute(statement.values(priority=priority.value, updated_at=db_time()), self._at())
            return True

    def reap(self) -> ReapReport:
        """Take back leases that ran out, end what ran out of time or of luck, queue retries that are due."""
        taken: dict[str, list[str]] = {}
        with self._db.write() as connection:
            now = self._now(connection)
            parameters = self._at() | {"grace_shift": self._db.shift_s - TIME_LIMIT_GRACE_S}
            for job in self._jobs(connection, connection.execute(_TO_TAKE_BACK, parameters).mappings()):
                transition = takes_back(job, now, max_crashes=self._max_crashes)
                if transition is None:
                    continue
                crashes = job.crash_count + 1
                if transition is EXPIRE:
                    self._move(
                        connection, job, EXPIRE, crash_count=crashes, progress=0.0, stage=None, reason=EXPIRED_WORDS
                    )
                elif transition is REAP_CANCELLED:
                    self._move(connection, job, REAP_CANCELLED, completed_at=now, stage=None)
                elif transition is POISON:
                    self._fail_job(connection, job, POISON, poison_error(job, now), None)
                    statement = update(jobs).where(jobs.c.id == job.id)
                    connection.execute(statement.values(crash_count=crashes))
                else:
                    config = self._config(connection, job.job_type)
                    error = time_out_error(job, now, config)
                    self._fail_job(connection, job, TIME_OUT, error, retry_in_s(job, config))
                taken.setdefault(transition.name, []).append(job.id)
                interrupt_renders(connection, job.id, now)
            if not self._db.is_sqlite:
                fold_counts(connection)
            retried = sorted((seq, job_id) for seq, job_id in connection.execute(_RETRIES_DUE, self._at()))
        return ReapReport(
            expired=tuple(taken.get(EXPIRE.name, ())),
            poisoned=tuple(taken.get(POISON.name, ())),
            timed_out=tuple(taken.get(TIME_OUT.name, ())),
            cancelled=tuple(taken.get(REAP_CANCELLED.name, ())),
            retried=tuple(job_id for _, job_id in retried),
        )

    def expire_owner(self, owner: str) -> int:
        """Let every lease of ``owner`` run out now (its process is known to be dead); how many."""
        statement = update(jobs).where(LEASED, jobs.c.lease_owner == owner).values(lease_expires_at=db_time())
        with self._db.write() as connection:
            return connection.execute(statement, self._at()).rowcount

    def owners(self) -> list[str]:
        """Owners of the leases that are out now."""
        with self._db.read() as connection:
            return list(connection.execute(_OWNERS).scalars())
