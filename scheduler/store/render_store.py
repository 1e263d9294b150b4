"""Renders, their attempts and failures in the SQL store."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, case, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from scheduler.domain.failure import FailureClass, FailureRecord
from scheduler.domain.fingerprint import FailureGroup, fingerprint
from scheduler.domain.job import Lease
from scheduler.domain.render import Attempt, AttemptStatus, Render, RenderStatus
from scheduler.ports.store import JobNotFoundError
from scheduler.store.base import SqlBase
from scheduler.store.decisions import ENDED_WORDS, by_render
from scheduler.store.interrupt import end_attempt, fail_open_attempts, interrupt_renders
from scheduler.store.mapping import attempt_of, attempt_values, failure_details, failure_of, render_of
from scheduler.store.rows import render_failures, render_logs, renders
from scheduler.store.sqltypes import db_time

_LAST_NUMBER = select(func.coalesce(func.max(renders.c.number), 0)).where(renders.c.job_id == bindparam("b_job"))
_START_ATTEMPT: dict[str, Any] = {
    "sqlite": sqlite.insert(render_logs).on_conflict_do_nothing(index_elements=[render_logs.c.id]).inline(),
    "postgresql": postgresql.insert(render_logs).on_conflict_do_nothing(index_elements=[render_logs.c.id]).inline(),
}


class SqlRenders(SqlBase):
    """One pass of a job through the pipeline, and what was tried in it."""

    def start_render(self, lease: Lease, *, correlation_id: str) -> Render | None:
        """Begin a render; an earlier one of the job that still runs becomes INTERRUPTED. None: the lease is lost."""
        with self._db.write() as connection:
            job = self._held(connection, lease)
            if job is None:
                return None
            interrupt_renders(connection, job.id, self._now(connection))
            number = connection.execute(_LAST_NUMBER, {"b_job": job.id}).scalar_one() + 1
            statement = (
                insert(renders)
                .values(
                    id=str(uuid.uuid4()),
                    job_id=job.id,
                    number=number,
                    attempt=lease.attempt,
                    status=RenderStatus.RUNNING.value,
                    started_at=db_time(),
                    degraded=False,
                    correlation_id=correlation_id,
                )
                .returning(*renders.c)
            )
            return render_of(connection.execute(statement, self._at()).mappings().one())

    def finish_render(
        self,
        render_id: str,
        status: RenderStatus,
        *,
        degraded: bool = False,
        video_url: str | None = None,
        thumbnail_url: str | None = None,
        duration_s: float | None = None,
    ) -> None:
        """End a render that still runs; an ended one is left as it is. Open attempts of it end as failed, CANCELLED."""
        statement = (
            update(renders)
            .where(renders.c.id == render_id, renders.c.status == RenderStatus.RUNNING.value)
            .returning(renders.c.job_id, renders.c.number)
            .values(
                status=status.value,
                finished_at=db_time(),
                degraded=degraded,
                video_url=video_url,
                thumbnail_url=thumbnail_url,
                duration_s=duration_s,
            )
        )
        with self._db.write() as connection:
            ended = connection.execute(statement, self._at()).one_or_none()
            if ended is not None:
                now = self._now(connection)
                fail_open_attempts(connection, render_id, now, FailureClass.CANCELLED, ENDED_WORDS)
                if status is RenderStatus.COMPLETED and ended.number > 1:
                    theirs = select(renders.c.id).where(renders.c.job_id == ended.job_id)
                    self._resolve(connection, render_failures.c.render_id.in_(theirs), by_render(ended.number))

    def start_attempt(self, attempt: Attempt) -> None:
        """Insert a row of ``render_logs``; one that is there already is left as it is."""
        with self._db.write() as connection:
            connection.execute(_START_ATTEMPT[connection.dialect.name], attempt_values(attempt))

    def finish_attempt(self, attempt: Attempt) -> None:
        """Write how the attempt ended; one that has ended already is left as it is."""
        with self._db.write() as connection:
            end_attempt(connection, attempt)

    def record_failure(self, failure: FailureRecord) -> None:
        """Insert a row of ``render_failures``."""
        statement = insert(render_failures).values(
            render_id=failure.render_id,
            failure_reason=failure.failure_reason.value,
            error_details=failure_details(failure),
            resolved=False,
            fingerprint=fingerprint(failure),
            created_at=db_time(),
        )
        with self._db.write() as connection:
            connection.execute(statement, self._at())

    def resolve_failures(self, fingerprint: str, *, by: str) -> int:
        """Note that the failures of a group are seen to; how many stood."""
        with self._db.write() as connection:
            return self._resolve(connection, render_failures.c.fingerprint == fingerprint, by)

    def _resolve(self, connection: Connection, which: ColumnElement[bool], by: str) -> int:
        statement = (
            update(render_failures)
            .where(which, render_failures.c.resolved.is_(False))
            .values(resolved=True, resolved_at=db_time(), resolved_by=by)
        )
        return connection.execute(statement, self._at()).rowcount

    def renders(self, job_id: str) -> list[Render]:
        """Renders of a job, oldest first."""
        key = self._key_or_none(job_id)
        if key is None:
            return []
        query = select(renders).where(renders.c.job_id == key).order_by(renders.c.number)
        with self._db.read() as connection:
            return [render_of(row) for row in connection.execute(query).mappings()]

    def get_render(self, render_id: str) -> Render | None:
        """The render with this id or unique prefix of it; None: none, or several."""
        with self._db.read() as connection:
            rows = self._by_prefix(connection, renders, render_id)
        return render_of(rows[0]) if len(rows) == 1 else None

    def attempts(
        self, *, job_id: str | None = None, render_id: str | None = None, after: str | None = None
    ) -> list[Attempt]:
        """Attempts in the order they were started; ``after`` is the id of the last one already seen."""
        query = select(render_logs).order_by(render_logs.c.seq)
        for column, wanted in ((render_logs.c.job_id, job_id), (render_logs.c.render_id, render_id)):
            if wanted is not None:
                key = self._key_or_none(wanted)
                if key is None:
                    return []
                query = query.where(column == key)
        if after is not None:
            seen = select(render_logs.c.seq).where(render_logs.c.id == after).scalar_subquery()
            # An attempt that is not there (pruned) has been seen with everything before it: nothing is held back.
            query = query.where(render_logs.c.seq > func.coalesce(seen, 0))
        with self._db.read() as connection:
            return [attempt_of(row) for row in connection.execute(query).mappings()]

    def failures(self, job_id: str) -> list[FailureRecord]:
        """Failures of a job's renders, oldest first."""
        key = self._key_or_none(job_id)
        if key is None:
            return []
        query = (
            select(render_failures)
            .join(renders, renders.c.id == render_failures.c.render_id)
            .where(renders.c.job_id == key)
            .order_by(render_failures.c.seq)
        )
        with self._db.read() as connection:
            return [failure_of(row) for row in connection.execute(query).mappings()]

    def failure_groups(self, *, limit: int = 50) -> list[FailureGroup]:
        """The same failures over all renders, the one that happened last first."""
        failed = render_failures.c
        groups = (
            select(
                failed.fingerprint,
                func.count().label("n"),
                func.min(failed.created_at).label("first_at"),
                func.max(failed.created_at).label("last_at"),
                func.max(failed.seq).label("last_seq"),
                func.sum(case((failed.resolved.is_(False), 1), else_=0)).label("unresolved"),
            )
            .where(failed.fingerprint.is_not(None))
            .group_by(failed.fingerprint)
            .subquery()
        )
        query = (
            select(
                groups.c.n, groups.c.first_at, groups.c.last_at, groups.c.unresolved, renders.c.job_id, render_failures
            )
            .join(render_failures, failed.seq == groups.c.last_seq)
            .join(renders, renders.c.id == failed.render_id)
            .order_by(groups.c.last_seq.desc())
            .limit(limit)
        )
        with self._db.read() as connection:
            found = connection.execute(query).mappings().all()
        return [
            FailureGroup(
                fingerprint=row["fingerprint"],
                failure_reason=last.failure_reason,
                stage=last.stage,
                provider=last.provider,
                message=last.message,
                count=row["n"],
                first_at=row["first_at"],
                last_at=row["last_at"],
                job_id=row["job_id"],
                unresolved=int(row["unresolved"]),
            )
            for row in found
            for last in [failure_of(row)]
        ]

    def stage_durations(self, *, limit: int = 30) -> dict[tuple[str, str], list[float]]:
        """Seconds of the last ``limit`` completed attempts, by (stage, provider), newest first.

        Stages that were taken from a checkpoint took no time and are left out.
        """
        logs = render_logs.c
        newest = func.row_number().over(partition_by=(logs.step_name, logs.provider), order_by=logs.seq.desc())
        ranked = (
            select(logs.step_name, logs.provider, logs.duration_ms, newest.label("place"))
            .where(logs.status == AttemptStatus.COMPLETED.value, logs.resumed.is_(False), logs.duration_ms.is_not(None))
            .subquery()
        )
        query = (
            select(ranked.c.step_name, ranked.c.provider, ranked.c.duration_ms)
            .where(ranked.c.place <= limit)
            .order_by(ranked.c.step_name, ranked.c.provider, ranked.c.place)
        )
        found: dict[tuple[str, str], list[float]] = {}
        with self._db.read() as connection:
            for stage, provider, duration_ms in connection.execute(query):
                found.setdefault((stage, provider), []).append(duration_ms / 1000)
        return found

    def _key_or_none(self, value: str) -> Any:
        try:
            return self._job_key(value)
        except JobNotFoundError:
            return None
