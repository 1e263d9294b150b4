"""The HTTP API put together: inside a daemon, or alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from importlib.metadata import version

from config.settings import Settings
from console.bootstrap.memory import settle
from console.bootstrap.reading import job_types, make_operations, open_installation_store
from console.bootstrap.signals import stop_on_signals
from integrations.kit.nudge import nudge
from integrations.kit.serve import PortTakenError, Served, serve
from scheduler.api.app import Api, make_api
from scheduler.api.context import ApiOptions
from scheduler.api.guard import Limits
from scheduler.logs import configure as configure_logs
from scheduler.ports.api import HttpOperations
from scheduler.ports.operations import StartError
from scheduler.ports.store import StoreError

KIB = 1024


def api_options(settings: Settings) -> ApiOptions:
    """How this installation serves the API."""
    api = settings.api
    secret = api.webhooks.secret
    return ApiOptions(
        version=version("predawn"),
        limits=Limits(api.rate_per_s, api.burst, api.max_body_kb * KIB, api.max_depth),
        concurrency=settings.queue.concurrency,
        file_roots=(settings.work_dir, settings.published_dir),
        max_wait_s=api.max_wait_s,
        keepalive_s=api.keepalive_s,
        callback_hosts=api.callbacks.hosts,
        callback_private=api.callbacks.private,
        webhook_secret=secret.get_secret_value() if secret is not None else None,
        webhook_window_s=api.webhooks.window_s,
        job_types=frozenset(name for name, kind in job_types(settings, ask=False).items() if kind.off is None),
        origins=api.origins,
        nudge=nudge,
    )


def build_api(settings: Settings, operations: HttpOperations) -> Api:
    """The program over open operations."""
    return make_api(operations, api_options(settings))


@contextlib.asynccontextmanager
async def served_api(settings: Settings, operations: HttpOperations) -> AsyncGenerator[Served, None]:
    """The API, answering while the body runs.

    Raises:
        StartError: its port is taken.
    """
    api = build_api(settings, operations)
    with contextlib.suppress(StoreError):  # a database that is away is for its health to tell
        await asyncio.to_thread(api.context.figures.begin)
    try:
        served = await serve(
            api, name="api", port=settings.api.port, host=settings.api.host, proxies=settings.api.proxies
        )
    except PortTakenError as error:
        raise StartError(
            f"port {settings.api.port} for the API is taken (by another daemon?): stop that program, "
            "or choose a port with api.port (PREDAWN_API__PORT), 0 for any free one"
        ) from error
    try:
        yield served
    finally:
        api.leave()
        await served.stop()
        await api.close()


async def run_api(settings: Settings) -> None:
    """The API alone, over the database of the settings, until SIGTERM or SIGINT.

    Raises:
        StoreError: the database cannot be used.
        StartError: its port is taken.
    """
    configure_logs(settings.log_file, settings.log.level, stderr=True)
    stop = asyncio.Event()
    stop_on_signals(stop)
    store = open_installation_store(settings)
    try:
        async with served_api(settings, make_operations(settings, store)):
            settle()
            await stop.wait()
    finally:
        store.close()
