"""From a key on jobs to a command: who is meant, who can be, what it means, the question, the doing, the undoing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from textual.screen import Screen

from console.tui.commands import Commands
from console.tui.draw.base import Frame
from console.tui.effect import change_of, effect_of_jobs
from console.tui.jobactions import JOB_ACTIONS, refusal, touches
from console.tui.questions import Question
from console.tui.screens.bulk import BulkScreen, Plan
from scheduler.domain.job import Job
from scheduler.domain.whatif import Change, Foretold
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
        host.commands.then(lambda: gather(operations, text), lambda jobs: _foresee(host, name, jobs))
    else:
        _foresee(host, name, chosen.jobs)


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


def _foresee(host: Host, name: str, jobs: Sequence[Job]) -> None:
    """Sort out who can be, and ask with what it means for tonight, which the predictor of the nights tells."""
    if not jobs:
        host.say("there is no job here", good=False)
        return
    reasons = [(job, refusal(name, job)) for job in jobs]
    refused = tuple((job, reason) for job, reason in reasons if reason is not None)
    eligible = tuple(job for job, reason in reasons if reason is None)
    if not eligible:
        why = refused[0][1]
        host.say(why if len(jobs) == 1 else f"none of the {len(jobs)} jobs can be: {why}", good=False)
        return
    snapshot = host.frame().view.snapshot
    mine = None if snapshot is None else snapshot.tonight.job

    def told(foretold: Foretold) -> None:
        _ask(host, name, eligible, refused, effect_of_jobs(name, eligible, mine, foretold, host.frame().now))

    foresee(host, change_of(name, eligible, mine), told)


def foresee(host: Host, change: Change, told: Callable[[Foretold], None]) -> None:
    """Ask what a change would mean for tonight's finish, off the event loop."""
    operations = host.operations
    host.commands.then(lambda: operations.foretell(change), told)


def _ask(
    host: Host, name: str, eligible: tuple[Job, ...], refused: tuple[tuple[Job, str], ...], effect: str | None
) -> None:
    if len(eligible) == 1 and not refused:
        _ask_one(host, name, eligible[0], effect)
        return
    host.show(BulkScreen(Plan(name, eligible, refused, effect), host.operations, host.commands))


def _ask_one(host: Host, name: str, job: Job, effect: str | None) -> None:
    chosen, operations, actor = JOB_ACTIONS[name], host.operations, host.commands.actor
    told = chosen.effect(job) + (f" {effect}" if effect else "")
    question = Question(f"{chosen.title} this job?", touches(job), told, chosen.verb)
    back = chosen.undo(job)
    undo: Callable[[], str] | None = None if back is None else lambda: back(operations, actor)
    host.commands.ask(f"job.{name}", question, lambda: chosen.call(operations, job, actor), undo=undo)
