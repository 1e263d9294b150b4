"""Operations over a store: what TUI, CLI, API and Slack all call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from config.settings import Settings
from scheduler.alert_operations import AlertCommands
from scheduler.api_operations import ApiCommands
from scheduler.auditing import Auditor, AuditReads, command, note
from scheduler.domain.deadline import Prediction
from scheduler.domain.filter import Count, Filter, JobSort
from scheduler.domain.job import CancelOutcome, Enqueued, Job, JobSpec, JobStatus, Priority, QueueDepth
from scheduler.domain.render import Attempt, Render, RenderStatus, StageName
from scheduler.domain.schedule import Fire, ScheduleState
from scheduler.domain.service import ServiceHealth
from scheduler.domain.snapshot import Page, Snapshot, Tonight
from scheduler.filters import FilterError, parse
from scheduler.health.operations import HealthOperations
from scheduler.history import HistoryOperations
from scheduler.job_types import JobType
from scheduler.nights.foresight import Foresight
from scheduler.nights.operations import NightsPart
from scheduler.pipeline.added import AddedStage
from scheduler.pipeline.views import stage_views
from scheduler.ports.alerts import Trial
from scheduler.ports.clock import Clock
from scheduler.ports.operations import Actor, InvalidError, JobDetail, NotFoundError, UpcomingFire
from scheduler.ports.recording import Recording
from scheduler.ports.store import JobNotFoundError, Store
from scheduler.recorded import RecordedOperations
from scheduler.schedules.due import coming_run, fire_at, held_back, next_nominal, spec_of
from scheduler.tonight import Ahead, Run, choose, runs_in_sight, starts_at, tonight
from scheduler.type_operations import TypeCommands

NO_DEADLINE = "no schedule with a deadline is enabled"
NEVER_STARTED = "no schedules here yet: the daemon brings them from the config at its start (predawn serve)"


class StoreOperations(
    NightsPart,
    AlertCommands,
    AuditReads,
    RecordedOperations,
    HistoryOperations,
    HealthOperations,
    TypeCommands,
    ApiCommands,
):
    """The ``Operations`` port over a store.

    Args:
        store: the truth.
        settings: schedules, services, deadline and chains.
        clock: the time of day.
        job_types: what may be submitted, by name.
        chains: provider names of each stage, best first, as this installation has them.
        added: the stages that plug-ins add.
        recording: the black box of this machine, or None where there is none to read.
        probe: probes all services once and keeps the answers, or None where that cannot be done.
        trial: sends a test over a channel of alerts, or None where that cannot be done.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        *,
        job_types: Mapping[str, JobType],
        chains: Mapping[StageName, Sequence[str]],
        added: Callable[[], Sequence[AddedStage]] = tuple,
        recording: Recording | None = None,
        probe: Callable[[], tuple[ServiceHealth, ...]] | None = None,
        trial: Callable[[str], Trial] | None = None,
    ) -> None:
        self._store = store
        self._audit_store = store
        self._auditor = Auditor(store)
        self._settings = settings
        self._clock = clock
        self._job_types = job_types
        self._chains = chains
        self._recording = recording
        self._history = store
        self._probe = probe
        self._trial = trial
        self.foresight = Foresight(store, settings, clock, job_types=job_types, chains=chains, added=added)

    @property
    def auditor(self) -> Auditor:
        """Permits the commands and writes them down."""
        return self._auditor

    # --- reads -------------------------------------------------------------------------------------------------------

    def snapshot(self, *, job_limit: int = 50) -> Snapshot:
        """What the console shows now."""
        now = self._clock.now()
        schedules = self.schedules()
        processes = self._store.processes()
        hands = any(process.alive for process in processes)
        nothing = NO_DEADLINE if schedules else NEVER_STARTED
        return Snapshot(
            taken_at=now,
            tonight=self._told(choose(schedules, self._store.by_key, now), now, hands=hands, nothing=nothing),
            depth=self._store.depth(),
            services=self.services(),
            jobs=self._store.list(limit=job_limit).items,
            schedules=schedules,
            daemon=next((process for process in processes if process.kind in {"serve", "up", "demo"}), None),
        )

    def runs(self) -> tuple[Tonight, ...]:
        """The run in sight of every schedule with a deadline, as the console would show it; the most urgent first."""
        now = self._clock.now()
        hands = any(process.alive for process in self._store.processes())
        found = runs_in_sight(self.schedules(), self._store.by_key, now)
        return tuple(self._told(run, now, hands=hands) for run in found)

    def _told(self, run: Run | None, now: datetime, *, hands: bool, nothing: str = "") -> Tonight:
        """What the console shows of a run."""
        job = run.job if run else None
        render, attempts = self._last_render(job)
        stages = stage_views(attempts, job=job)
        prediction, ahead = None, None
        if run is not None:
            ahead = self._ahead(run)
            start = starts_at(run, now, early_s=ahead.early_s)
            if job is not None and not job.is_final:
                start = job.retry_at or now
            if start is not None:
                prediction = self.foresight.prediction(
                    stages, now=now, starts_at=start, job=job, job_type=run.state.definition.job_type
                )
        return tonight(
            run,
            now=now,
            render=render,
            stages=stages,
            prediction=prediction,
            warning_s=self._settings.deadline.warning_s,
            nothing=nothing,
            published_at=self._first_published(job),
            hands=hands,
            ahead=ahead,
        )

    def data_version(self) -> int:
        """Changes whenever any process has written."""
        return self._store.data_version()

    def depth(self) -> QueueDepth:
        """How many jobs are in which state."""
        return self._store.depth()

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
        """Jobs by pages, newest first unless ``sort`` says otherwise."""
        wanted = self._filter(filter)
        try:
            return self._store.list(
                statuses=statuses, job_types=job_types, filter=wanted, sort=sort, limit=limit, cursor=cursor
            )
        except ValueError as error:
            raise InvalidError(f"cursor: {error}") from error

    def count_jobs(self, *, filter: str = "", cap: int = 10_000) -> Count:  # noqa: A002 - as for jobs
        """How many jobs a filter finds; counting stops at ``cap``."""
        return self._store.count(filter=self._filter(filter), cap=cap)

    def job(self, job_id: str) -> JobDetail:
        """One job with everything known of it."""
        job = self._get(job_id)
        return JobDetail(
            job=job,
            renders=tuple(self._store.renders(job.id)),
            attempts=tuple(self._store.attempts(job_id=job.id)),
            failures=tuple(self._store.failures(job.id)),
            checkpoints=tuple(self._store.checkpoints(job.id)),
        )

    def logs(self, target: str, *, after: str | None = None) -> tuple[Attempt, ...]:
        """Attempts of a job or render, oldest first."""
        render = self._store.get_render(target)
        if render is not None:
            return tuple(self._store.attempts(render_id=render.id, after=after))
        return tuple(self._store.attempts(job_id=self._get(target).id, after=after))

    def schedules(self) -> tuple[ScheduleState, ...]:
        """All schedules, as the table has them."""
        return tuple(self._store.schedules())

    def upcoming(
        self, *, count: int = 5, now: datetime | None = None, schedules: Sequence[ScheduleState] | None = None
    ) -> tuple[UpcomingFire, ...]:
        """The next nominal times over all schedules, soonest first."""
        found: list[UpcomingFire] = []
        for state in self.schedules() if schedules is None else schedules:
            if not state.definition.enabled:
                continue
            at = now or self._clock.now()
            for _ in range(count):
                nominal = next_nominal(state.definition, at)
                if nominal is None:
                    break
                fire = fire_at(state.definition, nominal)
                found.append(self._upcoming(state, fire))
                at = nominal
        return tuple(sorted(found, key=lambda upcoming: upcoming.fire.nominal)[:count])

    def _upcoming(self, state: ScheduleState, fire: Fire) -> UpcomingFire:
        why = held_back(state, fire)
        if why is not None:
            return UpcomingFire(fire, skipped=True, why=why)
        early = timedelta(seconds=self.foresight.lead_s(state, fire))
        return UpcomingFire(fire, skipped=False, starts_at=fire.nominal.astimezone(UTC) - early)

    # --- commands ----------------------------------------------------------------------------------------------------

    @command("job.submit")
    def submit(self, spec: JobSpec, *, actor: Actor) -> Enqueued:
        """Queue a job."""
        self._checked(spec)
        queued = self._store.enqueue(self._prioritised(spec))
        note(target=queued.job.id, created=queued.created)
        return queued

    @command("job.cancel", target="job_id")
    def cancel(self, job_id: str, *, actor: Actor) -> CancelOutcome:
        """Cancel a job."""
        job = self._get(job_id)
        outcome = self._store.cancel(job.id, by=str(actor))
        note(outcome=outcome.value)
        if outcome is CancelOutcome.NOT_CANCELLABLE:
            note(refused=f"it was {job.status} already")
        return outcome

    @command("job.retry", target="job_id")
    def retry(self, job_id: str, *, actor: Actor) -> Job:
        """Queue a failed or cancelled job again."""
        job = self._get(job_id)
        if not self._store.retry(job.id, by=str(actor)):
            raise InvalidError(f"job {job.id} is {self._get(job.id).status}: only failed or cancelled jobs are retried")
        return self._get(job.id)

    @command("job.rerender", target="job_id")
    def rerender(self, job_id: str, *, actor: Actor, deadline_at: datetime | None = None) -> Job:
        """Make an ended job anew, by ``deadline_at`` (None: its old deadline if that is still ahead, else none)."""
        job = self._get(job_id)
        if deadline_at is None and job.deadline_at is not None and job.deadline_at > self._clock.now():
            deadline_at = job.deadline_at
        if not self._store.rerender(job.id, by=str(actor), deadline_at=deadline_at):
            raise InvalidError(f"job {job.id} is {self._get(job.id).status}: cancel it before it is made anew")
        return self._get(job.id)

    @command("job.priority", target="job_id")
    def set_priority(self, job_id: str, priority: Priority, *, actor: Actor) -> Job:
        """Change the priority of a queued job."""
        job = self._get(job_id)
        if not self._store.set_priority(job.id, priority):
            raise InvalidError(f"job {job.id} is {self._get(job.id).status}: only a queued job's priority matters")
        return self._get(job.id)

    @command("schedule.run", target="name")
    def run_schedule(self, name: str, *, actor: Actor, on: date | None = None) -> Enqueued:
        """Queue a schedule's job now; a run date that has a job keeps it."""
        state = self._schedule(name)
        fire = coming_run(state.definition, self._clock.now(), on=on)
        if fire is None:
            when = f"{state.definition.when} {state.definition.timezone}"
            raise InvalidError(f"schedule {name} has no run {f'for {on}' if on else 'to come'} ({when})")
        queued = self._store.enqueue(spec_of(state.definition, fire))
        note(job=queued.job.id, created=queued.created)
        return queued

    @command("schedule.pause", target="name")
    def pause_schedule(self, name: str, *, paused: bool, actor: Actor) -> None:
        """Pause or resume a schedule."""
        self._schedule(name)
        self._store.set_paused(name, paused=paused)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _filter(self, text: str) -> Filter:
        """A filter as read; times without an offset are those of the first schedule, in which deadlines are shown."""
        zones = [schedule.timezone for schedule in self._settings.schedules.values()]
        try:
            return parse(text, now=self._clock.now(), zone=ZoneInfo(zones[0] if zones else "UTC"))
        except FilterError as error:
            raise InvalidError(f"filter: {error}") from error

    def _get(self, job_id: str) -> Job:
        try:
            job = self._store.get(job_id)
        except JobNotFoundError as error:
            raise NotFoundError(str(error)) from error
        note(target=job.id)
        return job

    def predict_job(self, job: Job) -> Prediction | None:
        """When a job that waits or runs will be out; None: it has ended."""
        if job.is_final:
            return None
        _, attempts = self._last_render(job)
        now = self._clock.now()
        stages = stage_views(attempts, job=job)
        return self.foresight.prediction(stages, now=now, starts_at=job.retry_at or now, job=job)

    def _last_render(self, job: Job | None) -> tuple[Render | None, tuple[Attempt, ...]]:
        if job is None:
            return None, ()
        renders = self._store.renders(job.id)
        if not renders:
            return None, ()
        return renders[-1], tuple(self._store.attempts(render_id=renders[-1].id))

    def _first_published(self, job: Job | None) -> datetime | None:
        """When the first video of a job was out; None: none has been."""
        renders = [] if job is None else self._store.renders(job.id)
        done = [render.finished_at for render in renders if render.status is RenderStatus.COMPLETED]
        return min((at for at in done if at is not None), default=None)

    def _ahead(self, run: Run) -> Ahead:
        """What is known of a run before it starts."""
        if run.job is not None:
            return Ahead()
        return Ahead(
            early_s=self.foresight.lead_s(run.state, run.fire),
            latest_start_at=self.foresight.latest_start(run.state, run.fire),
            content=self.foresight.content(run.state, run.fire),
            content_before_s=self._settings.content.needed_before_s,
        )
