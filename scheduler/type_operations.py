"""The ``TypeOperations`` of an installation, over its store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from scheduler.auditing import Auditor, command, note
from scheduler.domain.job import JobStatus, QueueConfig
from scheduler.domain.limits import LimitsChange
from scheduler.job_types import JobType
from scheduler.ports.job_types import JobTypeState
from scheduler.ports.operations import Actor, InvalidError, NotFoundError
from scheduler.ports.store import Store


class TypeCommands:
    """See ``TypeOperations``; part of the ``Operations`` over a store."""

    _store: Store
    _job_types: Mapping[str, JobType]

    @property
    def auditor(self) -> Auditor:
        """Writes the lines of commands."""
        raise NotImplementedError

    def job_types(self) -> tuple[JobTypeState, ...]:
        """All types that this installation knows, has limits for or has jobs of, by name."""
        counts = Counter[tuple[JobStatus, str]]()
        for part in self._store.depth().parts:
            counts[part.status, part.job_type] += part.count
        rows = {config.job_type: config for config in self._store.queue_configs()}
        names = {*self._job_types, *rows, *(job_type for _, job_type in counts)}
        return tuple(
            JobTypeState(
                rows.get(name) or self._store.queue_config(name),
                queued=counts[JobStatus.QUEUED, name],
                processing=counts[JobStatus.PROCESSING, name],
            )
            for name in sorted(names)
        )

    @command("type.pause", target="job_type")
    def pause_type(self, job_type: str, *, paused: bool, actor: Actor) -> QueueConfig:
        """Claim nothing of a type any more, or again; what runs, runs on."""
        before = self._known_type(job_type)
        if before.paused is paused:
            note(refused=f"it was {'paused' if paused else 'not paused'} already")
            return before
        return self._store.change_queue_config(job_type, LimitsChange(paused=paused))

    @command("type.limits", target="job_type")
    def set_limits(self, job_type: str, change: LimitsChange, *, actor: Actor) -> QueueConfig:
        """Change the limits of a type; they hold from the next claim and the next failure on."""
        self._known_type(job_type)
        if problem := change.problem():
            raise InvalidError(problem)
        if not change.given:
            raise InvalidError("no limit was given; there are concurrency, timeout_s, max_retries and retry_delay_s")
        return self._store.change_queue_config(job_type, change)

    def _known_type(self, job_type: str) -> QueueConfig:
        for state in self.job_types():
            if state.limits.job_type == job_type:
                return state.limits
        known = ", ".join(state.limits.job_type for state in self.job_types())
        raise NotFoundError(f"no job type {job_type!r} here; there are: {known}")
