"""Renders, schedules, probes and processes in memory, beside ``memory_jobs``."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from scheduler.domain.failure import FailureClass, FailureRecord
from scheduler.domain.fingerprint import FailureGroup
from scheduler.domain.fingerprint import fingerprint as fingerprint_of
from scheduler.domain.job import Enqueued, JobSpec, Lease, QueueConfig
from scheduler.domain.render import Attempt, AttemptStatus, Render, RenderStatus
from scheduler.domain.schedule import Fire, ScheduleDefinition, ScheduleState
from scheduler.domain.service import Probe
from scheduler.domain.snapshot import ProcessInfo
from scheduler.ports.clock import Clock
from scheduler.ports.store import StoreError
from scheduler.store.decisions import ENDED_WORDS, INTERRUPTED_WORDS, by_render, milliseconds
from scheduler.store.memory_commands import MemoryCommands
from scheduler.store.memory_jobs import by_prefix


class MemoryRecords(MemoryCommands):
    """The rest of the store in dicts."""

    def __init__(self, clock: Clock, *, max_crashes: int, defaults: QueueConfig) -> None:
        super().__init__(clock, max_crashes=max_crashes, defaults=defaults)
        self._renders: dict[str, Render] = {}
        self._attempts: dict[str, Attempt] = {}
        self._failures: list[FailureRecord] = []
        self._failed_at: list[datetime] = []
        self._resolved: dict[int, str] = {}
        """Who has resolved a failure, by its place."""
        self._schedules: dict[str, ScheduleState] = {}
        self._declared: set[str] = set()
        self._probes: list[Probe] = []
        self._processes: dict[str, ProcessInfo] = {}

    # Renders

    def _interrupt(self, job_id: str, now: datetime) -> None:
        for render in self.renders(job_id):
            if render.status is RenderStatus.RUNNING:
                ended = replace(render, status=RenderStatus.INTERRUPTED, finished_at=now)
                self._renders[render.id] = ended
                self._fail_open(render.id, now, FailureClass.UNKNOWN, INTERRUPTED_WORDS)

    def _end_attempt(self, attempt: Attempt) -> None:
        kept = self._attempts.get(attempt.id)
        if kept is not None and kept.status is AttemptStatus.STARTED:
            self._version += 1
            self._attempts[attempt.id] = replace(attempt, started_at=kept.started_at)

    def _fail_open(self, render_id: str, now: datetime, kind: FailureClass, message: str) -> None:
        for attempt in self.attempts(render_id=render_id):
            if attempt.status is AttemptStatus.STARTED:
                self._attempts[attempt.id] = replace(
                    attempt,
                    status=AttemptStatus.FAILED,
                    error_class=kind,
                    error_message=message,
                    duration_ms=milliseconds(attempt.started_at, now),
                )

    def start_render(self, lease: Lease, *, correlation_id: str) -> Render | None:
        """See ``RenderStore``."""
        with self._lock:
            job = self._held(lease)
            if job is None:
                return None
            now = self._clock.now()
            self._interrupt(job.id, now)
            self._version += 1
            render = Render(
                id=str(uuid.uuid4()),
                job_id=job.id,
                number=len(self.renders(job.id)) + 1,
                attempt=lease.attempt,
                status=RenderStatus.RUNNING,
                started_at=now,
                correlation_id=correlation_id,
            )
            self._renders[render.id] = render
            return render

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
        """See ``RenderStore``."""
        with self._lock:
            render = self._renders.get(render_id)
            if render is None or render.status is not RenderStatus.RUNNING:
                return
            now = self._clock.now()
            self._version += 1
            self._renders[render_id] = replace(
                render,
                status=status,
                finished_at=now,
                degraded=degraded,
                video_url=video_url,
                thumbnail_url=thumbnail_url,
                duration_s=duration_s,
            )
            self._fail_open(render_id, now, FailureClass.CANCELLED, ENDED_WORDS)
            if status is RenderStatus.COMPLETED:
                theirs = {one.id for one in self.renders(render.job_id)}
                self._resolve(lambda failure: failure.render_id in theirs, by_render(render.number))

    def start_attempt(self, attempt: Attempt) -> None:
        """See ``RenderStore``."""
        with self._lock:
            if attempt.render_id not in self._renders:
                raise StoreError(f"attempt {attempt.id} has no render {attempt.render_id}")
            if attempt.id in self._attempts:
                return
            self._version += 1
            self._attempts[attempt.id] = attempt

    def finish_attempt(self, attempt: Attempt) -> None:
        """See ``RenderStore``."""
        with self._lock:
            self._end_attempt(attempt)

    def record_failure(self, failure: FailureRecord) -> None:
        """See ``RenderStore``."""
        with self._lock:
            if failure.render_id not in self._renders:
                raise StoreError(f"a failure names render {failure.render_id}, which is not there")
            self._version += 1
            self._failures.append(failure)
            self._failed_at.append(self._clock.now())

    def resolve_failures(self, fingerprint: str, *, by: str) -> int:
        """See ``RenderStore``."""
        with self._lock:
            return self._resolve(lambda failure: fingerprint_of(failure) == fingerprint, by)

    def _resolve(self, which: Callable[[FailureRecord], bool], by: str) -> int:
        open_ones = [n for n, one in enumerate(self._failures) if n not in self._resolved and which(one)]
        self._resolved.update(dict.fromkeys(open_ones, by))
        self._version += bool(open_ones)
        return len(open_ones)

    def failure_groups(self, *, limit: int = 50) -> list[FailureGroup]:
        """See ``RenderStore``."""
        with self._lock:
            found: dict[str, FailureGroup] = {}
            for number, (failure, at) in enumerate(zip(self._failures, self._failed_at, strict=True)):
                key = fingerprint_of(failure)
                before = found.pop(key, None)
                found[key] = FailureGroup(
                    fingerprint=key,
                    failure_reason=failure.failure_reason,
                    stage=failure.stage,
                    provider=failure.provider,
                    message=failure.message,
                    count=1 if before is None else before.count + 1,
                    first_at=at if before is None else before.first_at,
                    last_at=at,
                    job_id=self._renders[failure.render_id].job_id,
                    unresolved=(0 if before is None else before.unresolved) + (number not in self._resolved),
                )
            return list(found.values())[::-1][:limit]

    def renders(self, job_id: str) -> list[Render]:
        """See ``RenderStore``."""
        with self._lock:
            return [render for render in self._renders.values() if render.job_id == job_id]

    def get_render(self, render_id: str) -> Render | None:
        """See ``RenderStore``."""
        with self._lock:
            found = by_prefix(list(self._renders), render_id)
            return self._renders[found[0]] if len(found) == 1 else None

    def attempts(
        self, *, job_id: str | None = None, render_id: str | None = None, after: str | None = None
    ) -> list[Attempt]:
        """See ``RenderStore``."""
        with self._lock:
            every = list(self._attempts.values())
            ids = list(self._attempts)
        seen = ids.index(after) + 1 if after in ids else 0
        return [
            attempt
            for attempt in every[seen:]
            if (job_id is None or attempt.job_id == job_id) and (render_id is None or attempt.render_id == render_id)
        ]

    def failures(self, job_id: str) -> list[FailureRecord]:
        """See ``RenderStore``."""
        with self._lock:
            return [failure for failure in self._failures if self._renders[failure.render_id].job_id == job_id]

    def stage_durations(self, *, limit: int = 30) -> dict[tuple[str, str], list[float]]:
        """See ``RenderStore``."""
        found: dict[tuple[str, str], list[float]] = {}
        for attempt in reversed(self.attempts()):
            if attempt.status is AttemptStatus.COMPLETED and not attempt.resumed and attempt.duration_ms is not None:
                kept = found.setdefault((attempt.stage.value, attempt.provider), [])
                if len(kept) < limit:
                    kept.append(attempt.duration_ms / 1000)
        return found

    # Schedules

    def sync_schedules(self, definitions: Sequence[ScheduleDefinition], *, now: datetime) -> None:
        """See ``ScheduleStore``."""
        with self._lock:
            self._version += 1
            for definition in definitions:
                name = definition.name
                kept = self._schedules.get(name, ScheduleState(definition))
                last_fire = kept.last_fire if name in self._declared else now
                self._schedules[name] = replace(kept, definition=definition, last_fire=last_fire)
            self._declared = {definition.name for definition in definitions}

    def schedules(self) -> list[ScheduleState]:
        """See ``ScheduleStore``."""
        with self._lock:
            return [self._schedules[name] for name in sorted(self._declared)]

    def fire(self, fire: Fire, spec: JobSpec) -> Enqueued | None:
        """See ``ScheduleStore``."""
        with self._lock:
            if not self._advance(fire.schedule, fire.nominal):
                return None
            enqueued = self.enqueue(replace(spec, idempotency_key=spec.idempotency_key or fire.key))
            self._schedules[fire.schedule] = replace(self._schedules[fire.schedule], last_job_id=enqueued.job.id)
            return enqueued

    def advance(self, schedule: str, to: datetime) -> None:
        """See ``ScheduleStore``."""
        with self._lock:
            self._advance(schedule, to)

    def _advance(self, schedule: str, to: datetime) -> bool:
        if schedule not in self._declared:
            return False
        kept = self._schedules[schedule]
        if kept.last_fire is not None and kept.last_fire >= to:
            return False
        self._version += 1
        self._schedules[schedule] = replace(kept, last_fire=to)
        return True

    def rewind(self, schedule: str, to: datetime, *, expected: datetime) -> bool:
        """See ``ScheduleStore``."""
        with self._lock:
            kept = self._schedules.get(schedule)
            if kept is None or schedule not in self._declared or kept.last_fire != expected:
                return False
            self._version += 1
            self._schedules[schedule] = replace(kept, last_fire=to)
            return True

    def set_paused(self, schedule: str, *, paused: bool) -> bool:
        """See ``ScheduleStore``."""
        with self._lock:
            if schedule not in self._declared:
                return False
            self._version += 1
            self._schedules[schedule] = replace(self._schedules[schedule], paused=paused)
            return True

    def set_skip_dates(self, schedule: str, dates: Sequence[date]) -> bool:
        """See ``ScheduleStore``."""
        with self._lock:
            if schedule not in self._declared:
                return False
            self._version += 1
            self._schedules[schedule] = replace(self._schedules[schedule], skip_dates=tuple(sorted(set(dates))))
            return True

    # Probes and processes

    def add_probe(self, probe: Probe) -> None:
        """See ``ProbeStore``."""
        with self._lock:
            self._version += 1
            self._probes.append(probe)

    def probes(self, service: str, *, limit: int = 60) -> list[Probe]:
        """See ``ProbeStore``."""
        with self._lock:
            return [probe for probe in self._probes if probe.service == service][-limit:]

    def prune_probes(self, *, before: datetime) -> int:
        """See ``ProbeStore``."""
        with self._lock:
            kept = [probe for probe in self._probes if probe.at >= before]
            removed = len(self._probes) - len(kept)
            self._version += 1
            self._probes = kept
            return removed

    def beat(self, process_id: str, *, kind: str, host: str, pid: int, started_at: datetime) -> None:
        """See ``ProcessStore``."""
        with self._lock:
            self._version += 1
            self._processes[process_id] = ProcessInfo(
                process_id, kind, host, pid, started_at, beat_at=self._clock.now(), alive=True
            )

    def forget_process(self, process_id: str) -> None:
        """See ``ProcessStore``."""
        with self._lock:
            self._version += 1
            self._processes.pop(process_id, None)

    def processes(self, *, fresh_s: float = 30.0) -> list[ProcessInfo]:
        """See ``ProcessStore``."""
        with self._lock:
            oldest = self._clock.now() - timedelta(seconds=fresh_s)
            newest_first = sorted(self._processes.values(), key=lambda process: process.beat_at, reverse=True)
            return [replace(process, alive=process.beat_at > oldest) for process in newest_first]
