"""Taking a look: from operations and store to one ``Observation``. Blocking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from config.settings import Settings
from scheduler.alerting.observation import Observation, OutputLook, RunLook, SlaLook
from scheduler.domain.failure import FailureClass
from scheduler.domain.job import Job, JobStatus, QueueDepth
from scheduler.domain.night import Night, NightOutcome
from scheduler.domain.outbox import ChannelHealth, SocketLook
from scheduler.domain.render import RenderStatus, StageName
from scheduler.domain.schedule import ScheduleState
from scheduler.domain.sla import WINDOWS, on_time
from scheduler.domain.snapshot import Snapshot, Tonight
from scheduler.ports.clock import Clock
from scheduler.ports.store import Store
from scheduler.schedules.due import candidates

ENDED = 60
"""Ended jobs looked back at over all types,"""
ENDED_OF_TYPE = 30
"""and of each type with failed ones,"""
FAILING_TYPES = 20
"""of at most so many types."""
OUTPUT_AGE = timedelta(days=1)
SLA_DAYS = 30


class Gatherer:
    """Puts looks together.

    Args:
        store: jobs, renders, processes, outbox.
        snapshot: what the console shows now.
        runs: the run in sight of every schedule with a deadline, the most urgent first.
        settings: time zone and schedules.
        clock: the time of day.
        channels: those that are set up; others do not matter.
        socket: how Slack's socket is.
        maintenance: services under maintenance, and until when.
    """

    def __init__(
        self,
        store: Store,
        snapshot: Callable[[], Snapshot],
        runs: Callable[[], Sequence[Tonight]],
        settings: Settings,
        clock: Clock,
        *,
        channels: frozenset[str] = frozenset(),
        socket: Callable[[], SocketLook | None] = lambda: None,
        maintenance: Callable[[], dict[str, datetime]] = dict,
    ) -> None:
        self._store = store
        self._snapshot = snapshot
        self._tonights = runs
        self._settings = settings
        self._clock = clock
        self._channels = channels
        self._socket = socket
        self._maintenance = maintenance

    def __call__(self) -> Observation:
        """One look.

        Raises:
            StoreError: the database cannot be used.
        """
        now = self._clock.now()
        shown = self._snapshot()
        ended = self._ended(shown.depth)
        return Observation(
            now=now,
            runs=self._runs(shown, now),
            depth=shown.depth,
            ended=ended,
            outputs=self._outputs(ended, now),
            services=shown.services,
            processes=tuple(self._store.processes()),
            channels=self._channel_health(),
            socket=self._socket(),
            sla=self._sla(shown.schedules, now),
            maintenance=self._maintenance(),
            zone=self._zone(shown.tonight),
        )

    def _zone(self, tonight: Tonight) -> str:
        if tonight.schedule is not None:
            return tonight.timezone
        return next((schedule.timezone for schedule in self._settings.schedules.values()), "UTC")

    def _channel_health(self) -> tuple[ChannelHealth, ...]:
        return tuple(health for health in self._store.channel_health() if health.channel in self._channels)

    def _runs(self, shown: Snapshot, now: datetime) -> tuple[RunLook, ...]:
        states = {state.definition.name: state for state in shown.schedules}
        return tuple(
            RunLook(
                tonight,
                due_at=due_at(states[tonight.schedule], tonight, now),
                ready_at=self._ready_at(tonight.job),
                held=states[tonight.schedule].paused or tonight.run_date in states[tonight.schedule].skip_dates,
            )
            for tonight in self._tonights()
            if tonight.schedule in states
        )

    def _ready_at(self, job: Job | None) -> datetime | None:
        if job is None:
            return None
        done = [r.finished_at for r in self._store.renders(job.id) if r.status is RenderStatus.COMPLETED]
        found = min((at for at in done if at is not None), default=None)
        return found or (job.completed_at if job.status is JobStatus.COMPLETED else None)

    def _sla(self, schedules: tuple[ScheduleState, ...], now: datetime) -> tuple[SlaLook, ...]:
        since = (now - timedelta(days=max(WINDOWS) + 1)).date()
        found: list[SlaLook] = []
        for state in schedules:
            definition = state.definition
            if definition.deadline is None or not definition.enabled:
                continue
            nights = self._store.nights(schedule=definition.name, since=since)
            found.append(sla_look(definition.name, nights, today=now.astimezone(ZoneInfo(definition.timezone)).date()))
        return tuple(found)

    def _ended(self, depth: QueueDepth) -> tuple[Job, ...]:
        """The newest jobs that ended, the last to end first: of all types, and of each that has failed ones.

        Many jobs of one type do not hide that those of another fail.
        """
        ends = (JobStatus.COMPLETED, JobStatus.FAILED)
        failing = sorted({part.job_type for part in depth.parts if part.status is JobStatus.FAILED})
        found = {job.id: job for job in self._store.list(statuses=ends, limit=ENDED).items}
        for job_type in failing[:FAILING_TYPES]:
            page = self._store.list(statuses=ends, job_types=(job_type,), limit=ENDED_OF_TYPE)
            found |= {job.id: job for job in page.items}
        return tuple(sorted(found.values(), key=lambda job: job.completed_at or job.updated_at, reverse=True))

    def _outputs(self, ended: tuple[Job, ...], now: datetime) -> tuple[OutputLook, ...]:
        """The newest ended run of each schedule, if it ended within a day."""
        newest: dict[str, Job] = {}
        for job in ended:
            if job.schedule_name is not None and now - job.updated_at <= OUTPUT_AGE:
                newest.setdefault(job.schedule_name, job)
        return tuple(output_of(job) for job in newest.values())


def due_at(state: ScheduleState, tonight: Tonight, now: datetime) -> datetime | None:
    """When the run should have started; None: it is still to come, or was none of ours."""
    before, _ = candidates(state.definition, now)
    if before is None or before.run_date != tonight.run_date:
        return None
    return before.nominal


def sla_look(schedule: str, nights: Sequence[Night], *, today: date) -> SlaLook:
    """The on-time record of a schedule, of its nights, the newest first."""
    month = on_time(nights, today=today, days=SLA_DAYS)
    missed = next((n for n in nights if n.outcome in {NightOutcome.LATE, NightOutcome.MISSED}), None)
    return SlaLook(
        schedule,
        SLA_DAYS,
        samples=month.n,
        misses=month.late + month.missed,
        # Of a whole window: a young record is not broken by its first miss.
        allowed=(1 - month.target) * SLA_DAYS,
        target=month.target,
        last_miss="" if missed is None else f"{missed.run_date}, {missed.outcome} {missed.note}".rstrip(),
    )


def output_of(job: Job) -> OutputLook:
    """What a job left behind, as far as this machine can see it."""
    error = job.error
    refused = (
        job.status is JobStatus.FAILED
        and error is not None
        and error.type is FailureClass.INVALID_OUTPUT
        and error.stage == StageName.VERIFY.value
    )
    duration = job.payload.get("duration")
    began, ended = job.started_at, job.completed_at
    return OutputLook(
        job,
        exists=_exists(str(job.payload.get("video_url") or "")),
        duration_s=float(duration) if isinstance(duration, int | float) else None,
        render_s=None if began is None or ended is None else (ended - began).total_seconds(),
        problem=error.message if refused and error is not None else None,
    )


def _exists(url: str) -> bool | None:
    """Whether a published file is there; None: it is elsewhere."""
    parts = urlsplit(url)
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"}:
        return None
    path = Path(unquote(parts.path))
    try:
        return path.is_file() and path.stat().st_size > 0
    except OSError:
        return None
