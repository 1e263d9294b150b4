"""Operations: the one port through which TUI, CLI, HTTP API and Slack read and act.

Synchronous and thread-safe. Reads never need the daemon; commands write to the database and the daemon acts on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from scheduler.domain.access import Role
from scheduler.domain.failure import FailureRecord
from scheduler.domain.filter import Count, JobSort
from scheduler.domain.job import CancelOutcome, Enqueued, Job, JobSpec, JobStatus, Priority, QueueDepth
from scheduler.domain.render import Attempt, Checkpoint, Render
from scheduler.domain.schedule import Fire, ScheduleState
from scheduler.domain.snapshot import Page, Snapshot
from scheduler.ports.alerts import AlertOperations
from scheduler.ports.audit import AuditOperations
from scheduler.ports.history import HistoryReads
from scheduler.ports.job_types import TypeOperations
from scheduler.ports.nights import NightOperations
from scheduler.ports.recording import RecordingReads
from scheduler.ports.services import ServiceOperations


class OperationError(Exception):
    """A command cannot be done; the message says why and what to do instead.

    ::

        OperationError
          NotFoundError          what was named does not exist
          InvalidError           an argument is wrong; the message names it
          PermissionDeniedError  the actor's role does not allow it
    """


class StartError(Exception):
    """What was to be started cannot start (its port is in use); the message says why and what to do."""


class NotFoundError(OperationError):
    """What was named does not exist (or a prefix names several)."""


class InvalidError(OperationError):
    """An argument is wrong."""


class PermissionDeniedError(OperationError):
    """The actor's role does not allow it."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. Without a role it may only look.

    Attributes:
        name: Unix user, token name, Slack user.
        via: ``tui``, ``cli``, ``http``, ``slack``, ``schedule``.
        role: what it may do.
        origin: where from: host and terminal, or an IP address; for the audit trail.
    """

    name: str
    via: str
    role: Role = Role.VIEWER
    origin: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.via})"


@dataclass(frozen=True, slots=True)
class JobDetail:
    """A job with everything that is known of it."""

    job: Job
    renders: tuple[Render, ...]
    attempts: tuple[Attempt, ...]
    failures: tuple[FailureRecord, ...]
    checkpoints: tuple[Checkpoint, ...]


@dataclass(frozen=True, slots=True)
class UpcomingFire:
    """A coming nominal time of a schedule.

    Attributes:
        skipped: it is held back.
        why: by what, in words; empty when it is not.
        starts_at: when it will really start by itself (aware UTC), early if history says that it must; None: not.
    """

    fire: Fire
    skipped: bool
    why: str = ""
    starts_at: datetime | None = None


class Operations(
    NightOperations,
    AuditOperations,
    RecordingReads,
    HistoryReads,
    ServiceOperations,
    AlertOperations,
    TypeOperations,
    Protocol,
):
    """Reads and commands. Commands take the actor: its role is checked, and a line of the audit trail is written.

    Every command raises ``PermissionDeniedError`` when the actor's role does not allow it (``scheduler.auditing``).
    """

    def snapshot(self, *, job_limit: int = 50) -> Snapshot:
        """What the console shows now."""
        ...

    def data_version(self) -> int:
        """Changes whenever any process has written; cheap: poll this, not the snapshot."""
        ...

    def depth(self) -> QueueDepth:
        """How many jobs are in which state."""
        ...

    def jobs(
        self,
        *,
        statuses: Sequence[JobStatus] = (),
        job_types: Sequence[str] = (),
        filter: str = "",  # noqa: A002 - the word of the command line and of HTTP
        sort: JobSort = JobSort.NEWEST,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Job]:
        """Jobs by pages, newest first unless ``sort`` says otherwise; ``filter`` in the language of docs/jobs.md.

        Raises:
            InvalidError: the filter cannot be read (the message says where), or the cursor is none.
        """
        ...

    def count_jobs(self, *, filter: str = "", cap: int = 10_000) -> Count:  # noqa: A002 - as for jobs
        """How many jobs a filter finds; counting stops at ``cap``.

        Raises:
            InvalidError: the filter cannot be read.
        """
        ...

    def job(self, job_id: str) -> JobDetail:
        """One job by id or unique prefix.

        Raises:
            NotFoundError: none, or several.
        """
        ...

    def logs(self, target: str, *, after: str | None = None) -> tuple[Attempt, ...]:
        """Attempts of a job or render (id or unique prefix), oldest first, after the attempt ``after``."""
        ...

    def submit(self, spec: JobSpec, *, actor: Actor) -> Enqueued:
        """Queue a job.

        Raises:
            InvalidError: unknown job type or bad payload.
        """
        ...

    def cancel(self, job_id: str, *, actor: Actor) -> CancelOutcome:
        """Cancel a job."""
        ...

    def retry(self, job_id: str, *, actor: Actor) -> Job:
        """Queue a failed or cancelled job again.

        Raises:
            InvalidError: its state does not allow it.
        """
        ...

    def rerender(self, job_id: str, *, actor: Actor, deadline_at: datetime | None = None) -> Job:
        """Make an ended job anew, by ``deadline_at`` (None: its old deadline if that is still ahead, else none)."""
        ...

    def set_priority(self, job_id: str, priority: Priority, *, actor: Actor) -> Job:
        """Change the priority of a queued job."""
        ...

    def schedules(self) -> tuple[ScheduleState, ...]:
        """All schedules."""
        ...

    def upcoming(
        self, *, count: int = 5, now: datetime | None = None, schedules: Sequence[ScheduleState] | None = None
    ) -> tuple[UpcomingFire, ...]:
        """The next nominal times over all schedules (or these, as they stood once), soonest first."""
        ...

    def run_schedule(self, name: str, *, actor: Actor, on: date | None = None) -> Enqueued:
        """Queue a schedule's job now, for its coming run date (or ``on``); a run date that has a job keeps it."""
        ...

    def pause_schedule(self, name: str, *, paused: bool, actor: Actor) -> None:
        """Pause or resume a schedule."""
        ...

    def skip_date(self, name: str, day: date, *, actor: Actor) -> ScheduleState:
        """Let one run date of a schedule pass."""
        ...
