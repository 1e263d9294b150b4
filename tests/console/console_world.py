"""A scripted world for the console's tests: snapshots of a night, a clock, and Operations that serve and record."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from console_alerts import FakeAlerts
from textual.app import App

from console.tui.app import PredawnApp
from console.tui.joblist.pages import cursor_behind, order_key
from scheduler.domain.access import Role
from scheduler.domain.audit import AuditLine, AuditVerdict
from scheduler.domain.deadline import Prediction, Verdict
from scheduler.domain.failure import FailureClass, JobError
from scheduler.domain.filter import Count, JobSort
from scheduler.domain.fingerprint import FailureGroup
from scheduler.domain.job import CancelOutcome, Enqueued, Job, JobSpec, JobStatus, Priority, QueueConfig, QueueDepth
from scheduler.domain.limits import LimitsChange
from scheduler.domain.night import Night, NightOutcome
from scheduler.domain.render import Attempt, AttemptStatus, Render, RenderStatus, StageName
from scheduler.domain.report import DailyReport
from scheduler.domain.schedule import Difference, Fire, ScheduleDefinition, ScheduleState
from scheduler.domain.service import Maintenance, Probe, ServiceHealth, ServiceHistory, ServiceState
from scheduler.domain.sla import WINDOWS, Calibration, SlaReport, Success, on_time
from scheduler.domain.snapshot import Page, ProcessInfo, Snapshot, StageState, StageView, Tonight
from scheduler.domain.whatif import Change, Foretold
from scheduler.filters import FilterError, matches, parse
from scheduler.history import HistoryOperations
from scheduler.ports.audit import AuditFilter
from scheduler.ports.job_types import JobTypeState
from scheduler.ports.operations import Actor, InvalidError, JobDetail, NotFoundError, UpcomingFire
from scheduler.recorded import RecordedOperations

NOW = datetime(2026, 11, 20, 21, 42, 30, tzinfo=UTC)
"""03:12:30 in Asia/Kolkata on 21 November."""
DEADLINE = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)
STARTED = NOW - timedelta(seconds=95)
ZONE = "Asia/Kolkata"
RUN_DATE = date(2026, 11, 21)
ACTOR = Actor(name="ann", via="tui", role=Role.OPERATOR)


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = NOW) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    def move(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Options:
    """Console settings that look often, so that tests need not wait."""

    refresh_s: float = 0.08
    ascii: bool = False
    theme: str = "auto"
    keys: Mapping[str, str] = field(default_factory=dict[str, str])
    arm: bool = False
    views: Mapping[str, str] = field(default_factory=dict[str, str])


def job(
    number: int = 1, status: JobStatus = JobStatus.PROCESSING, *, payload: Mapping[str, Any] | None = None, **more: Any
) -> Job:
    values: dict[str, Any] = {
        "id": f"{number:08x}-aaaa-4bbb-8ccc-000000000000",
        "seq": number if number > 5000 else 5000 - number,  # those made by number stand newest first
        "job_type": "daily_ca",
        "priority": Priority.HIGH,
        "status": status,
        "payload": payload or {},
        "retry_count": 0,
        "max_retries": 3,
        "created_at": STARTED,
        "updated_at": NOW,
        "started_at": STARTED,
        "run_date": RUN_DATE,
        "deadline_at": DEADLINE,
        "schedule_name": "nightly",
        "progress": 0.43,
        "stage": "manim",
    }
    return Job(**(values | more))


def attempt(stage: StageName, provider: str, start_s: float, took_s: float | None, **more: Any) -> Attempt:
    """A call ``start_s`` seconds into the render; ``took_s`` None: it runs."""
    failed = "error_class" in more
    status = AttemptStatus.STARTED if took_s is None else AttemptStatus.FAILED if failed else AttemptStatus.COMPLETED
    return Attempt(
        id=f"{stage}-{provider}-{start_s}",
        render_id="render-1",
        job_id=job().id,
        stage=stage,
        provider=provider,
        status=status,
        started_at=STARTED + timedelta(seconds=start_s),
        duration_ms=None if took_s is None else int(took_s * 1000),
        **more,
    )


def stage(name: StageName, state: str, attempts: Sequence[Attempt] = (), **more: Any) -> StageView:
    started = attempts[0].started_at if attempts else None
    last = attempts[-1] if attempts else None
    done = state in {StageState.DONE, StageState.FAILED}
    finished = (
        last.started_at + timedelta(milliseconds=last.duration_ms)
        if done and last is not None and last.duration_ms is not None
        else None
    )
    return StageView(
        stage=name,
        state=state,
        provider=last.provider if last else None,
        degraded=bool(last and last.fallback_position and done),
        started_at=started,
        finished_at=finished,
        attempts=tuple(attempts),
        **more,
    )


def refused(retry: int) -> dict[str, Any]:
    return {
        "error_class": FailureClass.UNAVAILABLE,
        "error_message": "connection refused: is the Manim API running on port 5000?",
        "retry_count": retry,
    }


def running_stages() -> tuple[StageView, ...]:
    """Half way: manim has failed three times and runs on its fallback, tts is done."""
    s = StageName
    return (
        stage(s.BRIEF, StageState.DONE, [attempt(s.BRIEF, "brief-check", 0, 0.4)]),
        stage(s.SCRIPT_GEN, StageState.DONE, [attempt(s.SCRIPT_GEN, "template-script", 0.5, 0.2)]),
        stage(
            s.MANIM,
            StageState.RUNNING,
            [
                attempt(s.MANIM, "manim-api", 1, 3, **refused(0)),
                attempt(s.MANIM, "manim-api", 5, 3, **refused(1)),
                attempt(s.MANIM, "manim-api", 10, 3, **refused(2)),
                attempt(s.MANIM, "manim-api", 17, 30, **refused(3)),
                attempt(s.MANIM, "static-cards", 48, None, fallback_position=1),
            ],
        ),
        stage(s.TTS, StageState.DONE, [attempt(s.TTS, "espeak", 1, 2.4)]),
        stage(s.REVIDEO, StageState.WAITING),
        stage(s.VERIFY, StageState.WAITING),
        stage(s.UPLOAD, StageState.WAITING),
    )


def done_stages() -> tuple[StageView, ...]:
    s = StageName
    running = running_stages()
    manim = [*running[2].attempts[:-1], attempt(s.MANIM, "static-cards", 48, 7, fallback_position=1)]
    return (
        *running[:2],
        stage(s.MANIM, StageState.DONE, manim),
        running[3],
        stage(s.REVIDEO, StageState.DONE, [attempt(s.REVIDEO, "revideo-api", 55, 21)]),
        stage(s.VERIFY, StageState.DONE, [attempt(s.VERIFY, "media-probe", 76, 4)]),
        stage(s.UPLOAD, StageState.DONE, [attempt(s.UPLOAD, "local-directory", 80, 0.3)]),
    )


def services() -> tuple[ServiceHealth, ...]:
    up = Probe(service="revideo", at=NOW, ok=True, latency_ms=12.3, http_status=200)
    down = Probe(service="manim", at=NOW, ok=False, error="connection refused")
    waves = tuple(10.0 + 30 * (n % 7) for n in range(28))
    return (
        ServiceHealth(
            "manim", "http://127.0.0.1:5000", ServiceState.DOWN, NOW - timedelta(minutes=3), down, 4,
            (*waves[:20], None, None, None, None),
        ),
        ServiceHealth(
            "revideo", "http://127.0.0.1:5001", ServiceState.UP, NOW - timedelta(hours=5), up, 40, waves,
        ),
        ServiceHealth("orchestrator", "http://127.0.0.1:8103", ServiceState.UNKNOWN),
    )  # fmt: skip


def schedules() -> tuple[ScheduleState, ...]:
    nightly = ScheduleDefinition("nightly", "daily_ca", "0 3 * * *", ZONE, time(6, 0))
    weekly = ScheduleDefinition("weekly", "weekly_digest", "0 4 * * sun", ZONE, time(7, 0))
    return (
        ScheduleState(nightly, last_fire=datetime(2026, 11, 20, 21, 30, tzinfo=UTC)),
        ScheduleState(weekly, paused=True),
    )


def fires(count: int = 5) -> tuple[UpcomingFire, ...]:
    first = datetime(2026, 11, 22, 3, 0, tzinfo=ZoneInfo(ZONE))
    return tuple(
        UpcomingFire(
            Fire(
                "nightly",
                first + timedelta(days=n),
                (first + timedelta(days=n)).date(),
                first + timedelta(days=n, hours=3),
                f"daily_ca:{(first + timedelta(days=n)).date()}",
            ),
            skipped=n == 1,
        )
        for n in range(count)
    )


def other_jobs(count: int = 30) -> tuple[Job, ...]:
    """Jobs of every kind, newest first."""
    kinds: list[tuple[JobStatus, dict[str, Any]]] = [
        (JobStatus.QUEUED, {"job_type": "doubt", "priority": Priority.NORMAL, "progress": 0.0, "stage": None}),
        (
            JobStatus.FAILED,
            {
                "retry_at": NOW + timedelta(minutes=4),
                "retry_count": 1,
                "error": JobError("no answer within 240 s", FailureClass.TIMEOUT, NOW, stage="revideo"),
            },
        ),
        (JobStatus.COMPLETED, {"completed_at": NOW, "progress": 1.0}),
        (JobStatus.COMPLETED, {"completed_at": NOW, "progress": 1.0, "degraded": True}),
        (JobStatus.CANCELLED, {"reason": "cancelled by ann"}),
        (JobStatus.FAILED, {"error": JobError("headlines[2].title is empty", FailureClass.INVALID_INPUT, NOW)}),
    ]
    made: list[Job] = []
    for n in range(count):
        status, more = kinds[n % len(kinds)]
        made.append(replace(job(100 + n, status, **more), created_at=NOW - timedelta(minutes=3 * n)))
    return tuple(made)


def daemon(*, alive: bool = True) -> ProcessInfo:
    beat = NOW if alive else NOW - timedelta(minutes=7)
    return ProcessInfo("d1", "serve", "host", 4242, NOW - timedelta(hours=9), beat, alive)


def tonight(verdict: Verdict = Verdict.ON_TRACK, **more: Any) -> Tonight:
    values: dict[str, Any] = {
        "verdict": verdict,
        "schedule": "nightly",
        "run_date": RUN_DATE,
        "timezone": ZONE,
        "deadline_at": DEADLINE,
        "starts_at": None,
        "job": job(),
        "render": Render("render-1", job().id, 1, 1, RenderStatus.RUNNING, STARTED),
        "stages": running_stages(),
        "prediction": Prediction(NOW + timedelta(seconds=40), NOW + timedelta(seconds=130)),
        "slack_s": (DEADLINE - NOW).total_seconds() - 130,
        "note": "manim-api is down: static-cards makes the pictures",
    }
    return Tonight(**(values | more))


def ready() -> Tonight:
    url = "file:///var/lib/predawn/published/daily_ca-2026-11-21.mp4"
    out = STARTED + timedelta(seconds=81)
    made = job(
        status=JobStatus.COMPLETED, completed_at=out, progress=1.0, degraded=True,
        payload={"video_url": url, "duration": 64.2},
    )  # fmt: skip
    render = Render("render-1", made.id, 1, 1, RenderStatus.COMPLETED, STARTED, out, degraded=True, video_url=url)
    return tonight(
        Verdict.READY, job=made, render=render, stages=done_stages(), prediction=Prediction(None, None), slack_s=None
    )


def snapshot(night: Tonight | None = None, *, jobs: Sequence[Job] | None = None, **more: Any) -> Snapshot:
    night = night or tonight()
    listed = tuple(jobs) if jobs is not None else ((night.job,) if night.job else ()) + other_jobs()
    by_status = {status: sum(one.status is status for one in listed) for status in JobStatus}
    values: dict[str, Any] = {
        "taken_at": NOW,
        "tonight": night,
        "depth": QueueDepth(by_status, 125.0),
        "services": services(),
        "jobs": listed,
        "schedules": schedules(),
        "daemon": daemon(),
    }
    return Snapshot(**(values | more))


def mornings(count: int = 30) -> tuple[Night, ...]:
    """Nights, newest first: one late, one missed, one skipped, some degraded."""
    kinds = {3: NightOutcome.LATE, 9: NightOutcome.MISSED, 14: NightOutcome.SKIPPED}
    found: list[Night] = []
    for n in range(count):
        due = DEADLINE - timedelta(days=n + 1)
        outcome = kinds.get(n, NightOutcome.ON_TIME)
        out = {NightOutcome.ON_TIME: due - timedelta(hours=2), NightOutcome.LATE: due + timedelta(minutes=20)}
        found.append(
            Night(
                "nightly", RUN_DATE - timedelta(days=n + 1), ZONE, due - timedelta(hours=3), due, outcome,
                ready_at=out.get(outcome), degraded=n % 7 == 5 if outcome in out else None,
            )
        )  # fmt: skip
    return tuple(found)


@dataclass
class FakeOperations(HistoryOperations, RecordedOperations, FakeAlerts):
    """Serves what a test gives it and records the commands. ``broken`` is raised by every read."""

    current: Snapshot = field(default_factory=snapshot)
    details: dict[str, JobDetail] = field(default_factory=dict[str, JobDetail])
    broken: Exception | None = None
    refuses: Exception | None = None
    commands: list[tuple[str, str, Actor]] = field(default_factory=list[tuple[str, str, Actor]])
    snapshots_taken: int = 0
    looks: int = 0
    overlapped: bool = False
    version: int = 1
    changes: list[Change] = field(default_factory=list[Change])
    then: Prediction | None = None
    filters: list[str] = field(default_factory=list[str])
    _reading: threading.Lock = field(default_factory=threading.Lock)
    _open: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._open.set()

    def serve(self, new: Snapshot) -> None:
        """From now on this is how things stand."""
        self.current = new
        self.version += 1

    def hold(self) -> None:
        """From now on reads block until ``release``."""
        self._open.clear()

    def release(self) -> None:
        """Let reads go on."""
        self._open.set()

    def _read(self) -> None:
        if not self._reading.acquire(blocking=False):
            self.overlapped = True
            raise AssertionError("two reads at once")
        self._open.wait(10)
        self._reading.release()
        if self.broken is not None:
            raise self.broken

    def _record(self, name: str, target: str, actor: Actor) -> None:
        self.commands.append((name, target, actor))
        if self.refuses is not None:
            raise self.refuses

    def snapshot(self, *, job_limit: int = 50) -> Snapshot:
        self._read()
        self.snapshots_taken += 1
        return replace(self.current, jobs=self.current.jobs[:job_limit])

    def data_version(self) -> int:
        self._read()
        self.looks += 1
        return self.version

    def depth(self) -> QueueDepth:
        return self.current.depth

    def jobs(
        self,
        *,
        statuses: Sequence[JobStatus] = (),
        job_types: Sequence[str] = (),
        filter: str = "",  # noqa: A002 - the port's word
        sort: JobSort = JobSort.NEWEST,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Job]:
        found = self._matching(filter)
        found.sort(key=lambda one: order_key(one, sort))
        if cursor is not None:
            behind = tuple(int(part) for part in cursor.split("."))
            found = [one for one in found if _place(one, sort) > _place_of(behind, sort)]
        page = tuple(found[:limit])
        last = None if len(found) <= limit else cursor_behind(order_key(page[-1], sort), sort)
        return Page(page, last)

    def _matching(self, text: str) -> list[Job]:
        self.filters.append(text)
        try:
            wanted = parse(text, now=NOW)
        except FilterError as error:
            raise InvalidError(f"filter: {error}") from error
        return [one for one in self.current.jobs if matches(wanted, one)]

    def count_jobs(self, *, filter: str = "", cap: int = 10_000) -> Count:  # noqa: A002 - the port's word
        number = len(self._matching(filter))
        return Count(min(number, cap), capped=number > cap)

    def job(self, job_id: str) -> JobDetail:
        if job_id in self.details:
            return self.details[job_id]
        found = [one for one in self.current.jobs if one.id == job_id]
        if not found:
            raise NotFoundError(f"no job {job_id}")
        calls = tuple(call for one in running_stages() for call in one.attempts)
        return JobDetail(found[0], (Render("render-1", job_id, 1, 1, RenderStatus.RUNNING, STARTED),), calls, (), ())

    def logs(self, target: str, *, after: str | None = None) -> tuple[Attempt, ...]:
        return self.job(target).attempts

    def submit(self, spec: JobSpec, *, actor: Actor) -> Enqueued:
        self._record("submit", spec.job_type, actor)
        return Enqueued(job(900, JobStatus.QUEUED), created=True)

    def cancel(self, job_id: str, *, actor: Actor) -> CancelOutcome:
        self._record("cancel", job_id, actor)
        return CancelOutcome.REQUESTED

    def retry(self, job_id: str, *, actor: Actor) -> Job:
        self._record("retry", job_id, actor)
        return replace(self.job(job_id).job, status=JobStatus.QUEUED)

    def rerender(self, job_id: str, *, actor: Actor, deadline_at: datetime | None = None) -> Job:
        self._record("rerender", job_id, actor)
        return replace(self.job(job_id).job, status=JobStatus.QUEUED)

    def set_priority(self, job_id: str, priority: Priority, *, actor: Actor) -> Job:
        self._record("priority", job_id, actor)
        return self.job(job_id).job

    def schedules(self) -> tuple[ScheduleState, ...]:
        return self.current.schedules

    def upcoming(
        self, *, count: int = 5, now: datetime | None = None, schedules: Sequence[ScheduleState] | None = None
    ) -> tuple[UpcomingFire, ...]:
        return fires(count)

    def run_schedule(self, name: str, *, actor: Actor, on: date | None = None) -> Enqueued:
        self._record("run", name, actor)
        return Enqueued(job(901, JobStatus.QUEUED), created=True)

    def pause_schedule(self, name: str, *, paused: bool, actor: Actor) -> None:
        self._record("pause" if paused else "resume", name, actor)

    def skip_date(self, name: str, day: date, *, actor: Actor) -> ScheduleState:
        self._record("skip", name, actor)
        return self.current.schedules[0]

    def job_types(self) -> tuple[JobTypeState, ...]:
        return (JobTypeState(QueueConfig("daily_ca"), queued=1, processing=1),)

    def pause_type(self, job_type: str, *, paused: bool, actor: Actor) -> QueueConfig:
        self._record("pause" if paused else "resume", job_type, actor)
        return QueueConfig(job_type, paused=paused)

    def set_limits(self, job_type: str, change: LimitsChange, *, actor: Actor) -> QueueConfig:
        self._record("limits", job_type, actor)
        return replace(QueueConfig(job_type), **change.given)

    def services(self) -> tuple[ServiceHealth, ...]:
        return self.current.services

    def failure_groups(self, *, limit: int = 50) -> tuple[FailureGroup, ...]:
        return ()

    def service_history(self, service: str, *, hours: int = 24, transitions: int = 20) -> ServiceHistory:
        return ServiceHistory(service, (), ())

    def set_maintenance(self, service: str, *, for_s: float, actor: Actor) -> Maintenance:
        return Maintenance(service, NOW + timedelta(seconds=for_s), NOW, str(actor))

    def end_maintenance(self, service: str, *, actor: Actor) -> bool:
        return False

    def foretell(self, change: Change) -> Foretold:
        self.changes.append(change)
        night = self.current.tonight
        return Foretold(night.prediction, self.then or night.prediction, night.deadline_at, night.timezone)

    def unskip_date(self, name: str, day: date, *, actor: Actor) -> ScheduleState:
        self._record("unskip", name, actor)
        return self.current.schedules[0]

    def schedule_differences(self) -> tuple[Difference, ...]:
        return ()

    def nights(
        self, *, days: int = 30, schedule: str | None = None, until: datetime | None = None
    ) -> tuple[Night, ...]:
        return mornings(days)

    def report(self, day: date | None = None) -> DailyReport:
        return DailyReport(day or RUN_DATE, NOW, ZONE, (), self.sla(), self.current.tonight, self.current.services)

    def sla(self, *, days: int = 30, schedule: str | None = None, until: datetime | None = None) -> SlaReport:
        windows = tuple(on_time((), today=RUN_DATE, days=length) for length in WINDOWS)
        return SlaReport(NOW, days, ZONE, windows, Success(), (), (), Calibration(0, 0, 0), ())

    def audit(
        self, *, wanted: AuditFilter | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[AuditLine]:
        return Page(())

    def verify_audit(self) -> AuditVerdict:
        return AuditVerdict(0)


def _place(one: Job, sort: JobSort) -> tuple[int, ...]:
    return order_key(one, sort)


def _place_of(behind: tuple[int, ...], sort: JobSort) -> tuple[int, ...]:
    match sort:
        case JobSort.NEWEST:
            return (0, -behind[0])
        case JobSort.OLDEST:
            return (0, behind[0])
        case JobSort.PRIORITY:
            return behind


def make_app(operations: FakeOperations, *, clock: FakeClock | None = None, **more: Any) -> PredawnApp:
    settings = more.pop("settings", Options())
    actor = more.pop("actor", ACTOR)
    return PredawnApp(operations, actor=actor, settings=settings, clock=clock or FakeClock(), **more)


def screen_text(app: App[Any]) -> str:
    """What stands on the screen, as plain text; each line as wide as the screen."""
    width, height = app.size
    lines = app.screen._compositor.render_strips()  # pyright: ignore[reportPrivateUsage] - no public way
    rows = ["".join(segment.text for segment in strip).ljust(width)[:width] for strip in lines[:height]]
    return "\n".join(rows)
