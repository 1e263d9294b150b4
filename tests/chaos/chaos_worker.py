"""A worker process for chaos: the real store, dispatcher, worker and reaper, and a runner of three quick stages.

``python chaos_worker.py URL LEDGER SETTINGS SEED``. Each stage takes some milliseconds and keeps a checkpoint under the
lease; the last one publishes to the ledger, a publisher that honours idempotency keys. The worker's own clock jumps.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from config.settings import QueueSettings
from scheduler.domain.failure import LeaseLostError
from scheduler.domain.job import JobResult, Lease
from scheduler.domain.render import Checkpoint, StageName, StageOutput
from scheduler.ports.store import Store
from scheduler.queue.dispatchers import make_dispatcher
from scheduler.queue.owner import make_owner
from scheduler.queue.reaper import Reaper
from scheduler.queue.worker import Worker
from scheduler.store import open_store

STAGES = (StageName.MANIM, StageName.REVIDEO, StageName.UPLOAD)


class JumpingClock:
    """A machine's clock that somebody keeps setting: up to an hour back or forward, every second or so."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._offset = timedelta()
        self._next = 0.0

    def now(self) -> datetime:
        if time.monotonic() > self._next:
            self._offset = timedelta(seconds=self._rng.uniform(-3600, 3600))
            self._next = time.monotonic() + self._rng.uniform(0.5, 1.5)
        return datetime.now(UTC) + self._offset

    def monotonic(self) -> float:
        return time.monotonic()


class Ledger:
    """What the outside sees: publications by key, and every stage that was kept."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def publish(self, key: str, job_id: str, attempt: int) -> None:
        """Publish once for each key; a second try with it changes nothing, and is counted."""
        self._write(
            "INSERT INTO published (key, job, attempt, tries) VALUES (?, ?, ?, 1) "
            "ON CONFLICT (key) DO UPDATE SET tries = tries + 1",
            (key, job_id, attempt),
        )

    def kept(self, job_id: str, stage: str, attempt: int) -> None:
        self._write("INSERT INTO kept (job, stage, attempt) VALUES (?, ?, ?)", (job_id, stage, attempt))

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        try:
            connection.execute(statement, values)
        finally:
            connection.close()


class ThreeStages:
    """Renders in milliseconds: every stage waits, keeps a checkpoint, and is not done again."""

    def __init__(self, store: Store, ledger: Ledger, rng: random.Random) -> None:
        self._store = store
        self._ledger = ledger
        self._rng = rng

    async def run(
        self,
        lease: Lease,
        *,
        lease_s: float,
        report: Callable[[float, str], None],
        checkpointed: Callable[[], None],
    ) -> JobResult:
        job = lease.job
        kept = {c.stage for c in await asyncio.to_thread(self._store.checkpoints, job.id)}
        for number, stage in enumerate(STAGES):
            if stage in kept:
                continue
            report(number / len(STAGES), stage.value)
            await asyncio.sleep(self._rng.uniform(0.002, 0.03))
            if stage is StageName.UPLOAD:
                if not await asyncio.to_thread(self._store.holds, lease):
                    raise LeaseLostError
                await asyncio.to_thread(self._ledger.publish, f"{job.id}:{stage.value}", job.id, lease.attempt)
            checkpoint = Checkpoint(job.id, stage, "", StageOutput(provider="chaos"), lease.attempt)
            if not await asyncio.to_thread(self._store.save_checkpoint, lease, checkpoint, lease_s=lease_s):
                raise LeaseLostError
            await asyncio.to_thread(self._ledger.kept, job.id, stage.value, lease.attempt)
            checkpointed()
        return JobResult(f"file:///{job.id}.mp4", None, 1.0, degraded=False)


async def main(url: str, ledger: Path, settings: QueueSettings, seed: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.disable(logging.WARNING)
    rng = random.Random(seed)
    # Workers are killed by the dozen here; that does not make a job poison.
    store, stop = open_store(url, max_crashes=10_000, synchronous="NORMAL"), asyncio.Event()
    runner = ThreeStages(store, Ledger(ledger), rng)
    dispatcher = make_dispatcher(url, store, settings)
    worker = Worker(store, runner, settings, make_owner(), JumpingClock(rng), dispatcher=dispatcher)
    reaper = Reaper(store, every_s=settings.reap_s, rng=rng, on_work=worker.wake)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run(stop))
        group.create_task(reaper.run(stop))
    store.close()


if __name__ == "__main__":
    asyncio.run(
        main(sys.argv[1], Path(sys.argv[2]), QueueSettings.model_validate(json.loads(sys.argv[3])), int(sys.argv[4]))
    )
