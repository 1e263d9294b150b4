"""Foresight: when runs will be out, when they must start, and what they lack, from what the store remembers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from config.settings import Settings
from scheduler.domain.deadline import NEEDS, Estimate, Prediction
from scheduler.domain.job import DepthPart, Job, JobStatus, Priority
from scheduler.domain.render import StageName
from scheduler.domain.schedule import Fire, ScheduleState
from scheduler.domain.snapshot import StageView
from scheduler.domain.whatif import Change
from scheduler.health.targets import SERVICE_OF
from scheduler.job_types import JobType
from scheduler.nights.start import Content, latest_safe_start, lead_s, queue_wait
from scheduler.pipeline.added import AddedStage, fitting, graph_with
from scheduler.pipeline.forecast import Estimates, estimates_from, predict
from scheduler.ports.clock import Clock
from scheduler.ports.store import Store
from scheduler.schedules.due import fire_at, next_nominal

KEPT_S = 60.0
"""Seconds for which estimates read from history are used again."""
CONTENT_KEPT_S = 30.0
"""Seconds for which a look for content is used again."""


NOTHING = Change()


class Foresight:
    """What is foretold of an installation. Reads only; blocking.

    Args:
        store: history and queue.
        settings: deadline, queue, content.
        clock: a counter, for what is kept.
        job_types: know where content comes from.
        chains: provider names by stage, best first.
        added: the stages that plug-ins add; asked once, when something is foretold.
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
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._job_types = job_types
        self._chains = chains
        self._find_added = added
        self._added: Sequence[AddedStage] | None = None
        self._estimates: Estimates = {}
        self._remembers = False
        self._read_at: float | None = None
        self._content: dict[tuple[str, date, str], tuple[float, Content]] = {}

    def prediction(
        self,
        stages: Sequence[StageView],
        *,
        now: datetime,
        starts_at: datetime,
        job: Job | None,
        job_type: str = "",
        change: Change = NOTHING,
    ) -> Prediction:
        """When a run will be out, with its wait for a worker, and its critical path.

        Services under maintenance are passed over. ``job_type``: of a run that has no job yet. ``change``: as it would
        be then; ``job`` has its priority already.
        """
        job_type = job_type if job is None else job.job_type
        foretold = self._predict(stages, job_type, now, starts_at, chains=self._chains_without(change))
        waiting = job is None or job.status is not JobStatus.PROCESSING
        if not waiting or foretold.p50_at is None or foretold.p90_at is None or starts_at > now:
            return foretold
        wait = self._wait(job, change)
        return replace(
            foretold,
            p50_at=foretold.p50_at + timedelta(seconds=wait.p50_s),
            p90_at=foretold.p90_at + timedelta(seconds=wait.p90_s),
            wait_s=wait.p90_s,
        )

    def _predict(
        self,
        stages: Sequence[StageView],
        job_type: str,
        now: datetime,
        starts_at: datetime | None = None,
        *,
        chains: Mapping[StageName, Sequence[str]],
    ) -> Prediction:
        """When a render of this type will be out, with the stages that plug-ins add to it."""
        if self._added is None:
            self._added = self._find_added()
        ours = fitting(self._added, NEEDS, job_type)
        whole = {**chains, **{one.stage.name: one.stage.providers for one in ours}}
        return predict(stages, whole, self._history(), now=now, starts_at=starts_at, graph=graph_with(ours))

    def _chains_without(self, change: Change) -> Mapping[StageName, Sequence[str]]:
        """The chains without the providers whose service is out; a chain of which nothing is left stays whole."""
        out = ({one.service for one in self._store.maintenance()} | change.services_out) - change.services_in
        if not out:
            return self._chains
        return {
            stage: tuple(name for name in names if SERVICE_OF.get(name) not in out) or names
            for stage, names in self._chains.items()
        }

    def _wait(self, job: Job | None, change: Change) -> Estimate:
        parts = _changed(self._store.depth().parts, change.queue)
        priority = Priority.HIGH if job is None else job.priority
        if job is not None and job.status is JobStatus.QUEUED:
            own = (JobStatus.QUEUED, job.job_type, job.priority)
            parts = [
                replace(part, count=part.count - 1) if (part.status, part.job_type, part.priority) == own else part
                for part in parts
            ]
        now = datetime.fromtimestamp(0, UTC)
        whole = self._predict((), job.job_type if job is not None else "", now, chains=self._chains)
        per_job = Estimate(
            0.0 if whole.p50_at is None else (whole.p50_at - now).total_seconds(),
            0.0 if whole.p90_at is None else (whole.p90_at - now).total_seconds(),
        )
        return queue_wait(parts, priority, cap=self._settings.queue.concurrency, per_job=per_job)

    def whole_s(self, job_type: str = "") -> float:
        """P90 seconds of a whole render of this type by the first providers of every chain."""
        now = datetime.fromtimestamp(0, UTC)
        p90_at = self._predict((), job_type, now, chains=self._chains).p90_at
        return 0.0 if p90_at is None else (p90_at - now).total_seconds()

    def latest_start(self, state: ScheduleState, fire: Fire) -> datetime | None:
        """The latest safe start of a run; None: it has no deadline."""
        if fire.deadline_at is None:
            return None
        return latest_safe_start(
            fire.deadline_at, p90_s=self.whole_s(state.definition.job_type), warning_s=self._settings.deadline.warning_s
        )

    def lead_s(self, state: ScheduleState, fire: Fire) -> float:
        """Seconds by which a run will start before its nominal time; only what history says counts."""
        latest = self.latest_start(state, fire)
        if latest is None or not state.definition.start_early:
            return 0.0
        wanted = lead_s(fire.nominal, latest)
        return wanted if self._remembers else 0.0

    def coming_lead_s(self, state: ScheduleState, now: datetime) -> float:
        """The same for the schedule's coming run: what the timer asks."""
        nominal = next_nominal(state.definition, now)
        return 0.0 if nominal is None else self.lead_s(state, fire_at(state.definition, nominal))

    def content(self, state: ScheduleState, fire: Fire) -> Content | None:
        """Whether there is something to make a run from; None: its job type is not known."""
        definition = state.definition
        kind = self._job_types.get(definition.job_type)
        if kind is None:
            return None
        if definition.payload_file is not None:
            return Content(None)
        key = (definition.job_type, fire.run_date, repr(definition.payload))
        kept, tick = self._content.get(key), self._clock.monotonic()
        if kept is not None and tick - kept[0] < CONTENT_KEPT_S:
            return kept[1]
        ready, note = kind.look_ahead(definition.payload, fire.run_date)
        asked = self._settings.content
        from_outside = bool(asked.feeds) or asked.postgrest.url is not None or asked.briefs_dir is not None
        found = Content(ready, note, hopeless=ready is False and not from_outside)
        self._content = {key: (tick, found)}
        return found

    def _history(self) -> Estimates:
        tick = self._clock.monotonic()
        if self._read_at is None or tick - self._read_at > KEPT_S:
            deadline = self._settings.deadline
            durations = self._store.stage_durations()
            self._estimates = estimates_from(durations, deadline)
            self._remembers = any(len(seconds) >= deadline.min_samples for seconds in durations.values())
            self._read_at = tick
        return self._estimates


def _changed(parts: Iterable[DepthPart], by: Iterable[DepthPart]) -> list[DepthPart]:
    """The queue's parts with some jobs more or fewer. Pure."""
    counts: Counter[tuple[JobStatus, str, Priority]] = Counter()
    for part in (*parts, *by):
        counts[part.status, part.job_type, part.priority] += part.count
    return [DepthPart(*key, max(count, 0)) for key, count in counts.items()]
