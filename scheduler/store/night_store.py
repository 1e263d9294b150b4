"""Nights in the SQL store, and sums over the renders of some days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime

from sqlalchemy import func, select

from scheduler.domain.failure import FailureRecord
from scheduler.domain.night import Night, NightOutcome
from scheduler.domain.render import AttemptStatus, RenderStatus
from scheduler.store.base import SqlBase
from scheduler.store.mapping import Values, failure_of
from scheduler.store.rows import nights, render_failures, render_logs, renders
from scheduler.store.sqltypes import db_time

_KEY = ("schedule", "run_date")


class SqlNights(SqlBase):
    """The on-time record. Its rows belong to nobody: they stay when jobs are pruned."""

    def save_nights(self, found: Sequence[Night]) -> None:
        """Insert or replace the records of these run dates."""
        if not found:
            return
        with self._db.write() as connection:
            for night in found:
                values = asdict(night) | {"outcome": night.outcome.value, "updated_at": db_time()}
                changed = {name: value for name, value in values.items() if name not in _KEY}
                statement = (
                    self._insert(nights).values(**values).on_conflict_do_update(index_elements=_KEY, set_=changed)
                )
                connection.execute(statement, self._at())

    def nights(self, *, schedule: str | None = None, since: date | None = None, limit: int = 400) -> list[Night]:
        """Records, the newest run date first; ``since``: from this run date on."""
        query = select(nights).order_by(nights.c.run_date.desc(), nights.c.schedule).limit(limit)
        if schedule is not None:
            query = query.where(nights.c.schedule == schedule)
        if since is not None:
            query = query.where(nights.c.run_date >= since)
        with self._db.read() as connection:
            return [_night_of(row) for row in connection.execute(query).mappings()]

    def render_outcomes(self, *, since: datetime, until: datetime | None = None) -> dict[RenderStatus, int]:
        """How many renders that began since then ended how."""
        query = select(renders.c.status, func.count()).where(renders.c.started_at >= since).group_by(renders.c.status)
        if until is not None:
            query = query.where(renders.c.finished_at <= until)
        with self._db.read() as connection:
            return {RenderStatus(status): count for status, count in connection.execute(query)}

    def failures_since(
        self, since: datetime, *, until: datetime | None = None, limit: int = 5_000
    ) -> list[tuple[datetime, FailureRecord]]:
        """Failures of the renders that began since then, newest first."""
        query = (
            select(render_failures, renders.c.started_at.label("began"))
            .join(renders, renders.c.id == render_failures.c.render_id)
            .where(renders.c.started_at >= since)
            .order_by(render_failures.c.seq.desc())
            .limit(limit)
        )
        if until is not None:
            query = query.where(renders.c.finished_at <= until)
        with self._db.read() as connection:
            return [(row["began"], failure_of(row)) for row in connection.execute(query).mappings()]

    def durations_since(
        self, since: datetime, *, until: datetime | None = None, limit: int = 50_000
    ) -> dict[tuple[str, str], list[float]]:
        """Seconds of the good calls since then, by (stage, provider), newest first."""
        logs = render_logs.c
        query = (
            select(logs.step_name, logs.provider, logs.duration_ms)
            .where(
                logs.created_at >= since,
                logs.status == AttemptStatus.COMPLETED.value,
                logs.resumed.is_(False),
                logs.duration_ms.is_not(None),
            )
            .order_by(logs.seq.desc())
            .limit(limit)
        )
        if until is not None:
            query = query.where(logs.created_at < until)
        found: dict[tuple[str, str], list[float]] = {}
        with self._db.read() as connection:
            for stage, provider, duration_ms in connection.execute(query):
                found.setdefault((stage, provider), []).append(duration_ms / 1000)
        return found


def _night_of(row: Values) -> Night:
    degraded = row["degraded"]
    return Night(
        schedule=row["schedule"],
        run_date=row["run_date"],
        timezone=row["timezone"],
        nominal_at=row["nominal_at"],
        due_at=row["due_at"],
        outcome=NightOutcome(row["outcome"]),
        job_id=row["job_id"],
        started_at=row["started_at"],
        ready_at=row["ready_at"],
        degraded=None if degraded is None else bool(degraded),
        upgraded_at=row["upgraded_at"],
        p50_at=row["p50_at"],
        p90_at=row["p90_at"],
        note=row["note"],
    )
