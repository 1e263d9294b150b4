"""A daemon put together: store, pipeline, worker, timer, probes and API of one installation."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import AsyncGenerator, Callable
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self

from config.settings import Settings
from console.bootstrap.alerts import make_alert_parts
from console.bootstrap.pipeline import make_routes
from console.bootstrap.reading import make_operations, open_installation_store
from console.bootstrap.recording import recording
from console.bootstrap.storage import later_uploads
from integrations.artifact_server.server import ArtifactServer
from integrations.health.http_check import make_check
from integrations.kit.http import open_client
from integrations.kit.serve import PortTakenError, Served, serve
from integrations.kit.urls import is_loopback
from integrations.media.toolkit import MediaToolkit
from scheduler.api.app import make_api
from scheduler.daemon import Daemon, Parts
from scheduler.domain.service import ServiceHealth
from scheduler.health.prober import Prober
from scheduler.logs import configure as configure_logs
from scheduler.nights.recorder import record_nights
from scheduler.operations import service_urls
from scheduler.pipeline.runner import PipelineRunner
from scheduler.ports.clock import SystemClock
from scheduler.ports.operations import StartError
from scheduler.ports.store import Store
from scheduler.queue.dispatchers import make_dispatcher
from scheduler.queue.owner import make_owner
from scheduler.queue.pooler import refuse_transaction_pooler
from scheduler.queue.reaper import Reaper
from scheduler.queue.worker import Worker
from scheduler.schedules.definitions import schedule_definitions
from scheduler.schedules.leader import Leadership
from scheduler.schedules.timer import Timer

FORCED_EXIT = 130
"""Exit code when a second signal ends the daemon at once."""


class Installation:
    """An opened installation: its store, operations, and daemons over them. Use as a context manager.

    Raises:
        StoreError: the database cannot be used.
        PipelineConfigError: a chain in the settings is wrong.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = SystemClock()
        refuse_transaction_pooler(settings.database_url)
        self.store = open_installation_store(settings)
        self.operations = make_operations(settings, self.store)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.store.close()

    def daemon(self, kind: str) -> Daemon:
        """A daemon; kinds ``serve``, ``up`` and ``demo`` have all parts, ``worker`` and ``render`` no timer."""
        settings, store, owner = self.settings, self.store, make_owner()
        settings.work_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        media = MediaToolkit(processes=settings.pipeline.render_processes)
        artifacts = ArtifactServer([settings.work_dir])
        prober, client = make_prober(settings, store)
        runner = PipelineRunner(
            store,
            make_routes(settings, media, artifacts),
            self.clock,
            work_dir=settings.work_dir,
            deadline=settings.deadline,
            health=prober.health,
        )
        queue = settings.queue
        dispatcher = make_dispatcher(settings.database_url, store, queue)
        worker = Worker(store, runner, queue, owner, self.clock, dispatcher=dispatcher)
        reaper = Reaper(store, every_s=queue.reap_s, rng=random.Random(), on_work=worker.wake)  # noqa: S311 - jitter
        around: list[Callable[[], Any]] = [lambda: artifacts, lambda: client]
        timer = None
        alerts: list[Any] = []
        if kind in {"serve", "up", "demo"}:
            timer = Timer(
                store,
                schedule_definitions(settings),
                self.clock,
                on_job=lambda _job: worker.wake(),
                leadership=Leadership(store, owner, self.clock, ttl_s=queue.leader_s),
                after=lambda now: record_nights(store, now, predict=self.operations.predict_job),
            )
            around.append(lambda: later_uploads(settings, store))
            around += recording(settings, self.operations)
            told = make_alert_parts(
                settings, store, self.operations, self.clock, owner, scheduler=lambda: timer.looked_at
            )
            around.append(told.around)
            alerts = [p for p in (told.deliveries, told.evaluator, told.socket, told.liveness) if p is not None]
            if settings.api.enabled:
                around.append(self._api)
        parts = Parts(worker=worker, reaper=reaper, timer=timer, prober=prober, alerts=alerts, around=tuple(around))
        return Daemon(owner, kind, parts, store, self.clock)

    async def _serve_api(self) -> Served:
        api = self.settings.api
        return await serve(
            make_api(self.operations, version=version("predawn")), name="api", port=api.port, host=api.host
        )

    @contextlib.asynccontextmanager
    async def _api(self) -> AsyncGenerator[None, None]:
        try:
            served = await self._serve_api()
        except PortTakenError as error:
            raise StartError(
                f"port {self.settings.api.port} for the API is taken (by another daemon?): stop that program, "
                "or choose a port with api.port (PREDAWN_API__PORT), 0 for any free one"
            ) from error
        try:
            yield
        finally:
            await served.stop()


def make_prober(settings: Settings, store: Store) -> tuple[Prober, Any]:
    """The prober, and the HTTP client that it uses (a context manager to be left after it)."""
    urls = service_urls(settings)
    client = open_client(loopback=all(is_loopback(url) for url in urls.values()))
    clock = SystemClock()
    checks = {
        name: make_check(name, url, client, clock, timeout_s=settings.health.timeout_s) for name, url in urls.items()
    }
    return Prober(store, checks, urls, settings.health, clock), client


async def probe_services(settings: Settings) -> tuple[ServiceHealth, ...]:
    """Probe all services once and keep the answers."""
    store = open_installation_store(settings)
    try:
        prober, client = make_prober(settings, store)
        async with client:
            return await prober.probe_now()
    finally:
        store.close()


async def run_daemon(settings: Settings, kind: str) -> None:
    """A daemon until SIGTERM or SIGINT; a second signal ends the process at once."""
    configure_logs(settings.log_file, settings.log.level, stderr=True)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(FORCED_EXIT)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    with Installation(settings) as installation:
        await installation.daemon(kind).run(stop)
