"""Sends up later what could only be published on this machine.

When every remote storage of the chain failed, the local directory published the video, so that it was there in time.
This task tries the remote ones again, with growing pauses; once the video is up, the job gets its public address. It
can be killed at any moment: a provider asks the remote side first, so a second pass sends nothing twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from scheduler.domain.failure import StageFailure
from scheduler.domain.job import Job, JobResult, JobStatus
from scheduler.domain.render import StageName, StageOutput
from scheduler.pipeline.files import make_workdir
from scheduler.pipeline.upgrade import upgrade_key
from scheduler.ports.clock import Clock
from scheduler.ports.later import PendingUpload, PendingUploads
from scheduler.ports.provider import Call, Provider
from scheduler.ports.store import JobNotFoundError, JobStore, StoreError

log = structlog.get_logger("predawn.later")

LONGEST_WAIT_S = 3600.0
LOOK_S = 5.0
"""Seconds between looks at what waits."""


@dataclass(slots=True)
class _Turn:
    """When an upload is tried next, on the clock's counter, and how often it failed."""

    at: float
    failures: int = 0


def pause_s(failures: int, first_s: float) -> float:
    """Seconds to the next try: the first pause, doubled after each failure, up to an hour. Pure."""
    return min(first_s * 2.0 ** min(failures, 32), max(LONGEST_WAIT_S, first_s))


class LaterUploads:
    """The task. One for each published folder; more than one do no harm.

    Args:
        store: where the job gets its new address.
        waiting: what waits.
        providers: the remote ones by name.
        clock: its counter times the pauses.
        work_dir: stages work in ``<work_dir>/<job id>/upload``.
        first_s: seconds from a local publication to the first try.
        timeout_s: seconds of one try.
        blocking: runs a blocking call off the event loop.
    """

    def __init__(
        self,
        store: JobStore,
        waiting: PendingUploads,
        providers: Mapping[str, Provider],
        clock: Clock,
        *,
        work_dir: Path,
        first_s: float,
        timeout_s: float,
        blocking: Callable[..., Awaitable[Any]] = asyncio.to_thread,
    ) -> None:
        self._store = store
        self._waiting = waiting
        self._providers = providers
        self._clock = clock
        self._work_dir = work_dir
        self._first_s = first_s
        self._timeout_s = timeout_s
        self._blocking = blocking
        self._turns: dict[tuple[str, str], _Turn] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Look and send until ``stop`` is set; an upload that is under way then is broken off, and resumed some day."""
        sending = asyncio.create_task(self._forever(), name="later uploads")
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({sending, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending

    async def _forever(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(min(LOOK_S, self._first_s))

    async def look(self) -> int:
        """One pass over what waits; how many videos went up. Never raises for what a later pass may find mended."""
        try:
            pending: list[PendingUpload] = await self._blocking(self._waiting.pending)
        except OSError as error:
            log.warning("the published folder cannot be read", error=str(error))
            return 0
        keys = {_key(upload) for upload in pending}
        self._turns = {key: turn for key, turn in self._turns.items() if key in keys}
        sent = 0
        for upload in pending:
            turn = self._turn(upload)
            if turn.at <= self._clock.monotonic():
                try:
                    sent += await self._settle(upload, turn)
                except (StoreError, OSError) as error:
                    log.warning("a later upload could not be noted", job=upload.job_id, error=str(error))
                    self._postpone(turn)
        return sent

    def _turn(self, upload: PendingUpload) -> _Turn:
        key = _key(upload)
        if key not in self._turns:
            names = ", ".join(upload.wanted)
            log.info("video waits to be sent up", job=upload.job_id, to=names, first_try_s=self._first_s)
            self._turns[key] = _Turn(self._clock.monotonic() + self._first_s)
        return self._turns[key]

    async def _settle(self, upload: PendingUpload, turn: _Turn) -> bool:
        """Try one upload; whether it went up."""
        job = await self._job(upload)
        if job is not None and job.status is not JobStatus.COMPLETED:
            # Its own render publishes it, its result is about to be written, or an operator may still retry it.
            turn.at = self._clock.monotonic() + self._first_s
            return False
        if job is not None and await self._is_upgraded(job):
            # A better video is on its way to the same place: sent up after it, this one would be there in its stead.
            turn.at = self._clock.monotonic() + self._first_s
            return False
        if job is None or job.payload.get("video_url") != upload.local_url:
            log.info("video need not be sent up any more", job=upload.job_id)
            await self._blocking(self._waiting.settle, upload, url=None)
            return False
        output = await self._send(upload, job, turn)
        if output is None:
            return False
        result = _result_of(upload, output)
        noted = await self._blocking(self._store.update_result, job.id, result, replaces=upload.local_url)
        await self._blocking(self._waiting.settle, upload, url=result.video_url)
        log.info("video sent up", job=job.id, by=output.provider, url=result.video_url, noted=noted)
        return True

    async def _is_upgraded(self, job: Job) -> bool:
        """Whether an upgrade of the job is under way."""
        upgrade: Job | None = await self._blocking(self._store.by_key, upgrade_key(job))
        return upgrade is not None and not upgrade.is_final

    async def _job(self, upload: PendingUpload) -> Job | None:
        try:
            return await self._blocking(self._store.get, upload.job_id)
        except JobNotFoundError:
            return None

    async def _send(self, upload: PendingUpload, job: Job, turn: _Turn) -> StageOutput | None:
        """The output of the first provider that takes it; None: none did, and the next pause has begun."""
        for name in upload.wanted:
            provider = self._providers.get(name)
            if provider is None:
                continue
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await provider.run(await self._call(upload, job))
            except TimeoutError:
                log.warning("video not sent up", job=job.id, to=name, error=f"not within {self._timeout_s:g} s")
            except StageFailure as failure:
                log.warning("video not sent up", job=job.id, to=name, kind=failure.kind.value, error=failure.message)
            except Exception:  # the video is out; no fault of an upload may end the daemon
                log.exception("video not sent up", job=job.id, to=name)
        self._postpone(turn)
        return None

    def _postpone(self, turn: _Turn) -> None:
        turn.failures += 1
        turn.at = self._clock.monotonic() + pause_s(turn.failures, self._first_s)

    async def _call(self, upload: PendingUpload, job: Job) -> Call:
        artifacts = {"video": upload.video} | ({} if upload.thumbnail is None else {"thumbnail": upload.thumbnail})
        length = {"duration_s": upload.duration_s}
        return Call(
            job=job,
            stage=StageName.UPLOAD,
            workdir=await self._blocking(make_workdir, self._work_dir, job.id, StageName.UPLOAD),
            timeout_s=self._timeout_s,
            correlation_id=upload.correlation_id,
            idempotency_key=upload.idempotency_key,
            inputs={
                StageName.REVIDEO: StageOutput(data=length, artifacts=artifacts, degraded=upload.degraded),
                StageName.VERIFY: StageOutput(data=length),
            },
        )


def _key(upload: PendingUpload) -> tuple[str, str]:
    return upload.place, upload.video.sha256


def _result_of(upload: PendingUpload, output: StageOutput) -> JobResult:
    thumbnail = output.data.get("thumbnail_url")
    return JobResult(
        video_url=str(output.data["video_url"]),
        thumbnail_url=None if thumbnail is None else str(thumbnail),
        duration=upload.duration_s,
        degraded=upload.degraded,
    )
