"""What an operator can do to a job: when it is allowed, what it will touch, and how it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from console import format as fmt
from console.text import clean
from scheduler.domain.job import (
    CANCEL_FAILED,
    CANCEL_QUEUED,
    CANCEL_RUNNING,
    RERENDER,
    RETRY,
    CancelOutcome,
    Job,
    JobStatus,
    Priority,
)
from scheduler.ports.operations import Actor, Operations

_LONGEST = 60


def _cannot(_job: Job) -> None:
    return None


@dataclass(frozen=True, slots=True)
class JobAction:
    """A command on one job.

    Attributes:
        verb: as the button says it, ``Stop the job``.
        title: as the question says it, ``Stop``.
        sources: the states in which it can be done (from the domain's transitions).
        effect: what will happen, in a sentence, for this job.
        call: does it and says what became of it.
        undo: takes it back, where that is possible for the job as it was before; None: it cannot be.
    """

    verb: str
    title: str
    sources: frozenset[JobStatus]
    effect: Callable[[Job], str]
    call: Callable[[Operations, Job, Actor], str]
    undo: Callable[[Job], Callable[[Operations, Actor], str] | None] = _cannot


def _cancel_effect(job: Job) -> str:
    if job.status is JobStatus.PROCESSING:
        return "Its worker stops within 2 seconds. Finished stages are kept for a later retry."
    if job.status is JobStatus.FAILED:
        return "It will not be tried again by itself."
    return "It will not be started."


def _cancel(operations: Operations, job: Job, actor: Actor) -> str:
    name = fmt.short_id(job.id)
    match operations.cancel(job.id, actor=actor):
        case CancelOutcome.CANCELLED:
            return f"job {name} is cancelled"
        case CancelOutcome.REQUESTED:
            return f"job {name}: its worker was asked to stop"
        case CancelOutcome.NOT_CANCELLABLE:
            return f"job {name} had already ended: nothing was changed"


def _undo_cancel(job: Job) -> Callable[[Operations, Actor], str] | None:
    if job.status is not JobStatus.QUEUED:
        return None

    def undo(operations: Operations, actor: Actor) -> str:
        return f"job {fmt.short_id(job.id)} is {operations.retry(job.id, actor=actor).status.value} again"

    return undo


def _retry_effect(_job: Job) -> str:
    return "It is queued again, its tries counted from zero. Finished stages are kept."


def _retry(operations: Operations, job: Job, actor: Actor) -> str:
    job = operations.retry(job.id, actor=actor)
    return f"job {fmt.short_id(job.id)} is {job.status.value} again"


def _undo_retry(job: Job) -> Callable[[Operations, Actor], str] | None:
    if job.status is not JobStatus.CANCELLED:
        return None
    return lambda operations, actor: _cancel(operations, job, actor)


def _rerender_effect(job: Job) -> str:
    tail = " The published video stays until the new one replaces it." if job.status is JobStatus.COMPLETED else ""
    return f"Every stage is made anew; kept stages are dropped.{tail}"


def _rerender(operations: Operations, job: Job, actor: Actor) -> str:
    job = operations.rerender(job.id, actor=actor)
    return f"job {fmt.short_id(job.id)} is {job.status.value} to be made anew"


def stepped(priority: Priority, step: int) -> Priority | None:
    """The priority one step up (-1) or down (1); None: there is none. Pure."""
    order = list(Priority)
    at = order.index(priority) + step
    return order[at] if 0 <= at < len(order) else None


def _set_priority(operations: Operations, job: Job, priority: Priority, actor: Actor) -> str:
    operations.set_priority(job.id, priority, actor=actor)
    return f"job {fmt.short_id(job.id)} has {priority.value} priority"


def _priority(step: int) -> JobAction:
    def effect(job: Job) -> str:
        to = stepped(job.priority, step) or job.priority
        side = "before" if step < 0 else "after"
        return f"{job.priority.value} becomes {to.value}: it is started {side} the others of its priority."

    def call(operations: Operations, job: Job, actor: Actor) -> str:
        return _set_priority(operations, job, stepped(job.priority, step) or job.priority, actor)

    def undo(job: Job) -> Callable[[Operations, Actor], str]:
        return lambda operations, actor: _set_priority(operations, job, job.priority, actor)

    word = "Raise" if step < 0 else "Lower"
    return JobAction(
        verb=f"{word} its priority",
        title=f"{word} the priority of",
        sources=frozenset({JobStatus.QUEUED}),
        effect=effect,
        call=call,
        undo=undo,
    )


JOB_ACTIONS: Mapping[str, JobAction] = {
    "cancel": JobAction(
        verb="Stop the job",
        title="Stop",
        sources=CANCEL_QUEUED.sources | CANCEL_RUNNING.sources | CANCEL_FAILED.sources,
        effect=_cancel_effect,
        call=_cancel,
        undo=_undo_cancel,
    ),
    "retry": JobAction(
        verb="Retry the job", title="Retry", sources=RETRY.sources, effect=_retry_effect, call=_retry, undo=_undo_retry
    ),
    "rerender": JobAction(
        verb="Re-render it", title="Re-render", sources=RERENDER.sources, effect=_rerender_effect, call=_rerender
    ),
    "raise": _priority(-1),
    "lower": _priority(1),
}


def refusal(name: str, job: Job) -> str | None:
    """Why the action cannot be done to this job now, with what can be; None when it can. Pure."""
    action = JOB_ACTIONS[name]
    if job.status not in action.sources:
        states = ", ".join(status.value for status in JobStatus if status in action.sources)
        return f"{action.title.lower()}: job {fmt.short_id(job.id)} is {job.status.value}; it must be {states}"
    if name == "cancel" and job.cancel_requested_at is not None:
        return f"stop: job {fmt.short_id(job.id)} is being stopped already"
    if name == "cancel" and job.status is JobStatus.FAILED and job.retry_at is None:
        return f"stop: job {fmt.short_id(job.id)} has finally failed; nothing would be stopped"
    if name in STEPS and stepped(job.priority, STEPS[name]) is None:
        return f"{name}: job {fmt.short_id(job.id)} has {job.priority.value} priority already"
    return None


STEPS: Mapping[str, int] = {"raise": -1, "lower": 1}
"""By how many places an action moves a job's priority."""


def touches(job: Job) -> str:
    """What an action will touch, on one line. Pure."""
    parts = [fmt.short_id(clean(job.id)), clean(job.job_type, limit=_LONGEST), job.status.value]
    if job.status is JobStatus.PROCESSING:
        parts.append(fmt.percent(job.progress))
    if job.run_date is not None:
        parts.append(f"for {fmt.day(job.run_date)}")
    return " · ".join(parts)
