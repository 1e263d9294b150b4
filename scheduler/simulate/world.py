"""One simulated night: the real schedule code makes the job, the real runner renders it, on a virtual clock."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from scheduler.domain.deadline import Estimate
from scheduler.domain.failure import FailureClass, JobError, RenderFailedError
from scheduler.domain.job import Job, JobResult, JobStatus, Lease
from scheduler.domain.night import NightOutcome
from scheduler.domain.render import Attempt, AttemptStatus, StageName
from scheduler.pipeline.forecast import estimates_from, predict
from scheduler.pipeline.runner import PipelineRunner
from scheduler.pipeline.stages import build_pipeline
from scheduler.schedules.due import fire_at, next_nominal
from scheduler.schedules.timer import fire_due
from scheduler.simulate.plan import NightResult, Plan
from scheduler.simulate.providers import Dice, Durations, SimulatedProvider, video_at
from scheduler.simulate.virtual import LoopClock, VirtualLoop
from scheduler.testing import MemoryStore

BEFORE = timedelta(minutes=30)
"""A night begins so long before its nominal start."""
GIVE_UP = timedelta(hours=6)
"""Nobody waits for the video longer than so long after the deadline."""
OWNER = "simulated"
LEASE_S = 7 * 86_400.0
"""The simulated worker does not die: its lease outlasts the night."""


class RememberingStore(MemoryStore):
    """The store in memory, with the history of the plan behind it: what the deadline's decisions rest on."""

    def __init__(self, clock: LoopClock, plan: Plan) -> None:
        super().__init__(clock)
        self._history = {key: list(seconds) for key, seconds in plan.history.items()}

    def stage_durations(self, *, limit: int = 30) -> dict[tuple[str, str], list[float]]:
        """The plan's history."""
        return {key: seconds[:limit] for key, seconds in self._history.items()}


class World:
    """Simulates nights of one plan, one after another; a night depends on its number alone.

    Args:
        plan: what is simulated.
        folder: an empty folder of its own.
    """

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._loop = VirtualLoop()
        durations = Durations(
            history={key: s for key, s in plan.history.items() if len(s) >= plan.deadline.min_samples},
            estimates={name: estimate_of_setting(plan, name) for name in plan.deadline.estimates},
        )
        video = video_at(folder / "video.mp4")
        self._providers = {
            stage: {name: SimulatedProvider(name, durations, plan.faults, video) for name in chain}
            for stage, chain in plan.chains.items()
        }
        self._pipeline = build_pipeline(plan.pipeline_with_chains(), self._providers)
        self._p90_s = self._predicted_s()

    def close(self) -> None:
        """Let go of the loop."""
        self._loop.close()

    def night(self, number: int, nominal: datetime, *, explain: bool = False) -> NightResult:
        """Simulate one night."""
        self._loop.rewind()
        clock = LoopClock(self._loop, nominal - BEFORE)
        store = RememberingStore(clock, self._plan)
        dice = Dice(f"{self._plan.seed}/{number}", {})
        for providers in self._providers.values():
            for provider in providers.values():
                provider.dice = dice
        asyncio.set_event_loop(self._loop)
        try:
            job = self._loop.run_until_complete(self._run(store, clock, f"{dice.seed}/jitter"))
        finally:
            asyncio.set_event_loop(None)
        fire = fire_at(self._plan.definition, nominal)
        due_at = fire.deadline_at
        if due_at is None:
            raise ValueError(
                f"schedule {self._plan.definition.name} has no deadline: there is nothing to be on time for"
            )
        ready_at = job.completed_at if job is not None and job.status is JobStatus.COMPLETED else None
        attempts = [] if job is None else store.attempts(job_id=job.id)
        begun_at = nominal if job is None else job.created_at
        took_s = None if ready_at is None else (ready_at - begun_at).total_seconds()
        return NightResult(
            number=number,
            run_date=fire.run_date,
            outcome=_outcome(ready_at, due_at),
            margin_s=None if ready_at is None else (due_at - ready_at).total_seconds(),
            took_s=took_s,
            degraded=job is not None and job.degraded,
            under_p90=took_s is not None and took_s <= self._p90_s,
            calls=sum("skipped" not in attempt.detail for attempt in attempts),
            why=explained(attempts, job) if explain else "",
        )

    async def _run(self, store: MemoryStore, clock: LoopClock, jitter: str) -> Job | None:
        """The night from before its start to its end: what a daemon's timer, worker and reaper do."""
        plan, definition = self._plan, self._plan.definition
        store.put_queue_config(plan.queue)
        store.sync_schedules([definition], now=clock.now())
        runner = PipelineRunner(
            store,
            self._pipeline,
            clock,
            work_dir=self._folder,
            deadline=plan.deadline,
            blocking=self._loop.inline,
            workdir=self._workdir,
            rng=random.Random(jitter),  # noqa: S311 - dice
        )
        nominal = next_nominal(definition, clock.now())
        if nominal is None:
            return None
        await asyncio.sleep((nominal - clock.now()).total_seconds())
        jobs = fire_due(store, clock.now())
        if not jobs:
            return None
        job = store.get(jobs[0].id)
        give_up_at = (job.deadline_at or clock.now()) + GIVE_UP
        while clock.now() < give_up_at:
            for lease in store.claim(OWNER, limit=1, lease_s=LEASE_S):
                await self._render(runner, store, clock, lease)
            job = store.get(job.id)
            if job.retry_at is None:
                break
            await asyncio.sleep(max((job.retry_at - clock.now()).total_seconds(), 0.0) + 1.0)
            store.reap()
        return job

    async def _render(self, runner: PipelineRunner, store: MemoryStore, clock: LoopClock, lease: Lease) -> None:
        """One pass of the job, ended as the worker would end it."""
        job = lease.job
        limit_s = None if job.time_limit_at is None else (job.time_limit_at - clock.now()).total_seconds()
        known = lease if self._plan.deadline_logic else replace(lease, job=without_deadline(job))
        try:
            async with asyncio.timeout(limit_s):
                result: JobResult = await runner.run(known, lease_s=LEASE_S)
        except RenderFailedError as failed:
            store.fail(lease, failed.error, retryable=failed.retryable)
        except TimeoutError:
            error = JobError("the job ran out of its time", FailureClass.TIMEOUT, clock.now())
            store.fail(lease, error, retryable=True)
        else:
            store.complete(lease, result)

    def _workdir(self, _work_dir: Path, _job_id: str, _stage: StageName) -> Path:
        """One folder for all: simulated providers write nothing."""
        return self._folder

    def _predicted_s(self) -> float:
        """Seconds by which nine of ten nights should be out, as the daemon would say it at the start."""
        begin = self._plan.first
        estimates = estimates_from(self._plan.history, self._plan.deadline)
        p90_at = predict((), self._plan.chains, estimates, now=begin).p90_at
        return 0.0 if p90_at is None else (p90_at - begin).total_seconds()


def without_deadline(job: Job) -> Job:
    """The job as a runner sees it that knows no deadline."""
    return replace(job, deadline_at=None, time_limit_at=None)


def estimate_of_setting(plan: Plan, name: str) -> Estimate:
    """The configured estimate of a provider as the domain has it."""
    setting = plan.deadline.estimates[name]
    return Estimate(setting.p50_s, setting.p90_s)


def _outcome(ready_at: datetime | None, due_at: datetime) -> NightOutcome:
    if ready_at is None:
        return NightOutcome.MISSED
    return NightOutcome.ON_TIME if ready_at <= due_at else NightOutcome.LATE


def explained(attempts: Sequence[Attempt], job: Job | None) -> str:
    """What went another way than planned: ``manim: manim-api 2 TIMEOUT, static-cards``. Pure."""
    parts: list[str] = []
    for stage in StageName:
        steps: list[str] = []
        inside = [attempt for attempt in attempts if attempt.stage is stage]
        for provider in dict.fromkeys(attempt.provider for attempt in inside):
            own = [attempt for attempt in inside if attempt.provider == provider]
            bad = Counter(
                "passed over" if "skipped" in attempt.detail else str(attempt.error_class)
                for attempt in own
                if attempt.status is AttemptStatus.FAILED
            )
            words = [provider, *(f"{count} {kind}" for kind, count in bad.items())]
            steps.append(" ".join(words))
        if len(steps) > 1 or any(attempt.status is AttemptStatus.FAILED for attempt in inside):
            parts.append(f"{stage.value}: {', '.join(steps)}")
    if job is not None and job.retry_count:
        parts.append(f"{job.retry_count} retries of the job")
    return "; ".join(parts) or "as planned"
