"""predawn as an engine of ``benchmarks.queue``: real worker, reaper and dispatcher; only the runner makes nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Literal

from benchmarks._queue_engines import NAME, Left, Note, Put, postgresql_left, sqlite_left
from config.settings import QueueSettings
from scheduler.domain.job import JobResult, JobSpec, Lease
from scheduler.logs import configure
from scheduler.ports.clock import SystemClock
from scheduler.ports.store import Store
from scheduler.queue.dispatchers import make_dispatcher
from scheduler.queue.owner import make_owner
from scheduler.queue.pooler import libpq_url
from scheduler.queue.reaper import Reaper
from scheduler.queue.worker import Worker
from scheduler.store import open_store


class _Noop:
    """A runner that makes nothing."""

    def __init__(self, note: Note) -> None:
        self._note = note

    async def run(
        self,
        lease: Lease,
        *,
        lease_s: float,  # noqa: ARG002 - the port's signature
        report: Callable[[float, str], None],  # noqa: ARG002 - the port's signature
        checkpointed: Callable[[], None],  # noqa: ARG002 - the port's signature
    ) -> JobResult:
        self._note(int(lease.job.payload["n"]))
        return JobResult("file:///noop.mp4", None, 1.0, degraded=False)


class Predawn:
    """The real worker, reaper and dispatcher, with the settings that ship."""

    def __init__(
        self,
        url: str,
        *,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
        dispatcher: Literal["embedded", "pgqueuer"] = "embedded",
    ) -> None:
        configure(None, "warning", stderr=True)
        self._url = url
        self._synchronous: Literal["FULL", "NORMAL"] = synchronous
        self._settings = QueueSettings(dispatcher=dispatcher)

    def _open(self) -> Store:
        return open_store(self._url, synchronous=self._synchronous)

    def prepare(self) -> None:
        """Make the tables, and on PostgreSQL the trigger."""
        self._open().close()
        if self._settings.dispatcher == "pgqueuer":
            asyncio.run(self._install())

    async def _install(self) -> None:
        from scheduler.queue.pgq.link import Link  # noqa: PLC0415 - an extra
        from scheduler.queue.pgq.statements import Names  # noqa: PLC0415 - an extra

        async with Link.open(libpq_url(self._url), Names(self._settings.engine_prefix)) as link:
            await link.install()

    @asynccontextmanager
    async def producing(self) -> AsyncGenerator[Put, None]:
        """``JobStore.enqueue``."""
        store = self._open()

        async def put(n: int) -> None:
            store.enqueue(JobSpec(NAME, {"n": n}))

        try:
            yield put
        finally:
            store.close()

    def serve(self, note: Note) -> None:
        """Run what ``predawn worker`` runs, but for the runner."""
        asyncio.run(self._serve(note))

    async def _serve(self, note: Note) -> None:
        store, settings, stop = self._open(), self._settings, asyncio.Event()
        worker = Worker(
            store,
            _Noop(note),
            settings,
            make_owner(),
            SystemClock(),
            dispatcher=make_dispatcher(self._url, store, settings),
        )
        reaper = Reaper(store, every_s=settings.reap_s, rng=random.Random(), on_work=worker.wake)
        async with asyncio.TaskGroup() as group:
            group.create_task(worker.run(stop))
            group.create_task(reaper.run(stop))

    def watch(self) -> Left:
        """Jobs that are neither completed nor failed."""
        query = "SELECT count(*) FROM jobs WHERE status = 'queued' OR status = 'processing'"
        if self._url.startswith("sqlite"):
            return sqlite_left(self._url.removeprefix("sqlite:///"), query)
        return postgresql_left(self._url, query)
