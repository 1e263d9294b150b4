"""Stores: where the truth is kept. Synchronous and thread-safe; the engine calls them off the event loop.

Every method is one transaction. Methods under a lease answer False (or ``Heartbeat(held=False)``) when the lease is
lost and then have changed nothing. A store raises ``StoreError`` when the database cannot do its work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Protocol

from scheduler.domain.failure import FailureRecord, JobError
from scheduler.domain.filter import Count, Filter, JobSort
from scheduler.domain.fingerprint import FailureGroup
from scheduler.domain.job import (
    CancelOutcome,
    Enqueued,
    Heartbeat,
    Job,
    JobResult,
    JobSpec,
    JobStatus,
    Lease,
    Priority,
    QueueConfig,
    QueueDepth,
    ReapReport,
)
from scheduler.domain.leader import Leader
from scheduler.domain.limits import LimitsChange
from scheduler.domain.render import Attempt, Checkpoint, Render, RenderStatus
from scheduler.domain.schedule import Fire, ScheduleDefinition, ScheduleState
from scheduler.domain.service import Maintenance, Probe, Rollup, ServiceTransition
from scheduler.domain.settlement import Settlement
from scheduler.domain.snapshot import Page, ProcessInfo
from scheduler.ports.alert_store import AlertStore
from scheduler.ports.api_store import ApiStore
from scheduler.ports.audit import AuditStore
from scheduler.ports.history import HistoryStore
from scheduler.ports.nights import NightStore
from scheduler.ports.outbox import OutboxStore


class StoreError(Exception):
    """The database cannot be used; the message says what is wrong and what to do.

    ::

        StoreError
          StoreUnavailableError   unreachable, locked for too long, unwritable, full
            StoreReplacedError    its file was deleted or replaced while it was open: start anew
          StoreCorruptError       the file is damaged or is no database
          SchemaError             its schema is older or newer than this program
        JobNotFoundError          no job (or more than one) matches the id
    """


class StoreUnavailableError(StoreError):
    """The database cannot be reached or written now."""


class StoreReplacedError(StoreUnavailableError):
    """The database's file was deleted or replaced: what is open is no longer what its name leads to."""


class StoreCorruptError(StoreError):
    """The database is damaged."""


class SchemaError(StoreError):
    """The database's schema does not fit this program."""


class JobNotFoundError(LookupError):
    """No job matches an id or prefix, or a prefix matches more than one; the message says which."""


class JobStore(Protocol):
    """The queue's truth (engine.md)."""

    def enqueue(self, spec: JobSpec) -> Enqueued:
        """Insert a queued job, or answer the one that has the idempotency key already."""
        ...

    def enqueue_many(self, specs: Sequence[JobSpec]) -> list[Enqueued]:
        """Insert many jobs in one transaction, in their order; each is answered as ``enqueue`` would have."""
        ...

    def settle_and_claim(
        self,
        settlements: Sequence[Settlement],
        owner: str,
        *,
        limit: int,
        lease_s: float,
        cap: int = 10,
        only: Sequence[str] | None = None,
    ) -> tuple[list[bool], list[Lease]]:
        """End several leases and claim up to ``limit`` jobs, in one transaction; ``limit=0`` claims nothing.

        Returns:
            For each settlement whether its lease still held (False: nothing of it was written), and the new leases.
        """
        ...

    def claim(
        self, owner: str, *, limit: int, lease_s: float, cap: int = 10, only: Sequence[str] | None = None
    ) -> list[Lease]:
        """Take up to ``limit`` queued jobs, high priority first, then first in first out.

        Never more than ``cap`` jobs are processing over all workers, nor more of one type than its
        ``QueueConfig.concurrency``; types that are paused are left. Sets ``time_limit_at`` from the type's time-out.
        With ``only``, no other jobs than those with these ids.
        """
        ...

    def heartbeat(
        self, lease: Lease, *, lease_s: float, progress: float | None = None, stage: str | None = None
    ) -> Heartbeat:
        """Extend the lease to ``lease_s`` seconds from now, and keep what the console shows."""
        ...

    def save_checkpoint(
        self, lease: Lease, checkpoint: Checkpoint, *, lease_s: float, attempt: Attempt | None = None
    ) -> bool:
        """Keep a stage's output (or a part of it) and extend the lease, in one transaction.

        With ``attempt`` also how the call that made it ended (``RenderStore.finish_attempt``).
        """
        ...

    def complete(self, lease: Lease, result: JobResult) -> bool:
        """The video is out: merge the result into the payload."""
        ...

    def update_result(
        self, job_id: str, result: JobResult, *, replaces: str, upgraded_at: datetime | None = None
    ) -> bool:
        """Give a completed job another address for its video: the same video, published somewhere better.

        With ``upgraded_at`` a better video, noted in the payload as ``upgraded_at`` and ``upgraded_attempt``.

        False: nothing was changed, because the job is gone, not completed, or has another ``video_url`` than
        ``replaces`` (it was made anew in the meantime).
        """
        ...

    def fail(self, lease: Lease, error: JobError, *, retryable: bool) -> bool:
        """The pass failed: set ``retry_at`` by the type's settings if it may be retried and tries are left."""
        ...

    def release(self, lease: Lease, *, reason: str, interrupted: bool = False) -> bool:
        """Give the job back unfinished; it counts neither as a retry nor as a crash.

        ``interrupted``: the database failed under it. That counts as a crash, and too many of them end the job.
        """
        ...

    def finish_cancel(self, lease: Lease) -> bool:
        """The worker has stopped what an operator cancelled."""
        ...

    def holds(self, lease: Lease) -> bool:
        """Whether the lease is still good, asked just before publishing (engine rule 4)."""
        ...

    def cancel(self, job_id: str, *, by: str) -> CancelOutcome:
        """Cancel a queued or waiting job at once; ask a running one to stop."""
        ...

    def retry(self, job_id: str, *, by: str) -> bool:
        """Queue a failed or cancelled job again, count reset, checkpoints kept. False: its state does not allow it."""
        ...

    def rerender(self, job_id: str, *, by: str, deadline_at: datetime | None = None) -> bool:
        """Queue an ended job again, count reset, checkpoints dropped, with a new deadline (None: without one).

        False: its state does not allow it.
        """
        ...

    def set_priority(self, job_id: str, priority: Priority) -> bool:
        """Change the priority of a queued job. False: it is not queued."""
        ...

    def reap(self) -> ReapReport:
        """Take back leases that ran out, end what ran out of time or of luck, queue retries that are due."""
        ...

    def expire_owner(self, owner: str) -> int:
        """Let every lease of ``owner`` run out now (its process is known to be dead); how many."""
        ...

    def owners(self) -> list[str]:
        """Owners of the leases that are out now."""
        ...

    def get(self, job_id: str) -> Job:
        """The job with this id or unique prefix of it.

        Raises:
            JobNotFoundError: none, or several.
        """
        ...

    def by_key(self, idempotency_key: str) -> Job | None:
        """The job with this idempotency key."""
        ...

    def list(
        self,
        *,
        statuses: Sequence[JobStatus] = (),
        job_types: Sequence[str] = (),
        filter: Filter | None = None,  # noqa: A002 - the word of the command line and of HTTP
        sort: JobSort = JobSort.NEWEST,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Job]:
        """Jobs by keyset pages, newest first unless ``sort`` says otherwise; what is empty does not filter."""
        ...

    def count(
        self,
        *,
        statuses: Sequence[JobStatus] = (),
        job_types: Sequence[str] = (),
        filter: Filter | None = None,  # noqa: A002 - as for list
        cap: int = 10_000,
    ) -> Count:
        """How many jobs ``list`` would find; counting stops at ``cap``."""
        ...

    def depth(self) -> QueueDepth:
        """How many jobs are in which state."""
        ...

    def checkpoints(self, job_id: str) -> list[Checkpoint]:
        """All checkpoints of a job, parts too."""
        ...

    def queue_config(self, job_type: str) -> QueueConfig:
        """The limits of a job type; defaults where the table has no row."""
        ...

    def add_queue_config(self, config: QueueConfig) -> bool:
        """Insert the limits of a job type that has none yet; an operator's are left as they are (False)."""
        ...

    def put_queue_config(self, config: QueueConfig) -> None:
        """Insert or replace the limits of a job type."""
        ...

    def change_queue_config(self, job_type: str, change: LimitsChange) -> QueueConfig:
        """Change some limits of a job type, whoever changes others meanwhile; what holds then."""
        ...

    def queue_configs(self) -> list[QueueConfig]:
        """The limits of the job types that have some of their own, by name."""
        ...

    def data_version(self) -> int:
        """A number that changes whenever any process has written; cheap enough to poll (console.md)."""
        ...


class RenderStore(Protocol):
    """Renders and their logs. Written under the job's lease: False means that it is lost."""

    def start_render(self, lease: Lease, *, correlation_id: str) -> Render | None:
        """Begin a render; an earlier one of the job that still runs becomes INTERRUPTED. None: the lease is lost."""
        ...

    def finish_render(
        self,
        render_id: str,
        status: RenderStatus,
        *,
        degraded: bool = False,
        video_url: str | None = None,
        thumbnail_url: str | None = None,
        duration_s: float | None = None,
    ) -> None:
        """End a render that still runs; an ended one is left as it is. Open attempts of it end as failed, CANCELLED."""
        ...

    def start_attempt(self, attempt: Attempt) -> None:
        """Insert a row of ``render_logs``; one that is there already is left as it is, so that this may be repeated."""
        ...

    def finish_attempt(self, attempt: Attempt) -> None:
        """Write how the attempt ended."""
        ...

    def record_failure(self, failure: FailureRecord) -> None:
        """Insert a row of ``render_failures``."""
        ...

    def resolve_failures(self, fingerprint: str, *, by: str) -> int:
        """Note that the failures of a group are seen to; how many stood.

        Those of a job that a later render has made are resolved by that (``finish_render``).
        """
        ...

    def renders(self, job_id: str) -> list[Render]:
        """Renders of a job, oldest first."""
        ...

    def get_render(self, render_id: str) -> Render | None:
        """The render with this id or unique prefix of it."""
        ...

    def attempts(
        self, *, job_id: str | None = None, render_id: str | None = None, after: str | None = None
    ) -> list[Attempt]:
        """Attempts oldest first; ``after`` is the id of the last one already seen."""
        ...

    def failures(self, job_id: str) -> list[FailureRecord]:
        """Failures of a job's renders, oldest first."""
        ...

    def failure_groups(self, *, limit: int = 50) -> list[FailureGroup]:
        """The same failures over all renders, the one that happened last first."""
        ...

    def stage_durations(self, *, limit: int = 30) -> dict[tuple[str, str], list[float]]:
        """Seconds of the last ``limit`` completed attempts, by (stage, provider), newest first."""
        ...


class ScheduleStore(Protocol):
    """Schedules: the table is the truth, the timer only looks (engine.md, APScheduler)."""

    def sync_schedules(self, definitions: Sequence[ScheduleDefinition], *, now: datetime) -> None:
        """Make the table say what the config says, keeping operators' changes. A new one's ``last_fire`` is ``now``."""
        ...

    def schedules(self) -> list[ScheduleState]:
        """All schedules, by name."""
        ...

    def fire(self, fire: Fire, spec: JobSpec) -> Enqueued | None:
        """Insert the job and advance ``last_fire``, in one transaction. None: another process already did."""
        ...

    def advance(self, schedule: str, to: datetime) -> None:
        """Move ``last_fire`` forward without a job (skipped, or older than the catch-up window)."""
        ...

    def rewind(self, schedule: str, to: datetime, *, expected: datetime) -> bool:
        """Move ``last_fire`` back from a future that a wrong clock made. False: it is not ``expected`` any more."""
        ...

    def set_paused(self, schedule: str, *, paused: bool) -> bool:
        """An operator's pause or resume. False: no such schedule."""
        ...

    def set_skip_dates(self, schedule: str, dates: Sequence[date]) -> bool:
        """Replace the skipped run dates. False: no such schedule."""
        ...


class ProbeStore(Protocol):
    """Results of health checks."""

    def add_probe(self, probe: Probe) -> None:
        """Keep one probe."""
        ...

    def probes(self, service: str, *, limit: int = 60) -> list[Probe]:
        """The last probes of a service, oldest first."""
        ...

    def prune_probes(self, *, before: datetime) -> int:
        """Delete older probes; how many."""
        ...


class HealthStore(ProbeStore, Protocol):
    """What becomes of probes, and what operators say of services."""

    def probes_between(self, service: str, since: datetime, until: datetime) -> list[Probe]:
        """Probes from ``since`` until before ``until``, oldest first."""
        ...

    def put_rollups(self, rollups: Sequence[Rollup]) -> None:
        """Keep roll-ups; one that is there already is replaced."""
        ...

    def rollups(self, service: str, span_s: int, *, limit: int = 24) -> list[Rollup]:
        """The last roll-ups of a service, oldest first."""
        ...

    def prune_rollups(self, span_s: int, *, before: datetime) -> int:
        """Delete older ones; how many."""
        ...

    def add_transition(self, transition: ServiceTransition) -> bool:
        """Keep a change of state. False: the last one kept leads to the same state (another process saw it too)."""
        ...

    def transitions(self, service: str, *, limit: int = 20) -> list[ServiceTransition]:
        """The last changes of a service, newest first."""
        ...

    def set_maintenance(self, service: str, *, for_s: float, by: str) -> Maintenance:
        """Take a service out for so many seconds from now, by the database's clock; replaces what was set."""
        ...

    def end_maintenance(self, service: str) -> bool:
        """Take it in again. False: it was not out."""
        ...

    def maintenance(self) -> list[Maintenance]:
        """Services that are out now."""
        ...


class ProcessStore(Protocol):
    """Daemons and workers report here, so that the console can tell a dead one."""

    def beat(self, process_id: str, *, kind: str, host: str, pid: int, started_at: datetime) -> None:
        """Insert the process or renew its beat."""
        ...

    def forget_process(self, process_id: str) -> None:
        """It has stopped in good order."""
        ...

    def processes(self, *, fresh_s: float = 30.0) -> list[ProcessInfo]:
        """All processes, freshest first; ``alive`` where the beat is younger than ``fresh_s`` seconds.

        One of this machine that no longer runs is not alive, however young its beat.
        """
        ...


class LeaderStore(Protocol):
    """Who does what only one of several daemons should do. Judged by the database's clock."""

    def lead(self, role: str, holder: str, *, ttl_s: float) -> Leader | None:
        """Take or keep a role for ``ttl_s`` seconds. None: someone else has it."""
        ...

    def leader(self, role: str) -> Leader | None:
        """Who has a role now; None: nobody, or its time is up."""
        ...

    def resign(self, role: str, holder: str) -> bool:
        """Give a role up, or take it from a holder that is known to be dead. False: it had it no more."""
        ...


class Store(
    HistoryStore,
    JobStore,
    RenderStore,
    ScheduleStore,
    HealthStore,
    ProcessStore,
    LeaderStore,
    NightStore,
    AuditStore,
    ApiStore,
    OutboxStore,
    AlertStore,
    Protocol,
):
    """All of it over one database."""

    def close(self) -> None:
        """Let go of the database."""
        ...


Narrate = Callable[[str], None]
"""Where progress for people goes, one line a call."""
