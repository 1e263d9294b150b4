"""What an operator can do to a job type: pause it, or let it go on."""

from __future__ import annotations

from console import format as fmt
from console.text import clean
from console.tui.asking import Host
from console.tui.effect import effect_of_pause
from console.tui.questions import Question
from console.tui.view import View, Want
from scheduler.domain.job import Job
from scheduler.ports.job_types import JobTypeState

TYPES: Want[tuple[JobTypeState, ...]] = Want(("types",), lambda operations: operations.job_types(), every_s=30.0)
"""The job types with their limits; the paused ones are shown."""


def paused_types(view: View) -> tuple[str, ...]:
    """The types that are paused, by name."""
    return tuple(one.limits.job_type for one in view.answer(TYPES).value or () if one.limits.paused)


def ask_pause_type(host: Host, job: Job | None) -> None:
    """Ask whether to pause the type of a job, or to resume a paused one, and do it."""
    if job is None:
        host.say("there is no job here whose type could be paused", good=False)
        return
    if not host.commands.may("type.pause"):
        return
    operations = host.operations
    host.commands.then(operations.job_types, lambda states: _ask(host, job.job_type, states))


def _ask(host: Host, job_type: str, states: tuple[JobTypeState, ...]) -> None:
    state = next((one for one in states if one.limits.job_type == job_type), None)
    if state is None:
        host.say(f"there is no job type {clean(job_type)}", good=False)
        return
    operations, actor, paused = host.operations, host.commands.actor, not state.limits.paused
    name, waiting = clean(job_type), fmt.count(state.queued, "job")

    def change() -> str:
        operations.pause_type(job_type, paused=paused, actor=actor)
        return f"job type {name} is paused" if paused else f"job type {name} goes on"

    def undo() -> str:
        operations.pause_type(job_type, paused=not paused, actor=actor)
        return f"job type {name} goes on" if paused else f"job type {name} is paused again"

    touches = f"{name} {host.frame().signs.dot} {state.queued} queued, {state.processing} running"
    if paused:
        told = f"No more of its jobs start: {waiting} wait until it is resumed. What runs, runs on. "
        told += effect_of_pause(job_type, host.frame().view.snapshot)
        question = Question("Pause this job type?", touches, told.strip(), "Pause it")
    else:
        question = Question("Resume this job type?", touches, f"Its jobs start again: {waiting} wait.", "Resume it")
    host.commands.ask("type.pause", question, change, undo=undo)
