"""What operators and the reaper do to jobs in memory, beside ``memory_jobs``."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from scheduler.domain.job import (
    CANCEL_FAILED,
    CANCEL_QUEUED,
    CLAIM,
    EXPIRE,
    POISON,
    REAP_CANCELLED,
    RERENDER,
    RETRY,
    RETRY_DUE,
    TIME_OUT,
    CancelOutcome,
    Job,
    Priority,
    ReapReport,
    Transition,
)
from scheduler.store.decisions import (
    EXPIRED_WORDS,
    RETRIED_WORDS,
    cancel_outcome,
    poison_error,
    retry_in_s,
    takes_back,
    time_out_error,
)
from scheduler.store.memory_lists import MemoryLists


class MemoryCommands(MemoryLists):
    """What needs no lease."""

    def cancel(self, job_id: str, *, by: str) -> CancelOutcome:
        """See ``JobStore``."""
        with self._lock:
            job = self._exact(job_id)
            now = self._clock.now()
            outcome = cancel_outcome(job)
            if outcome is CancelOutcome.CANCELLED:
                transition = CANCEL_QUEUED if job.status in CANCEL_QUEUED.sources else CANCEL_FAILED
                self._move(job, transition, reason=f"cancelled by {by}", completed_at=now, retry_at=None)
            elif outcome is CancelOutcome.REQUESTED and job.cancel_requested_at is None:
                self._put(replace(job, cancel_requested_at=now, reason=f"cancelled by {by}"))
            return outcome

    def retry(self, job_id: str, *, by: str) -> bool:
        """See ``JobStore``."""
        with self._lock:
            job = self._exact(job_id)
            if job.status not in RETRY.sources:
                return False
            fresh = {"retry_count": 0, "crash_count": 0, "retry_at": None, "completed_at": None, "progress": 0.0}
            self._move(job, RETRY, reason=f"retried by {by}", **fresh)
            return True

    def rerender(self, job_id: str, *, by: str, deadline_at: datetime | None = None) -> bool:
        """See ``JobStore``."""
        with self._lock:
            job = self._exact(job_id)
            if job.status not in RERENDER.sources:
                return False
            for key in [key for key in self._checkpoints if key[0] == job.id]:
                del self._checkpoints[key]
            self._move(
                job,
                RERENDER,
                retry_count=0,
                crash_count=0,
                retry_at=None,
                deadline_at=deadline_at,
                started_at=None,
                completed_at=None,
                error=None,
                progress=0.0,
                degraded=False,
                reason=f"re-rendered by {by}",
            )
            return True

    def set_priority(self, job_id: str, priority: Priority) -> bool:
        """See ``JobStore``."""
        with self._lock:
            job = self._exact(job_id)
            if job.status not in CLAIM.sources:
                return False
            self._put(replace(job, priority=priority))
            return True

    def reap(self) -> ReapReport:
        """See ``JobStore``."""
        taken: dict[str, list[str]] = {}
        with self._lock:
            now = self._clock.now()
            for kept in [job for job in self._jobs.values() if job.status in EXPIRE.sources]:
                job = self._look(kept)
                transition = takes_back(job, now, max_crashes=self._max_crashes)
                if transition is None:
                    continue
                self._take_back(job, transition, now)
                taken.setdefault(transition.name, []).append(job.id)
                self._interrupt(job.id, now)
            for job in [job for job in self._jobs.values() if job.status in RETRY_DUE.sources]:
                if job.retry_at is not None and job.retry_at <= now:
                    count = job.retry_count + 1
                    self._move(job, RETRY_DUE, retry_at=None, retry_count=count, progress=0.0, reason=RETRIED_WORDS)
                    taken.setdefault(RETRY_DUE.name, []).append(job.id)
        return ReapReport(
            expired=tuple(taken.get(EXPIRE.name, ())),
            poisoned=tuple(taken.get(POISON.name, ())),
            timed_out=tuple(taken.get(TIME_OUT.name, ())),
            cancelled=tuple(taken.get(REAP_CANCELLED.name, ())),
            retried=tuple(taken.get(RETRY_DUE.name, ())),
        )

    def _take_back(self, job: Job, transition: Transition, now: datetime) -> None:
        crashes = job.crash_count + 1
        if transition is EXPIRE:
            self._move(job, EXPIRE, crash_count=crashes, progress=0.0, stage=None, reason=EXPIRED_WORDS)
        elif transition is REAP_CANCELLED:
            self._move(job, REAP_CANCELLED, completed_at=now, stage=None)
        elif transition is POISON:
            self._fail_job(replace(job, crash_count=crashes), POISON, poison_error(job, now), None)
        else:
            config = self.queue_config(job.job_type)
            self._fail_job(job, TIME_OUT, time_out_error(job, now, config), retry_in_s(job, config))

    def expire_owner(self, owner: str) -> int:
        """See ``JobStore``."""
        with self._lock:
            held = [job for job in self._jobs.values() if job.status is CLAIM.target and job.lease_owner == owner]
            for job in held:
                self._extend(job, 0.0)
            return len(held)

    def owners(self) -> list[str]:
        """See ``JobStore``."""
        with self._lock:
            return sorted(
                {job.lease_owner for job in self._jobs.values() if job.status is CLAIM.target and job.lease_owner}
            )
