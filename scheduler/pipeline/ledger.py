"""Everything a render writes: attempts, parts, checkpoints, failures. Off the event loop, and under the lease."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from scheduler.domain.failure import FailureClass, FailureRecord, LeaseLostError, StageFailure
from scheduler.domain.job import JobResult, Lease
from scheduler.domain.render import Attempt, AttemptStatus, Checkpoint, Render, RenderStatus, StageName, StageOutput
from scheduler.pipeline.files import missing_file
from scheduler.pipeline.insist import Blocking, insist
from scheduler.pipeline.retry import MESSAGE_CHARS
from scheduler.ports.clock import Clock
from scheduler.ports.store import Store
from scheduler.redaction import writable


class Ledger:
    """The rows of one render."""

    def __init__(self, store: Store, clock: Clock, lease: Lease, lease_s: float, *, blocking: Blocking) -> None:
        self._store = store
        self._clock = clock
        self._lease = lease
        self._lease_s = lease_s
        self._blocking = blocking
        self._render: Render | None = None
        self._calls: dict[tuple[StageName, str], int] = {}
        self._began: dict[str, float] = {}

    async def open(self, correlation_id: str) -> Render:
        """Begin the render.

        Raises:
            LeaseLostError: the job is someone else's.
        """
        self._render = await insist(
            self._blocking, self._store.start_render, self._lease, correlation_id=correlation_id
        )
        return self.render

    @property
    def render(self) -> Render:
        """The render.

        Raises:
            LeaseLostError: it could not be begun.
        """
        if self._render is None:
            raise LeaseLostError(f"job {self._lease.job.id} belongs to another worker")
        return self._render

    def calls(self, stage: StageName, provider: str) -> int:
        """How often a provider was called for a stage in this render."""
        return self._calls.get((stage, provider), 0)

    async def started(self, stage: StageName, provider: str, position: int, detail: Mapping[str, Any]) -> Attempt:
        """A call begins."""
        attempt = replace(
            self._row(stage, provider, position), retry_count=self.calls(stage, provider), detail=dict(detail)
        )
        self._calls[stage, provider] = attempt.retry_count + 1
        self._began[attempt.id] = self._clock.monotonic()
        await insist(self._blocking, self._store.start_attempt, attempt)
        return attempt

    async def completed(self, attempt: Attempt, output: StageOutput) -> None:
        """A call has delivered: keep the stage's output, end the call and extend the lease, in one transaction.

        Raises:
            StageFailure: INVALID_OUTPUT; a file that the output names is not there. Nothing was kept.
            LeaseLostError: the lease is gone, and nothing was kept.
        """
        detail = {
            **attempt.detail,
            "degraded": output.degraded,
            "files": len(output.artifacts),
            "bytes": sum(artifact.size for artifact in output.artifacts.values()),
        }
        await self._keep(attempt.stage, "", output, self._ended(attempt, status=AttemptStatus.COMPLETED, detail=detail))

    async def failed(self, attempt: Attempt, failure: StageFailure) -> None:
        """A call has failed."""
        await self._finish(
            attempt,
            status=AttemptStatus.FAILED,
            error_class=failure.kind,
            error_message=failure.message,
            detail={**attempt.detail, **failure.details},
        )

    async def stopped(self, attempt: Attempt, why: str) -> None:
        """A call was broken off through no fault of its own."""
        await self._finish(
            attempt,
            status=AttemptStatus.FAILED,
            error_class=FailureClass.CANCELLED,
            error_message=writable(why, chars=MESSAGE_CHARS),
        )

    async def skipped(
        self, stage: StageName, provider: str, position: int, *, why: str, skipped: str, kind: FailureClass | None
    ) -> None:
        """A provider is passed over: a row of no length, so that the logs tell why (``detail.skipped``: the word)."""
        row = replace(
            self._row(stage, provider, position),
            status=AttemptStatus.FAILED,
            retry_count=self.calls(stage, provider),
            duration_ms=0,
            error_class=kind,
            error_message=why,
            detail={"skipped": skipped},
        )
        await insist(self._blocking, self._store.start_attempt, row)

    async def resumed(self, stage: StageName, output: StageOutput, position: int) -> None:
        """A stage is taken from its checkpoint."""
        row = replace(
            self._row(stage, output.provider, position),
            status=AttemptStatus.COMPLETED,
            resumed=True,
            duration_ms=0,
            detail={"degraded": output.degraded},
        )
        await insist(self._blocking, self._store.start_attempt, row)

    async def checkpoints(self) -> list[Checkpoint]:
        """What earlier renders of the job left."""
        found: list[Checkpoint] = await insist(self._blocking, self._store.checkpoints, self._lease.job.id)
        return found

    async def keep_part(self, stage: StageName, part: str, output: StageOutput) -> None:
        """Keep a piece of a stage's output and extend the lease, in one transaction.

        Raises:
            StageFailure: INVALID_OUTPUT; a file that the output names is not there. Nothing was kept.
            LeaseLostError: the lease is gone, and nothing was kept.
        """
        await self._keep(stage, part, output, None)

    async def _keep(self, stage: StageName, part: str, output: StageOutput, attempt: Attempt | None) -> None:
        checkpoint = Checkpoint(self._lease.job.id, stage, part, output, self._lease.attempt)
        if not await insist(self._blocking, self._save, checkpoint, attempt):
            raise LeaseLostError(f"stage {stage.value} of job {self._lease.job.id} was not kept: the lease is lost")

    def _save(self, checkpoint: Checkpoint, attempt: Attempt | None) -> bool:
        """One turn in a thread for both: whether the files are there, and the transaction. Blocking."""
        output, part = checkpoint.output, checkpoint.part
        problem = missing_file(output)
        if problem is not None:
            what = f"part {part} of {checkpoint.stage.value}" if part else checkpoint.stage.value
            raise StageFailure.invalid_output(f"what {output.provider} made for {what} lacks: {problem}")
        return self._store.save_checkpoint(self._lease, checkpoint, lease_s=self._lease_s, attempt=attempt)

    async def confirm_lease(self) -> None:
        """Ask whether the job is still ours, just before something becomes visible to others.

        Raises:
            LeaseLostError: it is not.
        """
        if not await insist(self._blocking, self._store.holds, self._lease):
            raise LeaseLostError(f"job {self._lease.job.id} was not published: the lease is lost")

    async def close(
        self, status: RenderStatus, *, result: JobResult | None = None, failure: FailureRecord | None = None
    ) -> None:
        """End the render, with its result or with the record of why there is none."""
        if failure is not None:
            await insist(self._blocking, _record_once, self._store, self._lease.job.id, failure)
        if result is None:
            await insist(self._blocking, self._store.finish_render, self.render.id, status)
            return
        await insist(
            self._blocking,
            self._store.finish_render,
            self.render.id,
            status,
            degraded=result.degraded,
            video_url=result.video_url,
            thumbnail_url=result.thumbnail_url,
            duration_s=result.duration,
        )

    def _row(self, stage: StageName, provider: str, position: int) -> Attempt:
        return Attempt(
            id=str(uuid.uuid4()),
            render_id=self.render.id,
            job_id=self._lease.job.id,
            stage=stage,
            provider=provider,
            status=AttemptStatus.STARTED,
            started_at=self._clock.now(),
            fallback_position=position,
        )

    def _ended(self, attempt: Attempt, **how: Any) -> Attempt:
        seconds = self._clock.monotonic() - self._began[attempt.id]
        return replace(attempt, duration_ms=round(seconds * 1000), **how)

    async def _finish(self, attempt: Attempt, **how: Any) -> None:
        await insist(self._blocking, self._store.finish_attempt, self._ended(attempt, **how))


def _record_once(store: Store, job_id: str, failure: FailureRecord) -> None:
    """Keep why a render failed; when this is repeated, because the answer was lost, it stays one row."""
    if all(kept.render_id != failure.render_id for kept in store.failures(job_id)):
        store.record_failure(failure)
