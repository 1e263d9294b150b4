"""Results in the SQL store that change after the job has ended: the same video, published somewhere better."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import REAL, Boolean, ColumnElement, Text, Update, bindparam, literal_column, update

from scheduler.domain.job import COMPLETE, JobResult
from scheduler.ports.store import JobNotFoundError
from scheduler.store.base import SqlBase, in_states
from scheduler.store.rows import jobs
from scheduler.store.sqltypes import JsonSet, db_time

_RESULT: tuple[ColumnElement[Any], ...] = (
    literal_column("'video_url'"),
    bindparam("b_video_url", type_=Text),
    literal_column("'thumbnail_url'"),
    bindparam("b_thumbnail_url", type_=Text),
    literal_column("'duration'"),
    bindparam("b_duration", type_=REAL),
)
_WHEN: tuple[ColumnElement[Any], ...] = (
    literal_column("'upgraded_at'"),
    bindparam("b_upgraded_at", type_=Text),
    literal_column("'upgraded_attempt'"),
    jobs.c.attempt,
)


def _replacing(*more: ColumnElement[Any]) -> Update:
    return (
        update(jobs)
        .where(jobs.c.id == bindparam("b_id"), in_states({COMPLETE.target}))
        .values(
            updated_at=db_time(),
            degraded=bindparam("b_degraded", type_=Boolean),
            payload=JsonSet(jobs.c.payload, *_RESULT, *more),
        )
    )


_REPLACE, _UPGRADE = _replacing(), _replacing(*_WHEN)


class SqlResults(SqlBase):
    """What is known of a published video after its job has ended."""

    def update_result(
        self, job_id: str, result: JobResult, *, replaces: str, upgraded_at: datetime | None = None
    ) -> bool:
        """Give a completed job another address for its video, if it still has the one that was replaced."""
        with self._db.write() as connection:
            try:
                job = self._locked(connection, job_id)
            except JobNotFoundError:
                return False
            if job.status is not COMPLETE.target or job.payload.get("video_url") != replaces:
                return False
            parameters: dict[str, Any] = self._at() | {
                "b_id": job.id,
                "b_degraded": result.degraded,
                "b_video_url": result.video_url,
                "b_thumbnail_url": result.thumbnail_url,
                "b_duration": result.duration,
            }
            if upgraded_at is None:
                return connection.execute(_REPLACE, parameters).rowcount == 1
            parameters["b_upgraded_at"] = upgraded_at.isoformat()
            return connection.execute(_UPGRADE, parameters).rowcount == 1
