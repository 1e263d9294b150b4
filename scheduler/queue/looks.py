"""Looks at remote work that somebody asks for: whichever process was asked, the one that waits for the work looks.

The question stands in the database (``remote_looks``). A worker reads it while it has jobs in hand, has the remote
service asked, writes what it heard under its lease, and only then answers. So whoever asked and then reads the job
reads the service's word.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from scheduler.ports.api_store import FORGET_LOOK_S
from scheduler.ports.store import Store, StoreError
from scheduler.queue.worker import Worker

log = structlog.get_logger("predawn.worker")

EVERY_S = 0.5
"""Seconds between looks whether anybody asks."""


class Looks:
    """Answers for the jobs that one worker has in hand.

    Args:
        store: where the questions stand.
        worker: whose jobs they are.
        look: has those look who wait for remote work under an id (a job's, or the service's own) and returns when they
            have; False: nobody here does.
    """

    def __init__(self, store: Store, worker: Worker, look: Callable[[str], Awaitable[bool]]) -> None:
        self._store = store
        self._worker = worker
        self._look = look
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Answer until ``stop`` is set."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                await asyncio.wait({stopping}, timeout=EVERY_S)
                if self._worker.running and not stop.is_set():
                    await self._ask_around()
        finally:
            stopping.cancel()
            for task in self._under_way.values():
                task.cancel()
            await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    async def _ask_around(self) -> None:
        with contextlib.suppress(StoreError):  # the worker says what is wrong with the database
            for look_id in await asyncio.to_thread(self._store.looks_asked, forget_after_s=FORGET_LOOK_S):
                if look_id not in self._under_way:
                    task = asyncio.create_task(self._answer(look_id), name=f"look at {look_id[:60]}")
                    self._under_way[look_id] = task
                    task.add_done_callback(lambda _task, done=look_id: self._under_way.pop(done, None))

    async def _answer(self, look_id: str) -> None:
        """Have it looked at, if it is ours. A job in hand that waits for nobody is known as well as it can be."""
        looked = await self._look(look_id)
        if not looked and look_id not in self._worker.running:
            return
        try:
            await self._worker.tell(look_id)
            await asyncio.to_thread(self._store.put_look, look_id)
        except StoreError as error:
            log.warning("a look was not answered", error=str(error))
