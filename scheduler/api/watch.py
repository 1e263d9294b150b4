"""Jobs as they change: one look at the database for all who follow, however many they are.

Followers hold no queue: each remembers what it has told (``stream.Cursor``) and works out what is new from the latest
state, which all share. So one that stops reading costs neither memory nor anybody else's time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import structlog

from scheduler.api.views import outlook_view
from scheduler.ports.api import HttpOperations, JobOutlook
from scheduler.ports.operations import NotFoundError
from scheduler.ports.store import StoreError

log = structlog.get_logger("predawn.api")

EVERY_S = 0.2
"""Seconds between looks whether anything was written."""
AT_LEAST_S = 2.0
"""Seconds after which a followed job is read anew also when nothing seems to have been written: its estimate moves."""
FRESH_S = 0.2
"""Seconds for which a job that was read is told again as it was."""
KEPT = 2_000


@dataclass(slots=True)
class Watched:
    """A job as last seen.

    Attributes:
        outlook: how it stood at ``at``.
        version: grows whenever it was read anew.
        told: the answer of ``GET /jobs/{id}`` to this version, once it was asked for.
    """

    outlook: JobOutlook
    at: float
    version: int = 0
    followers: int = 0
    told: bytes | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def after(self, version: int, timeout_s: float) -> None:
        """Return when a version newer than this one is there, or the time is up."""
        if self.version == version:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.changed.wait(), timeout_s)


class JobWatch:
    """The shared look at jobs. Used on one event loop.

    Args:
        operations: where they are read, in threads.
    """

    def __init__(self, operations: HttpOperations) -> None:
        self._operations = operations
        self._jobs: dict[str, Watched] = {}
        self._reading: dict[str, asyncio.Task[JobOutlook]] = {}
        self._poller: asyncio.Task[None] | None = None
        self._leaving = False

    @property
    def leaving(self) -> bool:
        """Whether this process is about to end: who follows a job is to answer with what is known, and go."""
        return self._leaving

    def leave(self) -> None:
        """Let all who follow a job go."""
        self._leaving = True
        for job in self._jobs.values():
            job.changed.set()

    @property
    def followed(self) -> int:
        """How many follow a job now."""
        return sum(job.followers for job in self._jobs.values())

    async def outlook(self, job_id: str, *, max_age_s: float = FRESH_S) -> JobOutlook:
        """A job, at most ``max_age_s`` old.

        Raises:
            NotFoundError: there is none.
            StoreError: the database cannot be read.
        """
        kept = self._jobs.get(job_id)
        if kept is not None and asyncio.get_running_loop().time() - kept.at <= max_age_s:
            return kept.outlook
        return await self._read(job_id)

    async def answer(self, job_id: str) -> bytes:
        """The answer of ``GET /jobs/{id}``, at most ``FRESH_S`` old.

        Raises:
            NotFoundError: there is none.
        """
        outlook = await self.outlook(job_id)
        body = json.dumps(outlook_view(outlook), ensure_ascii=False, separators=(",", ":")).encode()
        kept = self._jobs.get(job_id)
        if kept is not None and kept.outlook is outlook:
            kept.told = body
        return body

    def answered(self, job_id: str) -> bytes | None:
        """The same, if it was given a moment ago: without reading anything."""
        kept = self._jobs.get(job_id)
        if kept is None or kept.told is None or asyncio.get_running_loop().time() - kept.at > FRESH_S:
            return None
        return kept.told

    def knows(self, job_id: str) -> bool:
        """Whether this was lately read as the id of a job."""
        return job_id in self._jobs

    def forget(self, job_id: str) -> None:
        """The job was changed by this process: read it anew the next time."""
        kept = self._jobs.get(job_id)
        if kept is not None:
            kept.at = -1.0

    @contextlib.asynccontextmanager
    async def follow(self, job_id: str) -> AsyncGenerator[Watched, None]:
        """A job that is read anew as it changes, for as long as the body runs.

        Raises:
            NotFoundError: there is none.
        """
        await self._read(job_id)
        job = self._jobs[job_id]
        job.followers += 1
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll(), name="followed jobs")
        try:
            yield job
        finally:
            job.followers -= 1

    async def close(self) -> None:
        """Look no more."""
        if self._poller is not None:
            self._poller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._poller

    async def _read(self, job_id: str) -> JobOutlook:
        """Read a job once for all who ask for it at the same time."""
        reading = self._reading.get(job_id)
        if reading is None:
            reading = asyncio.create_task(self._read_once(job_id))
            self._reading[job_id] = reading
            reading.add_done_callback(lambda _task: self._reading.pop(job_id, None))
        return await asyncio.shield(reading)

    async def _read_once(self, job_id: str) -> JobOutlook:
        # The time before the read: what is written meanwhile counts as not seen.
        at = asyncio.get_running_loop().time()
        try:
            outlook = await asyncio.to_thread(self._operations.outlook, job_id)
        except NotFoundError:
            self._jobs.pop(job_id, None)
            raise
        kept = self._jobs.get(job_id)
        if kept is None:
            self._make_room()
            self._jobs[job_id] = Watched(outlook, at)
        else:
            kept.outlook, kept.at, kept.version, kept.told = outlook, at, kept.version + 1, None
            woken, kept.changed = kept.changed, asyncio.Event()
            woken.set()
        return outlook

    def _make_room(self) -> None:
        if len(self._jobs) >= KEPT:
            for job_id in [job_id for job_id, job in self._jobs.items() if not job.followers][: KEPT // 2]:
                del self._jobs[job_id]

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        seen: int | None = None
        while followed := [job_id for job_id, job in self._jobs.items() if job.followers]:
            await asyncio.sleep(EVERY_S)
            try:
                version = await asyncio.to_thread(self._operations.data_version)
                for job_id in followed:
                    job = self._jobs.get(job_id)
                    old = job is not None and loop.time() - job.at > AT_LEAST_S and not job.outlook.job.is_final
                    if version != seen or old:
                        with contextlib.suppress(NotFoundError):
                            await self._read(job_id)
                seen = version
            except StoreError as error:
                log.warning("followed jobs not read", error=str(error))
