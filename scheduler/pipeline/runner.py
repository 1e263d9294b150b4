"""The pipeline runner: one render of a leased job, from its start to its result (``docs/pipeline.md``)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from config.settings import DeadlineSettings
from scheduler.domain.failure import FailureClass, JobCancelledError, JobError, LeaseLostError, RenderFailedError
from scheduler.domain.job import UPGRADE, Job, JobResult, Lease
from scheduler.domain.render import Checkpoint, Render, RenderStatus, StageName, StageOutput
from scheduler.pipeline.budget import must_end_at
from scheduler.pipeline.failing import StageExhaustedError, SupersededError
from scheduler.pipeline.files import make_workdir
from scheduler.pipeline.forecast import Estimates, load_estimates
from scheduler.pipeline.insist import Blocking, insist
from scheduler.pipeline.ledger import Ledger
from scheduler.pipeline.progress import ProgressMeter, Report
from scheduler.pipeline.routes import Routes, fallback_of
from scheduler.pipeline.stage_runner import Health, Pass, Sleep, StageRunner, Surroundings, unheard
from scheduler.pipeline.stages import Pipeline, Stage
from scheduler.pipeline.upgrade import adopted, strict, superseded
from scheduler.ports.clock import Clock
from scheduler.ports.store import JobNotFoundError, Store

log = structlog.get_logger("predawn.pipeline")

ESTIMATES_S = 30.0
"""Seconds for which estimates from history are used before they are read again."""


def _unheard(_progress: float, _stage: str) -> None:
    """Progress that nobody listens to."""


def _unknown(_service: str) -> None:
    """The health of services that nobody probes."""


async def _at_once() -> None:
    """Nothing to do before a render."""


class PipelineRunner:
    """Renders jobs. One runner serves all jobs of a worker, any number side by side.

    Args:
        store: where everything is written.
        pipeline: stages and providers, or all routes of the installation.
        clock: the time of day, for the deadline, and a counter, for durations.
        work_dir: stages work in ``<work_dir>/<job id>/<stage>``.
        deadline: estimates and how much history outweighs them.
        health: how a service stands (``Prober.health``); a provider whose service is down is asked last.
        before: looks at the services before a render rests on how they stand (``Prober.before_render``).
        blocking: runs a store call off the event loop.
        rng: draws the jitter.
        sleep: waits between calls.
        workdir: makes the folder of a stage; the simulator has one for all.
    """

    def __init__(
        self,
        store: Store,
        pipeline: Pipeline | Routes,
        clock: Clock,
        *,
        work_dir: Path,
        deadline: DeadlineSettings | None = None,
        health: Health = _unknown,
        before: Callable[[], Awaitable[None]] = _at_once,
        blocking: Blocking = asyncio.to_thread,
        rng: random.Random | None = None,
        sleep: Sleep = asyncio.sleep,
        workdir: Callable[[Path, str, StageName], Path] = make_workdir,
    ) -> None:
        self._store = store
        self._before = before
        self._known: tuple[float, Estimates] | None = None
        self._deadline = deadline or DeadlineSettings()
        self._routes = pipeline if isinstance(pipeline, Routes) else Routes(pipeline)
        self._around = Surroundings(
            clock=clock,
            work_dir=work_dir,
            blocking=blocking,
            health=health,
            rng=rng or random.Random(),  # noqa: S311 - jitter, no secret
            sleep=sleep,
            workdir=workdir,
        )

    async def run(
        self,
        lease: Lease,
        *,
        lease_s: float,
        report: Report = _unheard,
        checkpointed: Callable[[], None] = unheard,
    ) -> JobResult:
        """One render of a leased job: goes on from its checkpoints, and ends with the published video.

        Cancelled from outside it closes its open attempts and lets the cancellation through; whoever cancelled it knows
        why and ends the render.

        Args:
            lease: the right to work on the job; everything is written under it.
            lease_s: seconds by which each checkpoint extends the lease.
            report: hears overall progress 0–1 and the stage that runs; heartbeats are the caller's.
            checkpointed: called when a checkpoint or a part was kept and more is to come: who has to stop the render
                loses least by doing it then.

        Raises:
            RenderFailedError: a stage could not be done by anyone.
            LeaseLostError: the job belongs to someone else now; nothing more was written for it.
            StoreError: the database cannot do its work.
        """
        ledger = Ledger(self._store, self._around.clock, lease, lease_s, blocking=self._around.blocking)
        correlation_id = f"{lease.job.id}-{lease.attempt}"
        # Whatever is logged from here on, by whomever, names the job and the render.
        with structlog.contextvars.bound_contextvars(job=lease.job.id, correlation_id=correlation_id):
            return await self._render(lease, ledger, await ledger.open(correlation_id), report, checkpointed)

    async def _render(
        self, lease: Lease, ledger: Ledger, render: Render, report: Report, checkpointed: Callable[[], None]
    ) -> JobResult:
        """A render that has begun, to its end in the ledger."""
        around = self._around
        try:
            await self._before()
            kept = await ledger.checkpoints()
            if lease.job.job_type == UPGRADE:
                result = await self._upgrade(lease, render, checkpointed, ledger, report, kept)
            else:
                this = await self._prepare(lease, render, checkpointed, kept)
                result = await self._take_route(this, ledger, report, kept)
        except StageExhaustedError as failure:
            log.warning("render failed", render=render.id, stage=failure.stage.value, error=failure.message)
            await ledger.close(RenderStatus.FAILED, failure=failure.record(render.id))
            error = failure.job_error(around.clock.now())
            raise RenderFailedError(error, retryable=failure.retryable) from failure
        except SupersededError as why:
            await ledger.close(RenderStatus.CANCELLED)
            error = JobError(str(why), FailureClass.INVALID_INPUT, around.clock.now())
            raise RenderFailedError(error, retryable=False) from why
        except LeaseLostError:
            await ledger.close(RenderStatus.INTERRUPTED)
            raise
        except JobCancelledError:
            await ledger.close(RenderStatus.CANCELLED)
            raise
        await ledger.close(RenderStatus.COMPLETED, result=result)
        log.info("render completed", render=render.id, degraded=result.degraded, url=result.video_url)
        return result

    async def _take_route(self, this: Pass, ledger: Ledger, report: Report, kept: Sequence[Checkpoint]) -> JobResult:
        """Make the job on its route, and if that fails on the route's fallback.

        Raises:
            StageExhaustedError: on the last of them.
        """
        meter = ProgressMeter(_weights(this.pipeline), report)
        known: Sequence[Checkpoint] | None = kept
        while True:
            stages = StageRunner(self._around, this, ledger, meter)
            try:
                await self._run_stages(this.pipeline, stages, known)
            except StageExhaustedError as failure:
                fallback = fallback_of(this.pipeline, failure.stage)
                if fallback is None:
                    raise
                log.warning("route failed, the pipeline takes over", error=failure.message)
                known = None  # the route has kept more since
                this = replace(this, pipeline=fallback, foreign=self._routes.foreign_to(fallback))
                meter = ProgressMeter(_weights(fallback), report, start=meter.overall)
            else:
                second = self._routes.is_second_choice(this.lease.job, this.pipeline)
                result = result_of(stages.outputs)
                return replace(result, degraded=result.degraded or second)

    async def _prepare(
        self,
        lease: Lease,
        render: Render,
        checkpointed: Callable[[], None],
        kept: Sequence[Checkpoint],
    ) -> Pass:
        """Read what the decisions of this render rest on."""
        way = self._routes.of(lease.job, kept)
        # A job's first render follows none that could have published.
        renders: Sequence[Render] = ()
        if render.number > 1:
            renders = await insist(self._around.blocking, self._store.renders, lease.job.id)
        published = sum(one.status is RenderStatus.COMPLETED for one in renders)
        return Pass(
            lease=lease,
            pipeline=way,
            foreign=self._routes.foreign_to(way),
            correlation_id=render.correlation_id or f"{lease.job.id}-{lease.attempt}",
            generation=published,
            estimates=await self._estimates(),
            must_end_at=must_end_at(lease.job, published=published > 0, margin_s=self._deadline.margin_s),
            checkpointed=checkpointed,
        )

    async def _upgrade(  # noqa: PLR0917 - what a render is made with
        self,
        lease: Lease,
        render: Render,
        checkpointed: Callable[[], None],
        ledger: Ledger,
        report: Report,
        kept: Sequence[Checkpoint],
    ) -> JobResult:
        """Make the video of a completed job anew with first choices alone, publish it over the old one, and note it.

        Raises:
            SupersededError: the job is not as it was any more, or the time for it has gone by.
            StageExhaustedError: a first choice has failed again.
        """
        around, asked = self._around, lease.job

        async def subject() -> Job:
            try:
                job: Job = await insist(around.blocking, self._store.get, str(asked.payload.get("upgrade_of")))
            except JobNotFoundError as error:
                raise SupersededError(f"there is nothing to upgrade: {error}") from error
            why = superseded(job, asked.payload, around.clock.now())
            if why is not None:
                raise SupersededError(f"there is nothing to upgrade: {why}")
            return job

        async def confirm() -> None:
            await subject()

        published = next((one.output for one in kept if one.stage is StageName.UPLOAD and not one.part), None)
        if published is None:
            job = await subject()
        else:  # it is out already: what is left is to note it
            job = await insist(around.blocking, self._store.get, str(asked.payload.get("upgrade_of")))
        theirs = adopted(await insist(around.blocking, self._store.checkpoints, job.id))
        ours = {(one.stage, one.part) for one in kept}
        before = [one for one in theirs if (one.stage, one.part) not in ours]
        base = await self._prepare(lease, render, checkpointed, kept)
        renders: Sequence[Render] = await insist(around.blocking, self._store.renders, job.id)
        way = strict(self._routes.with_added(self._routes.pipeline, job.job_type))
        this = replace(
            base,
            pipeline=way,
            foreign=self._routes.foreign_to(way),
            generation=sum(one.status is RenderStatus.COMPLETED for one in renders),
            must_end_at=lease.job.time_limit_at,
            subject=job,
            confirm=confirm,
        )
        stages = StageRunner(around, this, ledger, ProgressMeter(_weights(way), report))
        await self._run_stages(way, stages, [*before, *kept])
        result = result_of(stages.outputs)
        job = await insist(around.blocking, self._store.get, job.id)
        noted = await insist(
            around.blocking,
            self._store.update_result,
            job.id,
            result,
            replaces=str(job.payload.get("video_url")),
            upgraded_at=around.clock.now(),
        )
        log.info("video upgraded", job=job.id, url=result.video_url, noted=noted)
        return result

    async def _estimates(self) -> Estimates:
        """Estimates from history, read again when they are ``ESTIMATES_S`` old: thirty renders change slowly."""
        now = self._around.clock.monotonic()
        if self._known is None or now - self._known[0] > ESTIMATES_S:
            self._known = (now, await insist(self._around.blocking, load_estimates, self._store, self._deadline))
        return self._known[1]

    async def _run_stages(self, pipeline: Pipeline, stages: StageRunner, kept: Sequence[Checkpoint] | None) -> None:
        """Run every stage that is left as soon as its needs are done; the failure of one stops the others."""
        wanted = await stages.resume(kept)
        done = {stage.name: asyncio.Event() for stage in pipeline.stages}
        for name, event in done.items():
            if name not in wanted:
                event.set()

        async def when_ready(stage: Stage) -> None:
            for need in stage.needs:
                await done[need].wait()
            await stages.run(stage)
            done[stage.name].set()

        try:
            async with asyncio.TaskGroup() as group:
                for stage in pipeline.stages:
                    if stage.name in wanted:
                        group.create_task(when_ready(stage), name=f"{stage.name.value} of the render")
        except BaseExceptionGroup as failures:
            raise _foremost(failures) from failures


def _weights(pipeline: Pipeline) -> dict[StageName, float]:
    return {stage.name: stage.policy.weight for stage in pipeline.stages}


def result_of(outputs: Mapping[StageName, StageOutput]) -> JobResult:
    """What the job keeps of a render whose stages are all done."""
    published = outputs[StageName.UPLOAD].data
    seconds = [
        outputs[stage].data["duration_s"]
        for stage in (StageName.VERIFY, StageName.REVIDEO, StageName.UPLOAD)
        if stage in outputs and "duration_s" in outputs[stage].data
    ]
    return JobResult(
        video_url=published["video_url"],
        thumbnail_url=published.get("thumbnail_url"),
        duration=float(seconds[0]) if seconds else 0.0,
        degraded=any(output.degraded for output in outputs.values()),
    )


def _foremost(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of what went wrong in stages side by side, what decides: a lost lease and a cancel stand above failures."""
    for error in failures.exceptions:
        if isinstance(error, (LeaseLostError, JobCancelledError)):
            return error
    return failures.exceptions[0]
