"""Ending attempts and renders: their own end, and that of those whose worker is gone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from scheduler.domain.failure import FailureClass
from scheduler.domain.render import Attempt, AttemptStatus, RenderStatus
from scheduler.store.decisions import INTERRUPTED_WORDS, milliseconds
from scheduler.store.mapping import attempt_values
from scheduler.store.rows import render_logs, renders

_RUNNING = select(renders.c.id).where(
    renders.c.job_id == bindparam("b_job"), renders.c.status == RenderStatus.RUNNING.value
)
_OPEN = select(render_logs.c.seq, render_logs.c.created_at).where(
    render_logs.c.render_id == bindparam("b_render"), render_logs.c.status == AttemptStatus.STARTED.value
)

_FINISHED = ("status", "provider", "duration_ms", "error_class", "error_message", "detail", "resumed")
_END_ATTEMPT = (
    update(render_logs)
    .where(render_logs.c.id == bindparam("b_id"), render_logs.c.status == AttemptStatus.STARTED.value)
    .values({name: bindparam(f"b_{name}", type_=render_logs.c[name].type) for name in _FINISHED})
)


def end_attempt(connection: Connection, attempt: Attempt) -> None:
    """Write how a call ended; one that has ended already is left as it is."""
    values = attempt_values(attempt)
    connection.execute(_END_ATTEMPT, {f"b_{name}": values[name] for name in ("id", *_FINISHED)})


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
