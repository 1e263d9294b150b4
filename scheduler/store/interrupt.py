"""Ending renders whose worker is gone: shared by the reaper and by the start of the next render."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from scheduler.domain.failure import FailureClass
from scheduler.domain.render import AttemptStatus, RenderStatus
from scheduler.store.decisions import INTERRUPTED_WORDS, milliseconds
from scheduler.store.rows import render_logs, renders

_RUNNING = select(renders.c.id).where(
    renders.c.job_id == bindparam("b_job"), renders.c.status == RenderStatus.RUNNING.value
)
_OPEN = select(render_logs.c.seq, render_logs.c.created_at).where(
    render_logs.c.render_id == bindparam("b_render"), render_logs.c.status == AttemptStatus.STARTED.value
)


def interrupt_renders(connection: Connection, job_id: str, now: datetime) -> None:
    """The job's running renders become INTERRUPTED, and their open attempts fail."""
    for render_id in connection.execute(_RUNNING, {"b_job": job_id}).scalars().all():
        ended = {"status": RenderStatus.INTERRUPTED.value, "finished_at": now}
        connection.execute(update(renders).where(renders.c.id == render_id).values(ended))
        fail_open_attempts(connection, render_id, now, FailureClass.UNKNOWN, INTERRUPTED_WORDS)


def fail_open_attempts(connection: Connection, render_id: str, now: datetime, kind: FailureClass, message: str) -> None:
    """Attempts that still run end with their render."""
    for seq, started_at in connection.execute(_OPEN, {"b_render": render_id}).all():
        ended = {
            "status": AttemptStatus.FAILED.value,
            "error_class": kind.value,
            "error_message": message,
            "duration_ms": milliseconds(started_at, now),
        }
        connection.execute(update(render_logs).where(render_logs.c.seq == seq).values(ended))
