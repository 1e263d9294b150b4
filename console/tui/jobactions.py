"""What an operator can do to a job: when it is allowed, what it will touch, and how it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from console import format as fmt
from console.text import clean
from console.tui.commands import Commands
from console.tui.questions import Question
from scheduler.domain.job import (
    CANCEL_FAILED,
    CANCEL_QUEUED,
    CANCEL_RUNNING,
    RERENDER,
    RETRY,
    CancelOutcome,
    Job,
    JobStatus,
)
from scheduler.ports.operations import Actor, Operations

_LONGEST = 60


@dataclass(frozen=True, slots=True)
class JobAction:
    """A command on one job.

    Attributes:
        verb: as the button says it, ``Stop the job``.
        title: as the question says it, ``Stop``.
        sources: the states in which it can be done (from the domain's transitions).
        effect: what will happen, in a sentence, for this job.
        call: does it and says what became of it.
    """

    verb: str
    title: str
    sources: frozenset[JobStatus]
    effect: Callable[[Job], str]
    call: Callable[[Operations, str, Actor], str]


def _cancel_effect(job: Job) -> str:
    if job.status is JobStatus.PROCESSING:
        return "Its worker stops within 2 seconds. Finished stages are kept for a later retry."
    if job.status is JobStatus.FAILED:
        return "It will not be tried again by itself."
    return "It will not be started."


def _cancel(operations: Operations, job_id: str, actor: Actor) -> str:
    match operations.cancel(job_id, actor=actor):
        case CancelOutcome.CANCELLED:
            return f"job {fmt.short_id(job_id)} is cancelled"
        case CancelOutcome.REQUESTED:
            return f"job {fmt.short_id(job_id)}: its worker was asked to stop"
        case CancelOutcome.NOT_CANCELLABLE:
            return f"job {fmt.short_id(job_id)} had already ended: nothing was changed"


def _retry_effect(_job: Job) -> str:
    return "It is queued again, its tries counted from zero. Finished stages are kept."


def _retry(operations: Operations, job_id: str, actor: Actor) -> str:
    job = operations.retry(job_id, actor=actor)
    return f"job {fmt.short_id(job.id)} is {job.status.value} again"


def _rerender_effect(job: Job) -> str:
    tail = " The published video stays until the new one replaces it." if job.status is JobStatus.COMPLETED else ""
    return f"Every stage is made anew; kept stages are dropped.{tail}"


def _rerender(operations: Operations, job_id: str, actor: Actor) -> str:
    job = operations.rerender(job_id, actor=actor)
    return f"job {fmt.short_id(job.id)} is {job.status.value} to be made anew"


JOB_ACTIONS: Mapping[str, JobAction] = {
    "cancel": JobAction(
        verb="Stop the job",
        title="Stop",
        sources=CANCEL_QUEUED.sources | CANCEL_RUNNING.sources | CANCEL_FAILED.sources,
        effect=_cancel_effect,
        call=_cancel,
    ),
    "retry": JobAction(verb="Retry the job", title="Retry", sources=RETRY.sources, effect=_retry_effect, call=_retry),
    "rerender": JobAction(
        verb="Re-render it", title="Re-render", sources=RERENDER.sources, effect=_rerender_effect, call=_rerender
    ),
}


def refusal(name: str, job: Job) -> str | None:
    """Why the action cannot be done to this job now, with what can be; None when it can. Pure."""
    action = JOB_ACTIONS[name]
    if job.status not in action.sources:
        states = ", ".join(status.value for status in JobStatus if status in action.sources)
        return f"{action.title.lower()}: job {fmt.short_id(job.id)} is {job.status.value}; it must be {states}"
    if name == "cancel" and job.cancel_requested_at is not None:
        return f"stop: job {fmt.short_id(job.id)} is being stopped already"
    return None


def touches(job: Job) -> str:
    """What an action will touch, on one line. Pure."""
    parts = [fmt.short_id(clean(job.id)), clean(job.job_type, limit=_LONGEST), job.status.value]
    if job.status is JobStatus.PROCESSING:
        parts.append(fmt.percent(job.progress))
    if job.run_date is not None:
        parts.append(f"for {fmt.day(job.run_date)}")
    return " · ".join(parts)


class Host(Protocol):
    """What asking needs of the app."""

    @property
    def commands(self) -> Commands:
        """Where commands go."""
        ...

    @property
    def operations(self) -> Operations:
        """What they act on."""
        ...

    def say(self, text: str, *, good: bool = True) -> None:
        """Put a notice at the foot of the screen."""
        ...


def ask_job(host: Host, name: str, job: Job | None) -> None:
    """Ask whether to do an action to a job, and do it."""
    if job is None:
        host.say("there is no job here", good=False)
    elif (reason := refusal(name, job)) is not None:
        host.say(reason, good=False)
    else:
        chosen, operations, actor = JOB_ACTIONS[name], host.operations, host.commands.actor
        question = Question(f"{chosen.title} this job?", touches(job), chosen.effect(job), chosen.verb)
        host.commands.ask(f"job.{name}", question, lambda: chosen.call(operations, job.id, actor))
