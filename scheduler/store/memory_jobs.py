"""The queue in memory: the rules of ``scheduler.ports.store.JobStore`` without a database, for tests.

It takes its states from the same ``Transition`` constants and its decisions from the same functions as the SQL store,
and passes the same contract suite.
"""

from __future__ import annotations

import builtins
import json
import threading
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from scheduler.domain.failure import JobError
from scheduler.domain.job import (
    CANCEL_RUNNING,
    CLAIM,
    COMPLETE,
    FAIL,
    POISON,
    RELEASE,
    Enqueued,
    Heartbeat,
    Job,
    JobResult,
    JobSpec,
    JobStatus,
    Lease,
    QueueConfig,
    Transition,
)
from scheduler.domain.limits import LimitsChange
from scheduler.domain.render import Attempt, Checkpoint
from scheduler.ports.clock import Clock
from scheduler.ports.store import JobNotFoundError
from scheduler.store.decisions import (
    Candidate,
    Room,
    interrupted_error,
    pick,
    retry_in_s,
    room,
)
from scheduler.store.plain import json_text, plain_json

NO_LEASE: dict[str, Any] = {
    "lease_owner": None,
    "lease_expires_at": None,
    "time_limit_at": None,
    "cancel_requested_at": None,
}


def by_prefix(ids: Sequence[str], wanted: str) -> list[str]:
    """The id itself, or those that start with it."""
    if wanted in ids:
        return [wanted]
    return [one for one in ids if wanted and one.startswith(wanted)]


class MemoryJobs:
    """Jobs in a dict behind one lock, which stands for the transaction."""

    def __init__(self, clock: Clock, *, max_crashes: int, defaults: QueueConfig) -> None:
        self._clock = clock
        self._max_crashes = max_crashes
        self._defaults = defaults
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        self._own_retries: dict[str, int | None] = {}
        self._queued_at: dict[str, datetime] = {}
        self._configs: dict[str, QueueConfig] = {}
        self._checkpoints: dict[tuple[str, str, str], Checkpoint] = {}
        self._version = 0

    def _interrupt(self, job_id: str, now: datetime) -> None:
        """Overridden where renders are kept."""

    def _end_attempt(self, attempt: Attempt) -> None:
        """Overridden where attempts are kept."""

    def _put(self, job: Job) -> Job:
        self._version += 1
        self._jobs[job.id] = replace(job, updated_at=self._clock.now())
        return self._jobs[job.id]

    def _look(self, job: Job) -> Job:
        """The job with its type's ``max_retries`` where it has none of its own."""
        own = self._own_retries.get(job.id)
        allowed = self.queue_config(job.job_type).max_retries if own is None else own
        return job if job.max_retries == allowed else replace(job, max_retries=allowed)

    def _move(self, job: Job, transition: Transition, **values: Any) -> Job:
        if job.status not in transition.sources:
            raise RuntimeError(f"{transition.name} does not start from {job.status}: job {job.id}")
        if transition.target is not CLAIM.target:
            values = NO_LEASE | values
        if transition.target is JobStatus.QUEUED:
            self._queued_at[job.id] = self._clock.now()
        moved = self._put(replace(job, status=transition.target, **values))
        if moved.status.is_final and moved.retry_at is None:
            self._ended(job, moved)
        return moved

    def _ended(self, before: Job, after: Job) -> None:
        """A job has ended: a place to put what is to be told of it into the outbox."""

    def _fail_job(self, job: Job, transition: Transition, error: JobError, retry_in: float | None) -> None:
        now = self._clock.now()
        retry_at = None if retry_in is None else now + timedelta(seconds=retry_in)
        ended = now if retry_in is None else None
        self._move(job, transition, error=error, retry_at=retry_at, completed_at=ended, stage=None)

    def _held(self, lease: Lease) -> Job | None:
        job = self._jobs.get(lease.job.id)
        fence = (CLAIM.target, lease.owner, lease.attempt)
        if job is None or (job.status, job.lease_owner, job.attempt) != fence:
            return None
        return self._look(job)

    def _exact(self, job_id: str) -> Job:
        if job_id not in self._jobs:
            raise JobNotFoundError(f"no job {job_id}")
        return self._look(self._jobs[job_id])

    def _ordered(self) -> list[Job]:
        queued = (job for job in self._jobs.values() if job.status in CLAIM.sources)
        return sorted(queued, key=lambda job: (job.priority.rank, job.seq))

    # Putting in and looking

    def enqueue(self, spec: JobSpec) -> Enqueued:
        """See ``JobStore``."""
        with self._lock:
            found = self.by_key(spec.idempotency_key) if spec.idempotency_key is not None else None
            if found is not None:
                return Enqueued(found, created=False)
            now = self._clock.now()
            (status,) = CLAIM.sources
            job = Job(
                id=str(uuid.uuid4()),
                seq=len(self._jobs) + 1,
                job_type=spec.job_type,
                priority=spec.priority,
                status=status,
                payload=json.loads(json_text(plain_json(spec.payload))),
                retry_count=0,
                max_retries=self.queue_config(spec.job_type).max_retries
                if spec.max_retries is None
                else spec.max_retries,
                created_at=now,
                updated_at=now,
                idempotency_key=spec.idempotency_key,
                schedule_name=spec.schedule_name,
                run_date=spec.run_date,
                deadline_at=spec.deadline_at,
            )
            self._own_retries[job.id] = spec.max_retries
            self._queued_at[job.id] = now
            return Enqueued(self._look(self._put(job)), created=True)

    def get(self, job_id: str) -> Job:
        """See ``JobStore``."""
        with self._lock:
            match by_prefix(list(self._jobs), job_id):
                case [one]:
                    return self._exact(one)
                case []:
                    raise JobNotFoundError(f"no job has an id that starts with {job_id!r}")
                case _:
                    raise JobNotFoundError(f"more than one job has an id that starts with {job_id!r}; give more of it")

    def by_key(self, idempotency_key: str) -> Job | None:
        """See ``JobStore``."""
        with self._lock:
            found = (job for job in self._jobs.values() if job.idempotency_key == idempotency_key)
            job = next(found, None)
            return None if job is None else self._look(job)

    def checkpoints(self, job_id: str) -> builtins.list[Checkpoint]:
        """See ``JobStore``."""
        with self._lock:
            return [checkpoint for checkpoint in self._checkpoints.values() if checkpoint.job_id == job_id]

    def queue_config(self, job_type: str) -> QueueConfig:
        """See ``JobStore``."""
        with self._lock:
            return self._configs.get(job_type) or replace(self._defaults, job_type=job_type)

    def add_queue_config(self, config: QueueConfig) -> bool:
        """See ``JobStore``."""
        with self._lock:
            if config.job_type in self._configs:
                return False
            self.put_queue_config(config)
            return True

    def put_queue_config(self, config: QueueConfig) -> None:
        """See ``JobStore``."""
        with self._lock:
            self._version += 1
            self._configs[config.job_type] = config

    def change_queue_config(self, job_type: str, change: LimitsChange) -> QueueConfig:
        """See ``JobStore``."""
        with self._lock:
            self.put_queue_config(replace(self.queue_config(job_type), **change.given))
            return self._configs[job_type]

    def queue_configs(self) -> builtins.list[QueueConfig]:
        """See ``JobStore``."""
        with self._lock:
            return [self._configs[name] for name in sorted(self._configs)]

    def data_version(self) -> int:
        """See ``JobStore``."""
        return self._version

    # Under a lease

    def claim(
        self, owner: str, *, limit: int, lease_s: float, cap: int = 10, only: Sequence[str] | None = None
    ) -> builtins.list[Lease]:
        """See ``JobStore``."""
        with self._lock:
            now = self._clock.now()
            processing = Counter(job.job_type for job in self._jobs.values() if job.status is CLAIM.target)
            space = room(processing, self._configs, cap=cap, default=self._defaults)
            queued = [job for job in self._ordered() if only is None or job.id in only]
            candidates = [Candidate(job.seq, job.job_type) for job in queued]
            bounded = Room(min(space.total, limit), space.by_type)
            picked, _ = pick(candidates, bounded, default_concurrency=self._defaults.concurrency)
            seqs = {candidate.seq for candidate in picked}
            return [self._lease(job, owner, now, lease_s) for job in queued if job.seq in seqs]

    def _lease(self, job: Job, owner: str, now: datetime, lease_s: float) -> Lease:
        timeout_s = self.queue_config(job.job_type).timeout_s
        taken = self._move(
            job,
            CLAIM,
            lease_owner=owner,
            lease_expires_at=now + timedelta(seconds=lease_s),
            attempt=job.attempt + 1,
            started_at=job.started_at or now,
            time_limit_at=now + timedelta(seconds=timeout_s) if timeout_s > 0 else None,
            retry_at=None,
            progress=0.0,
            stage=None,
            reason=None,
        )
        return Lease(self._look(taken), owner, taken.attempt)

    def _extend(self, job: Job, lease_s: float, **values: Any) -> None:
        self._put(replace(job, lease_expires_at=self._clock.now() + timedelta(seconds=lease_s), **values))

    def heartbeat(
        self, lease: Lease, *, lease_s: float, progress: float | None = None, stage: str | None = None
    ) -> Heartbeat:
        """See ``JobStore``."""
        with self._lock:
            job = self._held(lease)
            if job is None:
                return Heartbeat(held=False)
            self._extend(
                job, lease_s, progress=job.progress if progress is None else progress, stage=stage or job.stage
            )
            return Heartbeat(held=True, cancel_requested=job.cancel_requested_at is not None)

    def save_checkpoint(
        self, lease: Lease, checkpoint: Checkpoint, *, lease_s: float, attempt: Attempt | None = None
    ) -> bool:
        """See ``JobStore``."""
        with self._lock:
            job = self._held(lease)
            if job is None:
                return False
            self._extend(job, lease_s)
            key = (job.id, checkpoint.stage.value, checkpoint.part)
            self._checkpoints.pop(key, None)
            self._checkpoints[key] = replace(
                checkpoint, job_id=job.id, attempt=lease.attempt, created_at=self._clock.now()
            )
            if attempt is not None:
                self._end_attempt(attempt)
            return True

    def complete(self, lease: Lease, result: JobResult) -> bool:
        """See ``JobStore``."""
        with self._lock:
            job = self._held(lease)
            if job is None:
                return False
            gained = {
                "video_url": result.video_url,
                "thumbnail_url": result.thumbnail_url,
                "duration": result.duration,
            }
            self._move(
                job,
                COMPLETE,
                payload={**job.payload, **gained},
                completed_at=self._clock.now(),
                error=None,
                reason=None,
                progress=1.0,
                stage=None,
                degraded=result.degraded,
            )
            return True

    def update_result(
        self, job_id: str, result: JobResult, *, replaces: str, upgraded_at: datetime | None = None
    ) -> bool:
        """See ``JobStore``."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or job.status is not COMPLETE.target or job.payload.get("video_url") != replaces:
                return False
            gained = {
                "video_url": result.video_url,
                "thumbnail_url": result.thumbnail_url,
                "duration": result.duration,
            }
            when = (
                {} if upgraded_at is None else {"upgraded_at": upgraded_at.isoformat(), "upgraded_attempt": job.attempt}
            )
            self._put(replace(job, payload={**job.payload, **gained, **when}, degraded=result.degraded))
            return True

    def fail(self, lease: Lease, error: JobError, *, retryable: bool) -> bool:
        """See ``JobStore``."""
        with self._lock:
            job = self._held(lease)
            if job is None:
                return False
            if job.cancel_requested_at is not None:
                self._move(job, CANCEL_RUNNING, completed_at=self._clock.now(), error=error, stage=None)
                return True
            self._fail_job(job, FAIL, error, retry_in_s(job, self.queue_config(job.job_type)) if retryable else None)
            return True

    def release(self, lease: Lease, *, reason: str, interrupted: bool = False) -> bool:
        """See ``JobStore``."""
        with self._lock:
            job = self._held(lease)
            if job is None:
                return False
            if job.cancel_requested_at is not None:
                self._move(job, CANCEL_RUNNING, completed_at=self._clock.now(), stage=None)
            elif interrupted and job.crash_count + 1 >= self._max_crashes:
                counted = replace(job, crash_count=job.crash_count + 1)
                self._fail_job(counted, POISON, interrupted_error(job, reason, self._clock.now()), None)
            else:
                crashes = job.crash_count + interrupted
                self._move(job, RELEASE, reason=reason, crash_count=crashes, progress=0.0, stage=None)
            return True

    def finish_cancel(self, lease: Lease) -> bool:
        """See ``JobStore``."""
        with self._lock:
            job = self._held(lease)
            if job is None:
                return False
            self._move(job, CANCEL_RUNNING, completed_at=self._clock.now(), stage=None)
            return True

    def holds(self, lease: Lease) -> bool:
        """See ``JobStore``."""
        with self._lock:
            job = self._held(lease)
            return job is not None and job.lease_expires_at is not None and job.lease_expires_at > self._clock.now()
