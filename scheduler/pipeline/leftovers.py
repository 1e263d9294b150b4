"""Removes the working folders of jobs that nobody goes on with."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from scheduler.domain.job import JobStatus
from scheduler.pipeline.upgrade import upgrade_key
from scheduler.ports.clock import Clock
from scheduler.ports.later import PendingUploads
from scheduler.ports.store import JobNotFoundError, JobStore, StoreError

log = structlog.get_logger("predawn.leftovers")

LOOK_S = 3600.0
"""Seconds between two looks."""


class Leftovers:
    """The task.

    Args:
        work_dir: ``<work_dir>/<job id>`` is a job's folder.
        waiting: videos that are still to be sent up: their job's folder stays.
        keep_days: days a folder stays after its job has ended.
    """

    def __init__(
        self,
        store: JobStore,
        waiting: PendingUploads,
        clock: Clock,
        *,
        work_dir: Path,
        keep_days: float,
        blocking: Callable[..., Awaitable[Any]] = asyncio.to_thread,
    ) -> None:
        self._store = store
        self._waiting = waiting
        self._clock = clock
        self._work_dir = work_dir
        self._keep = timedelta(days=keep_days)
        self._blocking = blocking

    async def run(self, stop: asyncio.Event) -> None:
        """Look until ``stop`` is set."""
        while not stop.is_set():
            try:
                await self._blocking(self.look)
            except (OSError, StoreError) as error:
                log.warning("working folders not looked at", error=str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_S)

    def look(self) -> list[str]:
        """Remove what is old; the names of the folders. Blocking."""
        if not self._work_dir.is_dir():
            return []
        kept = {upload.job_id for upload in self._waiting.pending()}
        gone: list[str] = []
        for folder in sorted(self._work_dir.iterdir()):
            if folder.is_dir() and not folder.is_symlink() and folder.name not in kept and self._is_over(folder.name):
                shutil.rmtree(folder, ignore_errors=True)
                gone.append(folder.name)
        if gone:
            log.info("working folders removed", folders=len(gone))
        return gone

    def _is_over(self, job_id: str) -> bool:
        """Whether a job has ended long ago. A folder whose job is not there (hashed, pruned) stays: it may be new."""
        try:
            job = self._store.get(job_id)
        except JobNotFoundError:
            return False
        if (
            job.id != job_id
            or not job.is_final
            or (job.completed_at or job.updated_at) > self._clock.now() - self._keep
        ):
            return False
        upgrade = self._store.by_key(upgrade_key(job)) if job.status is JobStatus.COMPLETED else None
        return upgrade is None or upgrade.is_final
