"""``Operations`` as they would have answered at a past moment: what the console reads while it looks back.

Verdict, stages, queue, services and newest jobs come from the black box; what the database keeps with its times (calls,
probes, alerts, the audit trail) is told as it stood then. Nothing can be changed through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from scheduler.domain.alert import Alert, AlertState
from scheduler.domain.audit import AuditLine
from scheduler.domain.filter import Count, JobSort
from scheduler.domain.fingerprint import FailureGroup
from scheduler.domain.job import Job, JobStatus, QueueDepth
from scheduler.domain.night import Night
from scheduler.domain.recording import DepthHistory, Past
from scheduler.domain.render import Attempt, AttemptStatus, Render, RenderStatus
from scheduler.domain.schedule import ScheduleState
from scheduler.domain.service import Probe, ServiceHealth, ServiceHistory
from scheduler.domain.sla import SlaReport
from scheduler.domain.snapshot import Page, Snapshot
from scheduler.filters import FilterError, parse
from scheduler.filters.predicate import matches
from scheduler.ports.alerts import AlertDetail
from scheduler.ports.audit import AuditFilter
from scheduler.ports.job_types import JobTypeState
from scheduler.ports.operations import InvalidError, JobDetail, NotFoundError, Operations, UpcomingFire

_PAGES = 20
"""Pages of the audit trail that are gone back to find a moment."""
_ALERTS = 200
_HOURS, _TRANSITIONS = 24 * 40, 500
"""As far as the recording goes back."""
_COMMAND = "__audited_command__"


class PastOperations:
    """Reads as of one moment; every other read goes through to the present.

    Args:
        operations: of the present.
        past: the moment, from its ``replay``.
    """

    def __init__(self, operations: Operations, past: Past) -> None:
        self._operations = operations
        self._past = past

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._operations, name)
        if hasattr(found, _COMMAND):
            raise InvalidError("the past cannot be changed: go back to now first")
        return found

    @property
    def moment(self) -> datetime:
        """The moment that is shown."""
        return self._past.asked

    def data_version(self) -> int:
        """The past does not change: another moment is another version."""
        return int(self.moment.timestamp() * 1000)

    def snapshot(self, *, job_limit: int = 50) -> Snapshot:
        """What the console showed then."""
        return replace(self._past.snapshot, jobs=self._past.snapshot.jobs[:job_limit])

    def depth(self) -> QueueDepth:
        """How many jobs were in which state."""
        return self._past.snapshot.depth

    def services(self) -> tuple[ServiceHealth, ...]:
        """How the services stood."""
        return self._past.snapshot.services

    def queue_depths(self, *, hours: float = 2.0, steps: int = 120, until: datetime | None = None) -> DepthHistory:
        """How many jobs were queued up to the moment."""
        return self._operations.queue_depths(hours=hours, steps=steps, until=until or self.moment)

    def schedules(self) -> tuple[ScheduleState, ...]:
        """How the schedules stood."""
        return self._past.snapshot.schedules

    def upcoming(
        self, *, count: int = 5, now: datetime | None = None, schedules: Sequence[ScheduleState] | None = None
    ) -> tuple[UpcomingFire, ...]:
        """What was due next, with the pauses and skips of then."""
        states = schedules or self._past.snapshot.schedules
        return self._operations.upcoming(count=count, now=now or self.moment, schedules=states)

    def nights(
        self, *, days: int = 30, schedule: str | None = None, until: datetime | None = None
    ) -> tuple[Night, ...]:
        """The record as it stood."""
        return self._operations.nights(days=days, schedule=schedule, until=until or self.moment)

    def sla(self, *, days: int = 30, schedule: str | None = None, until: datetime | None = None) -> SlaReport:
        """The figures of the days before the moment."""
        return self._operations.sla(days=days, schedule=schedule, until=until or self.moment)

    def failure_groups(self, *, limit: int = 50) -> tuple[FailureGroup, ...]:
        """What had failed by then; how often, as of today."""
        return tuple(one for one in self._operations.failure_groups(limit=limit) if one.first_at <= self.moment)

    def service_history(self, service: str, *, hours: int = 24, transitions: int = 20) -> ServiceHistory:
        """Hours that were over, and changes that had happened."""
        every = self._operations.service_history(service, hours=_HOURS, transitions=_TRANSITIONS)
        over = [one for one in every.hours if one.start.timestamp() + one.span_s <= self.moment.timestamp()]
        done = [one for one in every.transitions if one.at <= self.moment]
        return ServiceHistory(service, tuple(over[-hours:]), tuple(done[:transitions]))

    def job_types(self) -> tuple[JobTypeState, ...]:
        """Nothing: which types were paused is not recorded."""
        return ()

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
        """The newest jobs of then that a filter finds, on one page; the recording keeps fifty."""
        del sort, cursor
        found = [
            job
            for job in self._matching(filter)
            if (not statuses or job.status in statuses) and (not job_types or job.job_type in job_types)
        ]
        return Page(tuple(found[:limit]))

    def count_jobs(self, *, filter: str = "", cap: int = 10_000) -> Count:  # noqa: A002 - as for jobs
        """How many of them a filter finds."""
        return Count(min(len(self._matching(filter)), cap))

    def job(self, job_id: str) -> JobDetail:
        """A job as it stood then: its renders and calls up to the moment."""
        detail = self._operations.job(job_id)
        if detail.job.created_at > self.moment:
            raise NotFoundError(f"job {job_id} did not exist yet at {self.moment:%Y-%m-%d %H:%M:%S} UTC")
        renders = tuple(self._render(one) for one in detail.renders if one.started_at <= self.moment)
        known = {one.id for one in renders}
        return JobDetail(
            job=self._recorded(detail.job.id) or detail.job,
            renders=renders,
            attempts=self._as_of(detail.attempts),
            failures=tuple(one for one in detail.failures if one.render_id in known),
            checkpoints=tuple(one for one in detail.checkpoints if (one.created_at or self.moment) <= self.moment),
        )

    def logs(self, target: str, *, after: str | None = None) -> tuple[Attempt, ...]:
        """Calls up to the moment."""
        return self._as_of(self._operations.logs(target, after=after))

    def recent_attempts(self, *, limit: int = 500, before: datetime | None = None) -> tuple[Attempt, ...]:
        """The last calls of all jobs up to the moment."""
        return self._as_of(self._operations.recent_attempts(limit=limit, before=self._until(before)))

    def probes(self, service: str, *, limit: int = 240, before: datetime | None = None) -> tuple[Probe, ...]:
        """The last probes up to the moment."""
        return self._operations.probes(service, limit=limit, before=self._until(before))

    def audit(
        self, *, wanted: AuditFilter | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[AuditLine]:
        """The newest lines of then, on one page."""
        found: list[AuditLine] = []
        for _ in range(_PAGES):
            page = self._operations.audit(wanted=wanted, limit=limit, cursor=cursor)
            found += [line for line in page.items if line.at <= self.moment]
            cursor = page.next_cursor
            if cursor is None or len(found) >= limit:
                break
        return Page(tuple(found[:limit]))

    def alerts(self, *, states: Sequence[AlertState] = (), limit: int = 50, cursor: str | None = None) -> Page[Alert]:
        """The newest alerts of then, as they stood, on one page."""
        del cursor
        page = self._operations.alerts(limit=max(limit, _ALERTS))
        found = [alert_as_of(one, self.moment) for one in page.items if one.created_at <= self.moment]
        return Page(tuple(one for one in found if not states or one.state in states)[:limit])

    def open_alerts(self) -> tuple[Alert, ...]:
        """What fired or was acknowledged then."""
        return tuple(one for one in self.alerts(limit=_ALERTS).items if one.is_open)

    def alert(self, alert_id: str) -> AlertDetail:
        """One alert as it stood, with what had happened and been said by then."""
        detail = self._operations.alert(alert_id)
        return AlertDetail(
            alert=alert_as_of(detail.alert, self.moment),
            events=tuple(one for one in detail.events if one.at <= self.moment),
            deliveries=tuple(one for one in detail.deliveries if one.created_at <= self.moment),
        )

    # --- inside ------------------------------------------------------------------------------------------------------

    def _until(self, before: datetime | None) -> datetime:
        just_after = self.moment + timedelta(milliseconds=1)
        return just_after if before is None else min(before, just_after)

    def _recorded(self, job_id: str) -> Job | None:
        snapshot = self._past.snapshot
        jobs = (*filter(None, [snapshot.tonight.job]), *snapshot.jobs)
        return next((job for job in jobs if job.id == job_id), None)

    def _matching(self, text: str) -> tuple[Job, ...]:
        try:
            wanted = parse(text, now=self.moment, zone=ZoneInfo(self._past.snapshot.tonight.timezone))
        except FilterError as error:
            raise InvalidError(f"filter: {error}") from error
        return tuple(job for job in self._past.snapshot.jobs if matches(wanted, job))

    def _render(self, render: Render) -> Render:
        if render.finished_at is None or render.finished_at <= self.moment:
            return render
        return replace(render, status=RenderStatus.RUNNING, finished_at=None, video_url=None, thumbnail_url=None)

    def _as_of(self, attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
        return tuple(as_of(one, self.moment) for one in attempts if one.started_at <= self.moment)


def alert_as_of(alert: Alert, moment: datetime) -> Alert:
    """An alert as it stood at a moment, told from its times. Pure."""
    if alert.resolved_at is not None and alert.resolved_at <= moment:
        return alert
    acked = alert.acked_at is not None and alert.acked_at <= moment
    fired = alert.fired_at is not None and alert.fired_at <= moment
    state = AlertState.ACKED if acked else AlertState.FIRING if fired else AlertState.PENDING
    return replace(alert, state=state, resolved_at=None, acked_by=alert.acked_by if acked else None)


def as_of(attempt: Attempt, moment: datetime) -> Attempt:
    """A call as it stood at a moment: what ended later was running still. Pure."""
    took = timedelta(milliseconds=attempt.duration_ms or 0)
    if attempt.status is AttemptStatus.STARTED or attempt.started_at.astimezone(UTC) + took <= moment:
        return attempt
    return replace(
        attempt, status=AttemptStatus.STARTED, duration_ms=None, error_class=None, error_message=None, resumed=False
    )
