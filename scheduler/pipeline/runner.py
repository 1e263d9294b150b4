"""The pipeline runner: one render of a leased job, from its start to its result (``docs/pipeline.md``)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from config.settings import DeadlineSettings
from scheduler.domain.failure import JobCancelledError, LeaseLostError, RenderFailedError
from scheduler.domain.job import JobResult, Lease
from scheduler.domain.render import Checkpoint, RenderStatus, StageName, StageOutput
from scheduler.pipeline.budget import must_end_at
from scheduler.pipeline.failing import StageExhaustedError
from scheduler.pipeline.files import make_workdir
from scheduler.pipeline.forecast import load_estimates
from scheduler.pipeline.insist import Blocking, insist
from scheduler.pipeline.ledger import Ledger
from scheduler.pipeline.progress import ProgressMeter, Report
from scheduler.pipeline.routes import Routes, fallback_of
from scheduler.pipeline.stage_runner import Health, Pass, Sleep, StageRunner, Surroundings, unheard
from scheduler.pipeline.stages import Pipeline, Stage
from scheduler.ports.clock import Clock
from scheduler.ports.store import Store

log = structlog.get_logger("predawn.pipeline")


def _unheard(_progress: float, _stage: str) -> None:
    """Progress that nobody listens to."""


def _unknown(_service: str) -> None:
    """The health of services that nobody probes."""


class PipelineRunner:
    """Renders jobs. One runner serves all jobs of a worker, any number side by side.

    Args:
        store: where everything is written.
        pipeline: stages and providers, or all routes of the installation.
        clock: the time of day, for the deadline, and a counter, for durations.
        work_dir: stages work in ``<work_dir>/<job id>/<stage>``.
        deadline: estimates and how much history outweighs them.
        health: how a service stands (``Prober.health``); a provider whose service is down is asked last.
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
        blocking: Blocking = asyncio.to_thread,
        rng: random.Random | None = None,
        sleep: Sleep = asyncio.sleep,
        workdir: Callable[[Path, str, StageName], Path] = make_workdir,
    ) -> None:
        self._store = store
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
        around = self._around
        ledger = Ledger(self._store, around.clock, lease, lease_s, blocking=around.blocking)
        correlation_id = f"{lease.job.id}-{lease.attempt}"
        bound = log.bind(job=lease.job.id, correlation_id=correlation_id)
        render = await ledger.open(correlation_id)
        try:
            this = await self._prepare(lease, correlation_id, checkpointed, await ledger.checkpoints())
            result = await self._take_route(this, ledger, report)
        except StageExhaustedError as failure:
            bound.warning("render failed", render=render.id, stage=failure.stage.value, error=failure.message)
            await ledger.close(RenderStatus.FAILED, failure=failure.record(render.id))
            error = failure.job_error(around.clock.now())
            raise RenderFailedError(error, retryable=failure.retryable) from failure
        except LeaseLostError:
            await ledger.close(RenderStatus.INTERRUPTED)
            raise
        except JobCancelledError:
            await ledger.close(RenderStatus.CANCELLED)
            raise
        await ledger.close(RenderStatus.COMPLETED, result=result)
        bound.info("render completed", render=render.id, degraded=result.degraded, url=result.video_url)
        return result

    async def _take_route(self, this: Pass, ledger: Ledger, report: Report) -> JobResult:
        """Make the job on its route, and if that fails on the route's fallback.

        Raises:
            StageExhaustedError: on the last of them.
        """
        meter = ProgressMeter(_weights(this.pipeline), report)
        while True:
            stages = StageRunner(self._around, this, ledger, meter)
            try:
                await self._run_stages(this.pipeline, stages)
            except StageExhaustedError as failure:
                fallback = fallback_of(this.pipeline, failure.stage)
                if fallback is None:
                    raise
                log.warning("route failed, the pipeline takes over", job=this.lease.job.id, error=failure.message)
                this = replace(this, pipeline=fallback, foreign=self._routes.foreign_to(fallback))
                meter = ProgressMeter(_weights(fallback), report, start=meter.overall)
            else:
                second = self._routes.is_second_choice(this.lease.job, this.pipeline)
                result = result_of(stages.outputs)
                return replace(result, degraded=result.degraded or second)

    async def _prepare(
        self,
        lease: Lease,
        correlation_id: str,
        checkpointed: Callable[[], None],
        kept: Sequence[Checkpoint],
    ) -> Pass:
        """Read what the decisions of this render rest on."""
        way = self._routes.of(lease.job, kept)
        renders = await insist(self._around.blocking, self._store.renders, lease.job.id)
        published = sum(render.status is RenderStatus.COMPLETED for render in renders)
        return Pass(
            lease=lease,
            pipeline=way,
            foreign=self._routes.foreign_to(way),
            correlation_id=correlation_id,
            generation=published,
            must_end_at=must_end_at(lease.job, published=published > 0, margin_s=self._deadline.margin_s),
            estimates=await insist(self._around.blocking, load_estimates, self._store, self._deadline),
            checkpointed=checkpointed,
        )

    async def _run_stages(self, pipeline: Pipeline, stages: StageRunner) -> None:
        """Run every stage that is left as soon as its needs are done; the failure of one stops the others."""
        wanted = await stages.resume()
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
