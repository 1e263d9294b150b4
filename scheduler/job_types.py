"""Job types: what can be asked for, where its brief comes from, and which route it takes. One table of objects."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from config.settings import PipelineSettings
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.job import JobSpec, Priority
from scheduler.ports.content import BriefSource

PIPELINE = "pipeline"
"""The route every job can take, and the fallback of all others."""
ORCHESTRATOR = "orchestrator"
SORA = "sora"
WORKFLOW = "workflow"
"""The pipeline over the scenes that a caller laid down, its steps one after the other."""


@dataclass(frozen=True, slots=True)
class JobType:
    """A kind of job.

    Attributes:
        name: ``daily_ca``, ``doubt``; the word in ``jobs.job_type``.
        source: makes the brief of a payload, and thereby checks it.
        route: the route its jobs take by themselves; None: what ``pipeline.route`` says.
        routes: the routes its jobs may take at all.
        time_limit_s: seconds a job may run in all; None: ``queue.timeout_s``.
        off: it is turned off here; what to do to have it.
        priority_of: the priority that a checked payload asks for; None: payloads of this type ask for none.
    """

    name: str
    source: BriefSource
    route: str | None = None
    routes: tuple[str, ...] = (PIPELINE, ORCHESTRATOR)
    time_limit_s: float | None = None
    off: str | None = None
    priority_of: Callable[[Mapping[str, Any]], Priority] | None = None

    def check(self, spec: JobSpec) -> str | None:
        """What is wrong with what is asked for, in words; None: nothing. May look at files."""
        problem = self.off_problem() or self.route_problem(spec.payload.get("route"))
        if problem is not None:
            return problem
        try:
            self.source.resolve(spec.payload, spec.run_date)
        except StageFailure as failure:
            # Where the brief cannot be looked for now, the job finds out when it runs.
            return None if failure.kind is FailureClass.UNAVAILABLE else failure.message
        return None

    def prioritised(self, spec: JobSpec) -> JobSpec:
        """What is asked for (and checked), with its payload's priority where the caller gave none of his own. Pure."""
        if self.priority_of is None or spec.priority is not Priority.NORMAL:
            return spec
        return replace(spec, priority=self.priority_of(spec.payload))

    def look_ahead(self, payload: Mapping[str, Any], run_date: date) -> tuple[bool | None, str]:
        """Whether a coming run has something to be made from (None: only known when it runs), and what is missing.

        May look at files.
        """
        try:
            found = self.source.resolve(payload, run_date)
        except StageFailure as failure:
            if failure.kind is FailureClass.UNAVAILABLE:
                return None, ""
            return False, failure.message
        if found.stale:
            return True, f"no brief of {run_date} yet: that of {found.brief.date} would be taken, and the video marked"
        return True, ""

    def off_problem(self) -> str | None:
        """Why no job of this type is made here, in words; None: it is. Pure."""
        return None if self.off is None else f"job type {self.name} is turned off here: {self.off}"

    def route_problem(self, asked: object) -> str | None:
        """What is wrong with ``payload.route``, in words; None: nothing. Pure."""
        if asked is None or asked in self.routes:
            return None
        return (
            f"payload.route must be one of {', '.join(self.routes)} for job type {self.name}, not {str(asked)[:60]!r}"
        )

    def default_route(self, settings: PipelineSettings) -> str:
        """The route of a job that asks for none: ``pipeline.routes``, the type's own, ``pipeline.route``. Pure."""
        chosen = settings.routes.get(self.name) or self.route or settings.route
        return chosen if chosen in self.routes else PIPELINE


def by_name(types: Iterable[JobType]) -> dict[str, JobType]:
    """The table.

    Raises:
        ValueError: two types have one name.
    """
    table: dict[str, JobType] = {}
    for one in types:
        if one.name in table:
            raise ValueError(f"two job types are called {one.name!r}")
        table[one.name] = one
    return table


def unknown_type(name: str, known: Collection[str]) -> str:
    """What to say about a job type that there is not."""
    return f"job type {name!r} is unknown; this installation has: {', '.join(sorted(known))}"
