"""A worker process for tests: the real store, worker, reaper and dispatcher, and a runner that only waits.

``python dispatch_worker.py URL SETTINGS`` (JSON of ``queue``); a job sleeps for ``payload.seconds``. One line on
standard output when it is up, and one for each job that it begins: ``start ID``.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import structlog

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from config.settings import QueueSettings
from scheduler.domain.job import JobResult, Lease
from scheduler.ports.clock import SystemClock
from scheduler.queue.dispatchers import make_dispatcher
from scheduler.queue.owner import make_owner
from scheduler.queue.reaper import Reaper
from scheduler.queue.worker import Worker
from scheduler.store import open_store


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Sleeper:
    """Takes the seconds that the payload says."""

    async def run(
        self,
        lease: Lease,
        *,
        lease_s: float,
        report: Callable[[float, str], None],
        checkpointed: Callable[[], None],
    ) -> JobResult:
        _say(f"start {lease.job.id}")
        await asyncio.sleep(float(lease.job.payload.get("seconds", 0)))
        return JobResult("file:///v.mp4", None, 1.0, degraded=False)


async def main(url: str, settings: QueueSettings) -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    store, stop = open_store(url), asyncio.Event()
    dispatcher = make_dispatcher(url, store, settings)
    worker = Worker(store, Sleeper(), settings, make_owner(), SystemClock(), dispatcher=dispatcher)
    reaper = Reaper(store, every_s=settings.reap_s, rng=random.Random(), on_work=worker.wake)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run(stop))
        group.create_task(reaper.run(stop))
        _say("up")
    store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], QueueSettings.model_validate(json.loads(sys.argv[2]))))
