"""A daemon put together: store, pipeline, worker, timer, probes and API of one installation."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from config.settings import Settings
from console.bootstrap.memory import settle
from console.bootstrap.pipeline import make_routes
from console.bootstrap.reading import make_operations, open_installation_store
from console.bootstrap.recording import recording
from console.bootstrap.signals import stop_on_signals
from console.bootstrap.storage import later_uploads
from console.bootstrap.upgrades import leftovers, upgrades
from integrations.artifact_server.server import ArtifactServer
from integrations.health.connectivity import make_connectivity
from integrations.health.http_check import make_check
from integrations.kit.http import open_client
from integrations.kit.nudge import look
from integrations.kit.urls import is_loopback
from integrations.media.toolkit import MediaToolkit
from scheduler.daemon import Daemon, Parts
from scheduler.domain.service import ServiceHealth
from scheduler.health.prober import Prober
from scheduler.health.targets import targets
from scheduler.logs import configure as configure_logs
from scheduler.nights.recorder import record_nights
from scheduler.nights.reporter import Reporter
from scheduler.pipeline.runner import PipelineRunner
from scheduler.ports.clock import Clock, SystemClock
from scheduler.ports.operations import Operations
from scheduler.ports.store import Store
from scheduler.queue.dispatchers import make_dispatcher
from scheduler.queue.looks import Looks
from scheduler.queue.owner import make_owner
from scheduler.queue.pooler import refuse_transaction_pooler
from scheduler.queue.reaper import Reaper
from scheduler.queue.worker import Worker
from scheduler.schedules.definitions import report_definition, schedule_definitions
from scheduler.schedules.leader import Leadership
from scheduler.schedules.timer import Timer


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
        artifacts = ArtifactServer(
            [settings.work_dir],
            host=settings.services.files.host,
            port=settings.services.files.port,
            public_url=settings.services.files.public_url,
        )
        prober, client = make_prober(settings, store)
        routes = make_routes(settings, media, artifacts)
        runner = PipelineRunner(
            store,
            routes,
            self.clock,
            work_dir=settings.work_dir,
            deadline=settings.deadline,
            health=prober.health,
            before=prober.before_render,
        )
        queue = settings.queue
        dispatcher = make_dispatcher(settings.database_url, store, queue)
        worker = Worker(store, runner, queue, owner, self.clock, dispatcher=dispatcher)
        reaper = Reaper(store, every_s=queue.reap_s, rng=random.Random(), on_work=worker.wake)  # noqa: S311 - jitter
        around: list[Callable[[], Any]] = [lambda: media, lambda: artifacts, lambda: client]
        timer = None
        alerts: list[Any] = []
        if kind in {"serve", "up", "demo"}:
            from console.bootstrap.alerts import make_alert_parts  # noqa: PLC0415 - Slack's SDK: 25 MB no worker needs
            from console.bootstrap.api import served_api  # noqa: PLC0415 - FastAPI: as much again

            timer = Timer(
                store,
                schedule_definitions(settings),
                self.clock,
                on_job=lambda _job: worker.wake(),
                leadership=Leadership(store, owner, self.clock, ttl_s=queue.leader_s),
                lead=self.operations.foresight.coming_lead_s,
                after=lambda now: record_nights(store, now, predict=self.operations.predict_job),
            )
            around.append(lambda: later_uploads(settings, store))
            around.append(lambda: leftovers(settings, store))
            around.append(lambda: upgrades(settings, store, routes.pipeline, prober, worker.wake))
            if settings.report.enabled:
                around.append(make_reporter(settings, self.operations, self.clock, lambda: timer.leads).running)
            around += recording(settings, self.operations)
            told = make_alert_parts(
                settings, store, self.operations, self.clock, owner, scheduler=lambda: timer.looked_at
            )
            around.append(told.around)
            alerts = [p for p in (told.deliveries, told.evaluator, told.socket, told.liveness) if p is not None]
            if settings.api.enabled:
                around.append(lambda: served_api(settings, self.operations))
        looks = Looks(store, worker, look)
        parts = Parts(
            worker=worker,
            reaper=reaper,
            timer=timer,
            prober=prober,
            looks=looks,
            alerts=alerts,
            around=tuple(around),
        )
        return Daemon(owner, kind, parts, store, self.clock)


def make_reporter(settings: Settings, operations: Operations, clock: Clock, leads: Callable[[], bool]) -> Reporter:
    """Who writes the daily report."""
    return Reporter(operations.report, report_definition(settings), settings.reports_dir, clock, leads=leads)


def make_prober(settings: Settings, store: Store) -> tuple[Prober, Any]:
    """The prober, and the HTTP client that it uses (a context manager to be left after it)."""
    asked, health = targets(settings), settings.health
    client = open_client(loopback=all(is_loopback(target.url) for target in asked))
    clock = SystemClock()
    checks = {
        target.service: make_check(
            target.service,
            target.url,
            client,
            clock,
            timeout_s=health.timeout_s,
            path=target.path,
            speaks_health=target.speaks_health,
            token=target.key,
        )
        for target in asked
    }
    prober = Prober(
        store,
        checks,
        {target.service: target.url for target in asked},
        health,
        clock,
        elsewhere=[target.service for target in asked if not is_loopback(target.url)],
        connected=make_connectivity(health.connectivity, timeout_s=health.timeout_s),
    )
    return prober, client


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
    stop_on_signals(stop)
    with Installation(settings) as installation:
        daemon = installation.daemon(kind)
        settle()
        await daemon.run(stop)
