"""One render's stages: timeout → retry → fall back → record → checkpoint. The one place that retries.

To be read in this order: ``StageRunner.run`` (a stage), ``_chain`` (its providers), ``_ask`` (one provider),
``_attempt`` (one call).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from tenacity import AsyncRetrying, RetryCallState

from scheduler.domain.codec import brief_from_json, script_from_json
from scheduler.domain.deadline import AttemptBudget
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.job import Job, Lease
from scheduler.domain.render import Checkpoint, StageName, StageOutput
from scheduler.domain.service import ServiceHealth, ServiceState
from scheduler.pipeline.budget import budget_for
from scheduler.pipeline.failing import StageExhaustedError, Tried, passed_over
from scheduler.pipeline.files import damaged_file, job_folder, make_workdir
from scheduler.pipeline.forecast import Estimates
from scheduler.pipeline.insist import Blocking, settle
from scheduler.pipeline.ledger import Ledger
from scheduler.pipeline.progress import ProgressMeter
from scheduler.pipeline.retry import classify, may_retry, wait_s
from scheduler.pipeline.stages import Pipeline, Stage, ancestors, problem_with, stages_to_run
from scheduler.ports.clock import Clock
from scheduler.ports.provider import Call, correlation

LEAST_ATTEMPT_S = 1.0
"""No attempt that is begun gets less time than this."""

Health = Callable[[str], ServiceHealth | None]
"""How a service stands (``Prober.health``); None: not known, which counts as well."""
Sleep = Callable[[float], Awaitable[None]]


def unheard() -> None:
    """Checkpoints that nobody waits for."""


async def wanted() -> None:
    """Whoever asked for the video still wants it."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all renders of a worker share."""

    clock: Clock
    work_dir: Path
    blocking: Blocking
    health: Health
    rng: random.Random
    sleep: Sleep
    workdir: Callable[[Path, str, StageName], Path] = make_workdir


@dataclass(frozen=True, slots=True)
class Pass:
    """What is known of one render when it begins on a route.

    Attributes:
        pipeline: the route's stages.
        foreign: providers of other routes: what they left is not taken over.
        generation: how many videos of this job were published before this one.
        must_end_at: the deadline or the time limit, whichever is first; None: there is none.
        checkpointed: called when something was kept and more is to come: a good place to be stopped.
        subject: the job whose video is made, where it is not the leased one (an upgrade).
        confirm: asked just before the video becomes visible; raises when it is not wanted any more.
    """

    lease: Lease
    pipeline: Pipeline
    foreign: frozenset[str]
    correlation_id: str
    generation: int
    must_end_at: datetime | None
    estimates: Estimates
    checkpointed: Callable[[], None] = unheard
    subject: Job | None = None
    confirm: Callable[[], Awaitable[None]] = wanted

    @property
    def job(self) -> Job:
        """The job whose video is made: the leased one, but in an upgrade."""
        return self.subject or self.lease.job

    def idempotency_key(self, stage: StageName) -> str:
        """``job:stage``, the same for every call, retry and resumption that leads to one published video.

        A re-render of a published job gets a key of its own (``job:stage:1``): it is meant to replace what is out, and
        a remote side that remembers keys would answer it with the old video.
        """
        key = f"{self.job.id}:{stage.value}"
        return f"{key}:{self.generation}" if self.generation else key


@dataclass(frozen=True, slots=True)
class _Turn:
    """A provider's turn in its chain: its position, who can still be asked after it, and its calls before this turn."""

    stage: Stage
    position: int
    rest: tuple[str, ...]
    calls_before: int

    @property
    def provider(self) -> str:
        return self.stage.chain[self.position].name


class StageRunner:
    """Runs the stages of one render.

    Args:
        around: what all renders share.
        this: this render.
        ledger: where it is written.
        meter: overall progress.
    """

    def __init__(self, around: Surroundings, this: Pass, ledger: Ledger, meter: ProgressMeter) -> None:
        self._around = around
        self._this = this
        self._ledger = ledger
        self._meter = meter
        self._outputs: dict[StageName, StageOutput] = {}
        self._parts: dict[StageName, dict[str, StageOutput]] = {}
        self._resumed: set[StageName] = set()
        self._broken_by: StageName | None = None

    @property
    def outputs(self) -> Mapping[StageName, StageOutput]:
        """Outputs of the stages that are done."""
        return self._outputs

    async def resume(self, kept: Sequence[Checkpoint] | None = None) -> frozenset[StageName]:
        """Take over what earlier renders of the job finished: whole stages, and parts of those that were not.

        A checkpoint that cannot be read, or whose files are gone or damaged, does not count. Its stage runs again, but
        only if a stage that is still to be done needs it.

        Args:
            kept: the job's checkpoints, if they have just been read.

        Returns:
            The stages that are to run.
        """
        whole: dict[StageName, StageOutput] = {}
        intact: set[StageName] = set()
        pipeline = self._this.pipeline
        kept = await self._ledger.checkpoints() if kept is None else kept
        ours = [checkpoint for checkpoint in kept if checkpoint.output.provider not in self._this.foreign]
        for checkpoint, usable in await self._around.blocking(self._look_at_files, ours):
            if not checkpoint.part:
                whole[checkpoint.stage] = checkpoint.output
                intact.update({checkpoint.stage} if usable else ())
            elif usable:
                self._parts.setdefault(checkpoint.stage, {})[checkpoint.part] = checkpoint.output
        # What improves an output is made again with it.
        intact -= {stage.name for stage in pipeline.stages if stage.over is not None and stage.over not in intact}
        wanted = stages_to_run(intact | (frozenset(pipeline.graph) - pipeline.names), pipeline.graph)
        for stage in pipeline.stages:
            if stage.name not in wanted and stage.name in whole:
                output = self._outputs[stage.name] = whole[stage.name]
                self._resumed.add(stage.name)
                await self._ledger.resumed(stage.name, output, _position(stage, output.provider))
                self._meter.finish(stage.name)
        return wanted

    def _look_at_files(self, kept: Sequence[Checkpoint]) -> list[tuple[Checkpoint, bool]]:
        """Whether the files of each checkpoint can be used; and folders for what is still to be made. Blocking."""
        for stage in self._this.pipeline.stages:
            with contextlib.suppress(OSError):  # the call that needs the folder says what is wrong with it
                make_workdir(self._around.work_dir, self._this.lease.job.id, stage.name)
        return [(checkpoint, _usable(checkpoint)) for checkpoint in kept]

    async def run(self, stage: Stage) -> None:
        """Do a stage whose needs are done. Its output is in ``outputs`` then, and kept.

        A stage that checks another one's output and rejects it has it made again by that stage's next provider.

        Raises:
            StageExhaustedError: nobody could do it.
            LeaseLostError: the job is someone else's now.
        """
        self._meter.start(stage.name)
        try:
            while stage.name not in self._outputs:
                try:
                    self._outputs[stage.name] = await self._chain(stage)
                except StageExhaustedError as rejection:
                    if stage.checks is None or rejection.kind is not FailureClass.INVALID_OUTPUT:
                        raise
                    await self._make_again(self._this.pipeline.stage(stage.checks), rejection)
        except StageExhaustedError:
            self._broken_by = self._broken_by or stage.name
            raise
        self._meter.finish(stage.name)

    async def _make_again(self, stage: Stage, rejection: StageExhaustedError) -> None:
        """Have a rejected output made by the next provider; by all of them, if it came from an earlier render."""
        rejected = self._outputs[stage.name]
        start = 0 if stage.name in self._resumed else _position(stage, rejected.provider) + 1
        if start == len(stage.chain):
            raise rejection
        self._resumed.discard(stage.name)
        self._outputs[stage.name] = await self._chain(stage, start)
        for other in self._this.pipeline.stages:
            if other.over is stage.name and other.name in self._outputs:
                self._resumed.discard(other.name)
                self._outputs[other.name] = await self._chain(other)

    async def _chain(self, stage: Stage, start: int = 0) -> StageOutput:
        """Ask the providers of a stage, best first, until one delivers. One whose service is down is asked last."""
        queue = deque(range(start, len(stage.chain)))
        postponed: set[int] = set()
        tried: list[Tried] = []
        while queue:
            position = queue.popleft()
            # Whoever is asked late because its service is down is nobody to count on: the last resort stays the last.
            rest = tuple(stage.providers[other] for other in queue if other not in postponed)
            turn = _Turn(stage, position, rest, self._ledger.calls(stage.name, stage.providers[position]))
            if position not in postponed and rest and (why := self._down(turn)):
                postponed.add(position)
                queue.append(position)
                await self._skip(turn, why, "unhealthy", FailureClass.UNAVAILABLE)
                continue
            try:
                return await self._ask(turn)
            except StageFailure as failure:
                tried.append(Tried(turn.provider, self._calls(turn), failure))
        raise StageExhaustedError(stage.name, tried)

    async def _ask(self, turn: _Turn) -> StageOutput:
        """Ask one provider; again after 1, 2, 4 … s while that can help and the deadline leaves time for it."""
        policy = turn.stage.policy
        if why := await self._short_of_time(turn):
            raise passed_over(why, FailureClass.TIMEOUT)

        async def again(state: RetryCallState) -> bool:
            failure, calls = _failure(state), self._calls(turn)
            if failure is None or not may_retry(failure, calls, policy, others_left=bool(turn.rest)):
                return False
            return not await self._short_of_time(turn, wait_s=wait_s(failure, calls, policy, draw=1.0))

        def wait(state: RetryCallState) -> float:
            failure, draw = _failure(state), self._around.rng.random()
            return 0.0 if failure is None else wait_s(failure, self._calls(turn), policy, draw)

        async for attempt in AsyncRetrying(retry=again, wait=wait, sleep=self._around.sleep):
            with attempt:
                return await self._attempt(turn, waited_s=attempt.retry_state.upcoming_sleep)
        raise RuntimeError("tenacity ended without an outcome")

    async def _attempt(self, turn: _Turn, *, waited_s: float) -> StageOutput:
        """One call of one provider, from its row in the log to its checkpoint."""
        stage, provider = turn.stage, turn.stage.chain[turn.position]
        if stage.publishes:
            await self._ledger.confirm_lease()
            await self._this.confirm()
        timeout_s = max(self._budget(turn).timeout_s, LEAST_ATTEMPT_S)
        limit = asyncio.timeout(timeout_s)
        row = await self._ledger.started(
            stage.name, provider.name, turn.position, {"waited_s": round(waited_s, 3), "timeout_s": round(timeout_s, 3)}
        )
        try:
            call = await self._call(turn, timeout_s)
            correlation.set(call.correlation_id)
            async with limit:
                made = await provider.run(call)
            output = self._accept(turn, made)
            await self._ledger.completed(row, output)
        except (Exception, asyncio.CancelledError) as error:
            timed_out_s = timeout_s if limit.expired() else None
            failure = classify(error, provider.name, timed_out_s=timed_out_s, cancelled=_is_cancelled())
            if failure is None:
                await self._ledger.stopped(row, self._why_stopped(error))
                raise
            await self._ledger.failed(row, failure)
            raise failure from error
        if not stage.publishes:  # what is out needs but a moment to be done with
            self._this.checkpointed()
        return output

    def _accept(self, turn: _Turn, made: StageOutput) -> StageOutput:
        """Check that an output is whole and mark it: who made it, and whether any of it is second choice.

        Raises:
            StageFailure: INVALID_OUTPUT; the data lacks what later stages need.
        """
        problem = problem_with(turn.stage.name, made)
        if problem is not None:
            raise StageFailure.invalid_output(f"what {turn.provider} made for {turn.stage.name.value} lacks: {problem}")
        from_parts = any(part.degraded for part in self._parts.get(turn.stage.name, {}).values())
        return replace(made, provider=turn.provider, degraded=made.degraded or turn.position > 0 or from_parts)

    async def _call(self, turn: _Turn, timeout_s: float) -> Call:
        stage, this, around = turn.stage.name, self._this, self._around
        inputs = self._inputs(stage)
        brief, script = inputs.get(StageName.BRIEF), inputs.get(StageName.SCRIPT_GEN)
        workdir = job_folder(around.work_dir, this.lease.job.id) / stage.value
        if not workdir.is_dir():
            workdir = await settle(around.blocking, around.workdir, around.work_dir, this.lease.job.id, stage)
        return Call(
            job=this.job,
            stage=stage,
            workdir=workdir,
            timeout_s=timeout_s,
            correlation_id=this.correlation_id,
            idempotency_key=this.idempotency_key(stage),
            brief=brief_from_json(brief.data["brief"]) if brief else None,
            script=script_from_json(script.data["script"]) if script else None,
            inputs=inputs,
            parts=dict(self._parts.get(stage, {})),
            save_part=partial(self._save_part, turn),
            progress=lambda fraction, _message="": self._meter.move(stage, fraction),
        )

    def _inputs(self, stage: StageName) -> dict[StageName, StageOutput]:
        """What the stages before ``stage`` have left, as those improved it that stand over them."""
        pipeline = self._this.pipeline
        before = ancestors(stage, pipeline.graph)
        found = {name: output for name, output in self._outputs.items() if name in before}
        for one in pipeline.stages:
            if one.over is not None and one.over in found and one.name in found:
                below, above = found[one.over], found[one.name]
                found[one.over] = replace(
                    below, data={**below.data, **above.data}, artifacts={**below.artifacts, **above.artifacts}
                )
        return found

    async def _save_part(self, turn: _Turn, part: str, made: StageOutput) -> None:
        """Keep a piece of a stage, so that a retry, a fallback or a crash need not make it again."""
        output = replace(made, provider=turn.provider, degraded=made.degraded or turn.position > 0)
        if not part:
            raise ValueError("a part needs a name, the empty one is the whole stage")
        await self._ledger.keep_part(turn.stage.name, part, output)
        self._parts.setdefault(turn.stage.name, {})[part] = output
        self._this.checkpointed()

    def _calls(self, turn: _Turn) -> int:
        """Calls of the provider in this turn."""
        return self._ledger.calls(turn.stage.name, turn.provider) - turn.calls_before

    def _budget(self, turn: _Turn, *, wait_s: float = 0.0) -> AttemptBudget:
        """What the deadline allows the provider after a wait."""
        end, around = self._this.must_end_at, self._around
        return budget_for(
            self._this.pipeline,
            turn.stage,
            turn.provider,
            rest=turn.rest,
            calls=self._calls(turn),
            done=self._outputs.keys(),
            estimates=self._this.estimates,
            time_left_s=None if end is None else (end - around.clock.now()).total_seconds() - wait_s,
        )

    async def _short_of_time(self, turn: _Turn, *, wait_s: float = 0.0) -> str | None:
        """Why the deadline leaves no time for a call after a wait, as written in the log; None: there is time."""
        budget = self._budget(turn, wait_s=wait_s)
        if budget.allowed:
            return None
        why = f"stepped down: {budget.why}"
        await self._skip(turn, why, "deadline", None)
        return why

    def _down(self, turn: _Turn) -> str | None:
        """Why a provider is passed over for now: its service is known to be down, or was taken out by an operator."""
        service = turn.stage.chain[turn.position].service
        health = self._around.health(service) if service else None
        if health is not None and health.maintenance is not None:
            out = health.maintenance
            return f"skipped: {service} is under maintenance until {out.until:%H:%M:%S} UTC ({out.by})"
        if health is None or health.state is not ServiceState.DOWN:
            return None
        since = f" since {health.since:%H:%M:%S} UTC" if health.since else ""
        return f"skipped: {service} is down{since}"

    async def _skip(self, turn: _Turn, why: str, skipped: str, kind: FailureClass | None) -> None:
        await self._ledger.skipped(turn.stage.name, turn.provider, turn.position, why=why, skipped=skipped, kind=kind)

    def _why_stopped(self, error: BaseException) -> str:
        if isinstance(error, asyncio.CancelledError):
            return f"stopped: stage {self._broken_by.value} failed" if self._broken_by else "stopped from outside"
        return f"stopped: {error}"


def _usable(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint's data and files are as they were made. Blocking."""
    try:
        broken = "" if checkpoint.part else problem_with(checkpoint.stage, checkpoint.output)
        return not (broken or damaged_file(checkpoint.output))
    except OSError:
        return False


def _position(stage: Stage, provider: str) -> int:
    """Where a provider stands in its chain; 0 when it is no longer in it."""
    return stage.providers.index(provider) if provider in stage.providers else 0


def _failure(state: RetryCallState) -> StageFailure | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, StageFailure) else None


def _is_cancelled() -> bool:
    """Whether the task that runs has been asked to stop."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
