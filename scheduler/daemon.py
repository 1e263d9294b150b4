"""The daemon: timer, worker, reaper, prober and API side by side in one event loop, until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

import structlog

from scheduler.health.prober import Prober
from scheduler.ports.clock import Clock
from scheduler.ports.store import ProcessStore, StoreError
from scheduler.queue.reaper import Reaper
from scheduler.queue.running import store_trouble
from scheduler.queue.worker import Worker
from scheduler.schedules.timer import Timer

log = structlog.get_logger("predawn.daemon")

BEAT_S = 5.0
"""Seconds between the signs of life that the console looks for."""
STANDBY = "standby"
"""The kind of a daemon while another one schedules; it works on jobs all the same."""


class Runs(Protocol):
    """A part of a daemon."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What runs in a daemon; None where a part is not wanted (a worker alone has no timer and no API).

    Attributes:
        looks: answers who wants to know how remote work stands.
        alerts: rules, delivery, Slack's socket, the outside checks.
        around: things that are up while it runs (the artifact server, the API), entered in order, left in reverse.
    """

    worker: Worker | None = None
    reaper: Reaper | None = None
    timer: Timer | None = None
    prober: Prober | None = None
    looks: Runs | None = None
    alerts: Sequence[Runs] = ()
    around: Sequence[Callable[[], AbstractAsyncContextManager[object]]] = ()


class Daemon:
    """Runs its parts until ``stop`` is set; a part that dies ends the daemon with its error.

    Args:
        process_id: unique among processes, the worker's lease owner.
        kind: ``serve``, ``up``, ``worker``, ``demo``.
        store: where it shows that it lives.
    """

    def __init__(self, process_id: str, kind: str, parts: Parts, store: ProcessStore, clock: Clock) -> None:
        self._process_id = process_id
        self._kind = kind
        self._parts = parts
        self._store = store
        self._clock = clock

    async def run(self, stop: asyncio.Event, *, started: asyncio.Event | None = None) -> None:
        """Run until ``stop`` is set; ``started`` is set when everything is up."""
        parts = self._parts
        async with contextlib.AsyncExitStack() as stack:
            for enter in parts.around:
                await stack.enter_async_context(enter())
            if parts.timer is not None:
                await parts.timer.begin()
            async with self._living():
                log.info("daemon started", kind=self._kind, pid=os.getpid())
                if started is not None:
                    started.set()
                try:
                    async with asyncio.TaskGroup() as group:
                        for part in (parts.reaper, parts.worker, parts.prober, parts.timer, parts.looks, *parts.alerts):
                            if part is not None:
                                group.create_task(part.run(stop))
                        group.create_task(stop.wait())
                except BaseExceptionGroup as failures:
                    trouble = store_trouble(failures)
                    if trouble is None:
                        raise
                    raise trouble from failures  # told in one line, with the exit code of a database in trouble
        log.info("daemon stopped", kind=self._kind)

    @contextlib.asynccontextmanager
    async def _living(self) -> AsyncGenerator[None, None]:
        """Beat while the body runs; forget the process after it."""
        beating = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating
            with contextlib.suppress(StoreError):
                await asyncio.to_thread(self._store.forget_process, self._process_id)

    @property
    def _shown(self) -> str:
        """The kind that the console shows: a daemon that another one schedules for is a stand-by."""
        timer = self._parts.timer
        return STANDBY if timer is not None and not timer.leads else self._kind

    async def _beat(self) -> None:
        began, host, pid = self._clock.now(), socket.gethostname(), os.getpid()
        while True:
            try:
                await asyncio.to_thread(
                    self._store.beat, self._process_id, kind=self._shown, host=host, pid=pid, started_at=began
                )
            except StoreError as error:
                log.warning("sign of life not written", error=str(error))
            await asyncio.sleep(BEAT_S)
