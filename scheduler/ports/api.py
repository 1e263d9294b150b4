"""What the HTTP API needs beside what everyone needs: tokens, many submissions at once, the state of the system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from scheduler.domain.access import Role
from scheduler.domain.job import Enqueued, Job, JobSpec, QueueDepth
from scheduler.domain.render import Attempt
from scheduler.domain.service import ServiceHealth
from scheduler.domain.snapshot import ProcessInfo
from scheduler.domain.token import Token
from scheduler.ports.api_store import Logged
from scheduler.ports.operations import Actor, OperationError, Operations


@dataclass(frozen=True, slots=True)
class Submission:
    """One of many submissions."""

    spec: JobSpec
    actor: Actor


@dataclass(frozen=True, slots=True)
class SystemState:
    """Whether there is someone to do the work, and how much there is.

    Attributes:
        scheduler: who schedules now; None: nobody.
        active: jobs that are being processed.
    """

    depth: QueueDepth
    processes: tuple[ProcessInfo, ...]
    services: tuple[ServiceHealth, ...]
    scheduler: str | None
    active: tuple[str, ...]

    @property
    def hands(self) -> bool:
        """Whether anybody works on jobs."""
        return any(process.alive for process in self.processes)


@dataclass(frozen=True, slots=True)
class JobOutlook:
    """A job, what was done for it, and how long it still takes.

    Attributes:
        attempts: all of its attempts, oldest first.
        remaining_s: estimated seconds until its end, waiting included; None: it has ended, or nothing is known.
    """

    job: Job
    attempts: tuple[Attempt, ...]
    remaining_s: float | None


class ApiOperations(Protocol):
    """The part of ``Operations`` that only the HTTP API (and ``predawn token``) needs."""

    def authenticate(self, secret: str) -> Token | None:
        """The token, if it is one and still good."""
        ...

    def tokens(self) -> tuple[Token, ...]:
        """All tokens, by name, revoked ones too."""
        ...

    def add_token(self, name: str, *, role: Role, actor: Actor, expires_at: datetime | None = None) -> str:
        """Make a token; what is answered is shown once and kept nowhere.

        Raises:
            InvalidError: the name is none or taken, or the end is in the past.
        """
        ...

    def revoke_token(self, name: str, *, actor: Actor) -> None:
        """Let a token count no more.

        Raises:
            NotFoundError: there is none that still does.
        """
        ...

    def submit_many(self, submissions: Sequence[Submission]) -> list[Enqueued | OperationError]:
        """Queue many jobs in one transaction; each is permitted, checked and written down as by ``submit``."""
        ...

    def system(self) -> SystemState:
        """Whether there is someone to do the work, and how much there is."""
        ...

    def outlook(self, job_id: str) -> JobOutlook:
        """A job by its id, what was done for it, and how long it still takes.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def job_called(self, name: str) -> str | None:
        """The id of the newest job that its caller calls so, or that has this idempotency key; None: there is none."""
        ...

    def name_job(self, name: str, queued: Enqueued) -> None:
        """Let a submission that was taken be found by its caller's own name for it."""
        ...

    def job_of_render(self, render_id: str) -> str:
        """The id of the job that a render (id or unique prefix) is one of; a job's id stands for itself.

        Raises:
            NotFoundError: there is neither.
        """
        ...

    def waiting_s(self, depth: QueueDepth | None = None) -> float:
        """Estimated seconds that a job which is queued now takes until its end."""
        ...

    def take_webhook(self, webhook_id: str, *, about: str, forget_after_s: float, actor: Actor) -> bool:
        """Note that a webhook about a job was taken. False: it was taken before."""
        ...

    def ask_look(self, look_id: str) -> None:
        """Have whichever process waits for remote work under this id (a job's, or the service's own) look at it now.

        No command: it changes nothing of any job, and a service is asked at most once a second for it.
        """
        ...

    def was_looked(self, look_id: str) -> bool:
        """Whether what was asked for was looked at, and what was seen is written down."""
        ...

    def render_log(self, *, after: int | None, limit: int = 1000) -> tuple[Logged, ...]:
        """Attempts in the order they were started, behind place ``after``; None: only the newest one."""
        ...

    def logged(self, attempt_ids: Sequence[str]) -> tuple[Attempt, ...]:
        """These attempts as they are now."""
        ...


class HttpOperations(Operations, ApiOperations, Protocol):
    """Everything that the HTTP API calls."""
