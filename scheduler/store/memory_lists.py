"""Lists, counts and grouped writes over jobs in memory, beside ``memory_jobs``."""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Sequence
from typing import assert_never

from scheduler.domain.filter import Count, Filter, JobSort
from scheduler.domain.job import DepthPart, Enqueued, Job, JobSpec, JobStatus, Lease, QueueDepth
from scheduler.domain.settlement import CancelFinished, Completed, Failed, Released, Settlement
from scheduler.domain.snapshot import Page
from scheduler.filters.predicate import matches
from scheduler.store.decisions import depth_of
from scheduler.store.memory_jobs import MemoryJobs
from scheduler.store.plain import cursor_of, cursor_rank, cursor_seq


class MemoryLists(MemoryJobs):
    """Many jobs at once."""

    def list(
        self,
        *,
        statuses: Sequence[JobStatus] = (),
        job_types: Sequence[str] = (),
        filter: Filter | None = None,  # noqa: A002 - the port's word
        sort: JobSort = JobSort.NEWEST,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Job]:
        """See ``JobStore``."""
        found = self._found(statuses, job_types, filter)
        if sort is JobSort.PRIORITY:
            behind = None if cursor is None else cursor_rank(cursor)
            found = [job for job in sorted(found, key=_place) if behind is None or _place(job) > behind]
        else:
            last = None if cursor is None else cursor_seq(cursor)
            sign = -1 if sort is JobSort.NEWEST else 1
            found = [job for job in found[::sign] if last is None or sign * job.seq > sign * last]
        items = tuple(found[:limit])
        return Page(items, cursor_of(items[-1], sort) if len(found) > limit and items else None)

    def count(
        self,
        *,
        statuses: Sequence[JobStatus] = (),
        job_types: Sequence[str] = (),
        filter: Filter | None = None,  # noqa: A002 - the port's word
        cap: int = 10_000,
    ) -> Count:
        """See ``JobStore``."""
        number = len(self._found(statuses, job_types, filter))
        return Count(min(number, cap), capped=number > cap)

    def _found(
        self, statuses: Sequence[JobStatus], job_types: Sequence[str], wanted: Filter | None
    ) -> builtins.list[Job]:
        with self._lock:
            every = [self._look(job) for job in self._jobs.values()]
        return [
            job
            for job in every
            if (not statuses or job.status in statuses)
            and (not job_types or job.job_type in job_types)
            and (wanted is None or matches(wanted, job))
        ]

    def depth(self) -> QueueDepth:
        """See ``JobStore``."""
        with self._lock:
            counts = Counter((job.status, job.job_type, job.priority) for job in self._jobs.values())
            waiting = [self._queued_at[job.id] for job in self._ordered()]
            age = (self._clock.now() - min(waiting)).total_seconds() if waiting else None
        return depth_of((DepthPart(*key, number) for key, number in sorted(counts.items())), age)

    def enqueue_many(self, specs: Sequence[JobSpec]) -> builtins.list[Enqueued]:
        """See ``JobStore``."""
        with self._lock:
            return [self.enqueue(spec) for spec in specs]

    def settle_and_claim(
        self,
        settlements: Sequence[Settlement],
        owner: str,
        *,
        limit: int,
        lease_s: float,
        cap: int = 10,
        only: Sequence[str] | None = None,
    ) -> tuple[builtins.list[bool], builtins.list[Lease]]:
        """See ``JobStore``."""
        with self._lock:
            answers = [self._settle(one) for one in settlements]
            return answers, self.claim(owner, limit=limit, lease_s=lease_s, cap=cap, only=only)

    def _settle(self, one: Settlement) -> bool:
        match one:
            case Completed(lease, result):
                return self.complete(lease, result)
            case Failed(lease, error, retryable):
                return self.fail(lease, error, retryable=retryable)
            case Released(lease, reason, interrupted):
                return self.release(lease, reason=reason, interrupted=interrupted)
            case CancelFinished(lease):
                return self.finish_cancel(lease)
            case _:
                assert_never(one)


def _place(job: Job) -> tuple[int, int]:
    return job.priority.rank, job.seq
