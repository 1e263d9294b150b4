"""The console with a daemon in a thread of the same process: ``up`` and the demo."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from config.settings import Settings
from console.bootstrap.attach import make_app
from console.bootstrap.daemon import Installation
from console.bootstrap.demo import DemoPlan, running_demo, start_tonight
from console.bootstrap.once import video_file
from scheduler.domain.job import JobStatus
from scheduler.logs import configure as configure_logs
from scheduler.ports.operations import Actor, JobDetail, Operations

JOIN_S = 15.0
START_S = 30.0


def run_up(settings: Settings, actor: Actor) -> None:
    """Daemon and console in one process; leaving the console stops the daemon in good order."""
    configure_logs(settings.log_file, settings.log.level, stderr=False)

    async def daemon(thread: DaemonThread) -> None:
        with Installation(settings) as installation:
            started = asyncio.Event()
            running = asyncio.create_task(installation.daemon("up").run(thread.stop, started=started))
            up = asyncio.create_task(started.wait())
            await asyncio.wait({running, up}, return_when=asyncio.FIRST_COMPLETED)
            up.cancel()
            if not running.done():
                thread.ready(installation.operations)
            await running

    with DaemonThread(daemon) as thread:
        make_app(settings, thread.operations(), actor).run()


def run_demo_console(plan: DemoPlan, actor: Actor) -> Path | None:
    """The demo with the console on it: the video's path, or None when the console was closed before it was there."""
    configure_logs(plan.settings.log_file, plan.settings.log.level, stderr=False)
    found: list[JobDetail] = []

    async def daemon(thread: DaemonThread) -> None:
        async with running_demo(plan, thread.stop) as installation:
            job, _ = await asyncio.to_thread(start_tonight, installation.operations, plan, actor)
            found.append(await asyncio.to_thread(installation.operations.job, job.id))
            thread.ready(installation.operations)
            await thread.stop.wait()
            found.append(await asyncio.to_thread(installation.operations.job, job.id))

    with DaemonThread(daemon) as thread:
        make_app(plan.settings, thread.operations(), actor).run()
    last = found[-1]
    return video_file(last) if last.job.status is JobStatus.COMPLETED else None


class DaemonThread(AbstractContextManager["DaemonThread"]):
    """Runs a daemon's event loop beside the console's.

    Args:
        body: runs in the thread's loop; calls ``ready`` once and returns soon after ``stop`` is set.
    """

    def __init__(self, body: Callable[[DaemonThread], Any]) -> None:
        self._body = body
        self._ready = threading.Event()
        self._operations: Operations | None = None
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="daemon", daemon=True)
        self.stop: asyncio.Event

    def ready(self, operations: Operations) -> None:
        """The daemon is up; the console may read through ``operations``."""
        self._operations = operations
        self._ready.set()

    def operations(self) -> Operations:
        """Wait for the daemon.

        Raises:
            BaseException: whatever ended it before it was up.
            TimeoutError: it did not come up.
        """
        self._ready.wait(START_S)
        if self._error is not None:
            raise self._error
        if self._operations is None:
            raise TimeoutError(f"the daemon was not up after {START_S:g} s")
        return self._operations

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self.stop.set)
        self._thread.join(JOIN_S)
        if self._error is not None and error is None:
            raise self._error

    def _run(self) -> None:
        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            self.stop = asyncio.Event()
            await self._body(self)

        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - handed to the main thread, which raises it
            self._error = error
        finally:
            self._ready.set()
