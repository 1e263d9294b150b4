"""The recorder put together: it writes what the console shows into the data folder while a daemon is up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import timedelta
from typing import Any

from config.settings import Settings
from scheduler.ports.clock import SystemClock
from scheduler.ports.operations import Operations
from scheduler.recording.file import MEGABYTE
from scheduler.recording.recorder import Recorder
from scheduler.recording.state import JOBS
from scheduler.recording.writer import RecordingWriter

BESIDE_MB = 6
"""Of the limit, what the write-ahead log and its index may take."""


def recording(settings: Settings, operations: Operations) -> Sequence[Callable[[], Any]]:
    """What is up around a daemon so that it records; nothing where that is switched off."""
    return [lambda: _recording(settings, operations)] if settings.recording.enabled else []


@contextlib.asynccontextmanager
async def _recording(settings: Settings, operations: Operations) -> AsyncGenerator[None, None]:
    stop = asyncio.Event()
    recorder = Recorder(
        lambda: RecordingWriter(
            settings.recording_file,
            keep=timedelta(days=settings.recording.keep_days),
            main_bytes=(settings.recording.limit_mb - BESIDE_MB) * MEGABYTE,
        ),
        version=operations.data_version,
        look=lambda: operations.snapshot(job_limit=JOBS),
        clock=SystemClock(),
        alerts=operations.open_alerts,
    )
    running = asyncio.create_task(recorder.run(stop), name="recorder")
    try:
        yield
    finally:
        stop.set()
        await running
