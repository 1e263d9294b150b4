"""Publication put together: the places that videos go to, and the task that sends up later what could not be."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from config.settings import Settings
from console.bootstrap.reading import chains
from integrations.local_directory.provider import LocalDirectory
from integrations.local_directory.waiting import WaitingUploads
from integrations.s3_storage.provider import S3Storage
from integrations.supabase_storage.provider import SupabaseStorage
from scheduler.domain.render import StageName
from scheduler.pipeline.later_upload import LaterUploads
from scheduler.ports.clock import SystemClock
from scheduler.ports.provider import Provider
from scheduler.ports.store import Store

LOCAL = LocalDirectory.name


def remote_storage(settings: Settings) -> dict[str, Provider | None]:
    """The remote places by name; None: not configured."""
    supabase, s3 = settings.storage.supabase, settings.storage.s3
    return {
        SupabaseStorage.name: None if supabase.url is None else SupabaseStorage(supabase),
        S3Storage.name: None if s3.bucket is None else S3Storage(s3),
    }


def upload_providers(settings: Settings) -> dict[str, Provider | None]:
    """The providers of stage ``upload``."""
    return {**remote_storage(settings), LOCAL: LocalDirectory(settings.published_dir, later=preferred(settings))}


def preferred(settings: Settings) -> tuple[str, ...]:
    """The configured remote places that come before the local directory: what it publishes is still to go there."""
    chain = chains(settings)[StageName.UPLOAD]
    return chain[: chain.index(LOCAL)] if LOCAL in chain else ()


@contextlib.asynccontextmanager
async def later_uploads(settings: Settings, store: Store) -> AsyncGenerator[LaterUploads | None, None]:
    """What was published here alone is sent up while the body runs; None where there is no remote storage."""
    providers = {name: provider for name, provider in remote_storage(settings).items() if provider is not None}
    if not providers:
        yield None
        return
    later = LaterUploads(
        store,
        WaitingUploads(settings.published_dir),
        providers,
        SystemClock(),
        work_dir=settings.work_dir,
        first_s=settings.storage.retry_s,
        timeout_s=settings.pipeline.stages.upload.timeout_s,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(later.run(stop), name="later uploads")
    try:
        yield later
    finally:
        stop.set()
        await running
