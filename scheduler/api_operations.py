"""The part of ``Operations`` that only the HTTP API (and ``predawn token``) needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from config.settings import Settings
from scheduler.auditing import Auditor, command, note
from scheduler.domain import token as tokens_of
from scheduler.domain.access import Role
from scheduler.domain.job import Enqueued, Job, JobSpec, JobStatus, QueueDepth
from scheduler.domain.render import Attempt
from scheduler.domain.service import ServiceHealth
from scheduler.domain.snapshot import StageView
from scheduler.domain.storable import unstorable
from scheduler.domain.token import Token
from scheduler.job_types import JobType, unknown_type
from scheduler.nights.foresight import Foresight
from scheduler.pipeline.views import stage_views
from scheduler.ports.api import JobOutlook, Submission, SystemState
from scheduler.ports.api_store import FORGET_LOOK_S, FRESH_LOOK_S, Logged
from scheduler.ports.clock import Clock
from scheduler.ports.operations import Actor, InvalidError, NotFoundError, OperationError
from scheduler.ports.store import JobNotFoundError, Store
from scheduler.schedules.leader import ROLE as SCHEDULER

MOST_ACTIVE = 50
"""Ids of running jobs that are told."""


class ApiCommands:
    """Tokens, submissions by the hundred, and what the API tells of the system; mixed into ``StoreOperations``."""

    _store: Store
    _settings: Settings
    _clock: Clock
    _job_types: Mapping[str, JobType]
    foresight: Foresight

    @property
    def auditor(self) -> Auditor:
        """Permits the commands and writes them down."""
        raise NotImplementedError

    def services(self) -> tuple[ServiceHealth, ...]:
        """How the services stand."""
        raise NotImplementedError

    # --- tokens ------------------------------------------------------------------------------------------------------

    def authenticate(self, secret: str) -> Token | None:
        """The token, if it is one and still good."""
        token_id = tokens_of.id_of(secret)
        token = self._store.get_token(token_id) if token_id is not None else None
        if token is None or not tokens_of.matches(token, secret) or not token.is_good(self._clock.now()):
            return None
        return token

    def tokens(self) -> tuple[Token, ...]:
        """All tokens, by name, revoked ones too."""
        return tuple(self._store.tokens())

    @command("token.add", needs=Role.ADMIN, target="name")
    def add_token(self, name: str, *, role: Role, actor: Actor, expires_at: datetime | None = None) -> str:
        """Make a token; what is answered is shown once and kept nowhere."""
        now = self._clock.now()
        if not tokens_of.is_name(name):
            raise InvalidError(f"a token cannot be called {name[:80]!r}: take 1–64 of a-z, 0-9, _ . @ and -")
        if expires_at is not None and expires_at <= now:
            raise InvalidError(f"a token that ends at {expires_at:%F %T %Z} would never count: take a time to come")
        secret = tokens_of.new_secret()
        kept = Token(
            id=tokens_of.id_of(secret) or "",
            name=name,
            role=role,
            hash=tokens_of.hash_of(secret),
            created_at=now,
            created_by=str(actor),
            expires_at=expires_at,
        )
        if not self._store.add_token(kept):
            raise InvalidError(f"there is a token {name} already: revoke it first (predawn token revoke {name})")
        return secret

    @command("token.revoke", needs=Role.ADMIN, target="name")
    def revoke_token(self, name: str, *, actor: Actor) -> None:
        """Let a token count no more."""
        if not self._store.revoke_token(name):
            good = ", ".join(token.name for token in self._store.tokens() if token.revoked_at is None) or "none"
            raise NotFoundError(f"no token {name[:80]!r} that still counts; there are: {good}")

    # --- submissions -------------------------------------------------------------------------------------------------

    def _checked(self, spec: JobSpec) -> None:
        """See that a job can be queued.

        Raises:
            InvalidError: unknown job type or bad payload.
        """
        kind = self._job_types.get(spec.job_type)
        if kind is None:
            raise InvalidError(unknown_type(spec.job_type, self._job_types))
        problem = unstorable(spec.payload, "payload") or kind.check(spec)
        if problem is not None:
            raise InvalidError(problem)

    def _prioritised(self, spec: JobSpec) -> JobSpec:
        """A checked submission as it is queued."""
        return self._job_types[spec.job_type].prioritised(spec)

    def submit_many(self, submissions: Sequence[Submission]) -> list[Enqueued | OperationError]:
        """Queue many jobs in one transaction; each is permitted, checked and written down as by ``submit``."""
        answers: dict[int, Enqueued | OperationError] = {}
        # What can be refused is, before the database is held.
        wrong = [number for number, one in enumerate(submissions) if not self._is_fine(one)]
        with self.auditor.together():
            answers |= {number: self._refused(submissions[number]) for number in wrong}
            good = [number for number in range(len(submissions)) if number not in answers]
            try:
                queued = (
                    self._store.enqueue_many([self._prioritised(submissions[number].spec) for number in good])
                    if good
                    else []
                )
            except Exception as error:
                for number in good:
                    self._broken(submissions[number], error)
                raise
            for number, enqueued in zip(good, queued, strict=True):
                one = submissions[number]
                with self.auditor.command(
                    "job.submit",
                    actor=one.actor,
                    needs=Role.OPERATOR,
                    target=enqueued.job.id,
                    detail={"spec": one.spec},
                ):
                    note(created=enqueued.created)
                answers[number] = enqueued
        return [answers[number] for number in range(len(submissions))]

    def _is_fine(self, one: Submission) -> bool:
        if not one.actor.role.covers(Role.OPERATOR):
            return False
        try:
            self._checked(one.spec)
        except OperationError:
            return False
        return True

    def _refused(self, one: Submission) -> OperationError:
        try:
            with self.auditor.command(
                "job.submit", actor=one.actor, needs=Role.OPERATOR, target="", detail={"spec": one.spec}
            ):
                self._checked(one.spec)
        except OperationError as error:
            return error
        raise AssertionError("what was refused a moment ago is permitted now")

    def _broken(self, one: Submission, error: Exception) -> None:
        try:
            with self.auditor.command(
                "job.submit", actor=one.actor, needs=Role.OPERATOR, target="", detail={"spec": one.spec}
            ):
                raise error
        except type(error):
            return

    # --- reads -------------------------------------------------------------------------------------------------------

    def system(self) -> SystemState:
        """Whether there is someone to do the work, and how much there is."""
        leader = self._store.leader(SCHEDULER)
        active = self._store.list(statuses=[JobStatus.PROCESSING], limit=MOST_ACTIVE).items
        return SystemState(
            depth=self._store.depth(),
            processes=tuple(self._store.processes()),
            services=self.services(),
            scheduler=leader.holder if leader is not None else None,
            active=tuple(job.id for job in active),
        )

    def outlook(self, job_id: str) -> JobOutlook:
        """A job by its id, what was done for it, and how long it still takes."""
        try:
            job = self._store.get(job_id)
        except JobNotFoundError as error:
            raise NotFoundError(str(error)) from error
        attempts = tuple(self._store.attempts(job_id=job.id))
        return JobOutlook(job, attempts, self._remaining_s(job, attempts))

    def job_called(self, name: str) -> str | None:
        """The id of the newest job that its caller calls so, or that has this idempotency key; None: there is none."""
        named = self._store.job_named(name)
        if named is not None:
            return named
        job = self._store.by_key(name)
        return None if job is None else job.id

    def name_job(self, name: str, queued: Enqueued) -> None:
        """Let a submission that was taken be found by its caller's own name for it.

        It belongs to the submission, which was permitted and written down. One that was answered before (perhaps to a
        caller who did not hear it) takes the name only if nobody has it.
        """
        if queued.created or self.job_called(name) is None:
            self._store.name_job(name, queued.job.id)

    def _remaining_s(self, job: Job, attempts: Sequence[Attempt]) -> float | None:
        if job.is_final:
            return None
        if job.status is not JobStatus.PROCESSING:
            waits = 0.0 if job.retry_at is None else (job.retry_at - self._clock.now()).total_seconds()
            return max(waits, 0.0) + self.waiting_s()
        newest = attempts[-1].render_id if attempts else None
        views = stage_views([one for one in attempts if one.render_id == newest], job=job)
        return self._seconds_left(views, job)

    def job_of_render(self, render_id: str) -> str:
        """The id of the job that a render is one of."""
        render = self._store.get_render(render_id)
        if render is not None:
            return render.job_id
        try:
            return self._store.get(render_id).id
        except JobNotFoundError as error:
            raise NotFoundError(f"no render and no job {render_id[:80]!r} (or several whose ids start so)") from error

    def waiting_s(self, depth: QueueDepth | None = None) -> float:
        """Estimated seconds that a job which is queued now takes until its end."""
        depth = depth or self._store.depth()
        ahead = depth.of(JobStatus.QUEUED) + depth.of(JobStatus.PROCESSING)
        rounds = ahead // max(self._settings.queue.concurrency, 1)
        return (rounds + 1) * self._seconds_left(())

    def _seconds_left(self, views: Sequence[StageView], job: Job | None = None) -> float:
        now = self._clock.now()
        # A moment from now: what is to start later is foretold without its wait, which ``waiting_s`` adds.
        soon = now + timedelta(microseconds=1)
        at = self.foresight.prediction(views, now=now, starts_at=soon, job=job).p50_at
        return 0.0 if at is None else max((at - now).total_seconds(), 0.0)

    @command("webhook.take", needs=Role.VIEWER, target="about")
    def take_webhook(self, webhook_id: str, *, about: str, forget_after_s: float, actor: Actor) -> bool:
        """Note that a webhook about a job was taken. False: it was taken before."""
        note(target=about)
        fresh = self._store.take_webhook(webhook_id, forget_after_s=forget_after_s)
        if not fresh:
            note(refused="it was taken before")
        return fresh

    def ask_look(self, look_id: str) -> None:
        """Have whichever process waits for remote work under this id look at it now."""
        self._store.ask_look(look_id, fresh_s=FRESH_LOOK_S, forget_after_s=FORGET_LOOK_S)

    def was_looked(self, look_id: str) -> bool:
        """Whether what was asked for was looked at, and what was seen is written down."""
        return self._store.was_looked(look_id)

    def render_log(self, *, after: int | None, limit: int = 1000) -> tuple[Logged, ...]:
        """Attempts in the order they were started, behind place ``after``; None: only the newest one."""
        return tuple(self._store.render_log(after=after, limit=limit))

    def logged(self, attempt_ids: Sequence[str]) -> tuple[Attempt, ...]:
        """These attempts as they are now."""
        return tuple(self._store.logged(attempt_ids)) if attempt_ids else ()
