"""From a key on jobs to a command: who is meant, who can be, what it means, the question, the doing, the undoing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from textual.screen import Screen

from console import format as fmt
from console.tui.commands import Commands
from console.tui.draw.base import Frame
from console.tui.effect import effect_on_tonight
from console.tui.jobactions import JOB_ACTIONS, refusal, touches
from console.tui.questions import Question
from console.tui.screens.bulk import BulkScreen, Plan
from scheduler.domain.job import Job
from scheduler.ports.operations import Operations

PAGE = 500
MOST = 10_000
"""Jobs that one command touches at most."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Who is meant: these jobs, or all that a filter finds when it is asked.

    Attributes:
        filter: None: the jobs that are named.
    """

    jobs: tuple[Job, ...] = ()
    filter: str | None = None


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

    def frame(self) -> Frame:
        """The newest view, for now."""
        ...

    def show(self, screen: Screen[Any]) -> None:
        """Put a dialog over the screen."""
        ...

    def say(self, text: str, *, good: bool = True) -> None:
        """Put a notice at the foot of the screen."""
        ...


def ask_jobs(host: Host, name: str, chosen: Chosen) -> None:
    """Ask whether to do an action to jobs, and do it."""
    if not host.commands.may(f"job.{name}"):
        return
    if chosen.filter is not None:
        text, operations = chosen.filter, host.operations
        host.say("reading the jobs that match" + host.frame().signs.ellipsis)
        host.commands.then(lambda: gather(operations, text), lambda jobs: _ask(host, name, jobs))
    else:
        _ask(host, name, chosen.jobs)


def ask_job(host: Host, name: str, job: Job | None) -> None:
    """The same for one job."""
    ask_jobs(host, name, Chosen(() if job is None else (job,)))


def gather(operations: Operations, text: str) -> tuple[Job, ...]:
    """The jobs that a filter finds now: what comes later is not among them.

    Raises:
        ValueError: it finds too many.
        OperationError: the filter cannot be read.
    """
    found: list[Job] = []
    cursor: str | None = None
    while True:
        page = operations.jobs(filter=text, limit=PAGE, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return tuple(found)
        if len(found) >= MOST:
            raise ValueError(f"more than {MOST:,} jobs match; narrow the filter, for example with before:-1d")


def _ask(host: Host, name: str, jobs: Sequence[Job]) -> None:
    if not jobs:
        host.say("there is no job here", good=False)
        return
    frame = host.frame()
    reasons = [(job, refusal(name, job)) for job in jobs]
    eligible = tuple(job for job, reason in reasons if reason is None)
    effect = effect_on_tonight(name, eligible, frame.view.snapshot, frame.now)
    if len(jobs) == 1:
        _ask_one(host, name, jobs[0], reasons[0][1], effect)
        return
    refused = tuple((job, reason) for job, reason in reasons if reason is not None)
    if not eligible:
        host.say(f"none of the {len(jobs)} jobs can be: {refused[0][1]}", good=False)
        return
    host.show(BulkScreen(Plan(name, eligible, refused, effect), host.operations, host.commands))


def _ask_one(host: Host, name: str, job: Job, reason: str | None, effect: str | None) -> None:
    if reason is not None:
        host.say(reason, good=False)
        return
    chosen, operations, actor = JOB_ACTIONS[name], host.operations, host.commands.actor
    told = chosen.effect(job) + (f" {effect}" if effect else "")
    question = Question(f"{chosen.title} this job?", touches(job), told, chosen.verb)
    back = chosen.undo(job)
    undo: Callable[[], str] | None = None if back is None else lambda: back(operations, actor)
    host.commands.ask(f"job.{name}", question, lambda: chosen.call(operations, job, actor), undo=undo)


def summary(jobs: Sequence[Job], limit: int = 4) -> str:
    """The first few by name, and how many more."""
    names = ", ".join(fmt.short_id(job.id) for job in jobs[:limit])
    return names + (f" and {len(jobs) - limit:,} more" if len(jobs) > limit else "")
