"""The demo: local services, a daemon and tonight's run on this machine, in a home of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from config.loader import Loaded
from config.settings import SHIPPED_BRIEFS, ScheduleSettings, Settings
from console.bootstrap.daemon import Installation
from console.bootstrap.once import video_file
from console.bootstrap.services import check_faults, exercised, local_service_urls, local_services, with_services
from scheduler.domain.fingerprint import shape
from scheduler.domain.job import Job, JobStatus
from scheduler.domain.snapshot import StageState, StageView
from scheduler.logs import configure as configure_logs
from scheduler.ports.operations import Actor, Operations

DEADLINE_S = 240
"""Seconds from the start of the demo to its deadline: enough for every fallback, short enough to see it work."""
LOOK_S = 0.2
DEMO_BRIEF = SHIPPED_BRIEFS / "2025-09-03-gst-two-slabs.md"
"""The shortest of the shipped briefs: under a minute of video."""
SCHEDULE = "nightly"
STANDARD_PORTS = {"manim": 5000, "revideo": 5001, "tts": 5002, "api": 8103}
EXTRA_PORTS = {"orchestrator": 5003, "script": 5004, "storage": 5005, "sora": 5006}
"""Services that the demo starts only to let them misbehave."""
OTHER_BASE = 15_000


class DemoError(Exception):
    """The demo ended without a video; the message says why."""


class PortTakenError(DemoError):
    """Another program listens on a port of the demo."""


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What the demo will run.

    Attributes:
        settings: with the local services' URLs and a schedule that is due now.
        ports: by local service.
        deadline_at: aware UTC.
    """

    settings: Settings
    ports: dict[str, int]
    faults: tuple[str, ...]
    deadline_at: datetime


def plan_demo(
    loaded: Loaded, *, port_base: int | None, faults: tuple[str, ...], narrate: Callable[[str], None]
) -> DemoPlan:
    """Settle home, ports and schedule.

    Raises:
        ValueError: a fault is wrong.
        PortTakenError: a port of ``port_base`` is taken. Without ``port_base``, other ports are taken instead.
    """
    extra = {name: EXTRA_PORTS[name] for name in check_faults(faults) if name in EXTRA_PORTS}
    ports = _ports(STANDARD_PORTS | extra, port_base, narrate)
    # Never the home of an installation that works: the demo changes schedules and renders anew.
    home = loaded.settings.home / "demo"
    zone = ZoneInfo(ScheduleSettings().timezone)
    now = datetime.now(zone)
    deadline = now + timedelta(seconds=DEADLINE_S)
    schedule = ScheduleSettings(
        cron=f"{now.minute} {now.hour} * * *",
        deadline=deadline.timetz().replace(tzinfo=None, microsecond=0),
        payload={"brief": str(DEMO_BRIEF)},
    )
    base = Settings(home=home)
    settings = base.model_copy(
        update={
            "schedules": {SCHEDULE: schedule},
            "speech": loaded.settings.speech.model_copy(update={"a4f_url": None, "a4f_key": None}),
            "deadline": base.deadline.model_copy(update={"warning_s": 20.0}),
            "api": base.api.model_copy(update={"port": ports["api"]}),
            "health": base.health.model_copy(update={"interval_s": 3.0, "recheck_s": 2.0}),
        }
    )
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    urls.setdefault("orchestrator", urls["api"])
    del urls["api"]
    return DemoPlan(
        settings=with_services(exercised(settings, faults), local_service_urls(urls)),
        ports={name: port for name, port in ports.items() if name != "api"},
        faults=faults,
        deadline_at=deadline,
    )


def _ports(standard: Mapping[str, int], port_base: int | None, narrate: Callable[[str], None]) -> dict[str, int]:
    if port_base is not None:
        ports = {name: port_base + n for n, name in enumerate(standard)}
        for name, port in ports.items():
            if not port_is_free(port):
                raise PortTakenError(f"port {port} ({name}) is taken; choose {len(ports)} free ones with --port-base")
        return ports
    taken = [port for port in standard.values() if not port_is_free(port)]
    if not taken:
        return dict(standard)
    last = len(standard) - 1
    for base in range(OTHER_BASE, OTHER_BASE + 1000, 10):
        ports = {name: base + n for n, name in enumerate(standard)}
        if all(port_is_free(port) for port in ports.values()):
            narrate(f"port {taken[0]} is taken by another program: using {base} to {base + last} instead")
            return ports
    raise PortTakenError(f"port {taken[0]} is taken; choose {len(standard)} free ones in a row with --port-base")


def port_is_free(port: int) -> bool:
    """Whether nothing on this machine listens on a loopback port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextlib.asynccontextmanager
async def running_demo(plan: DemoPlan, stop: asyncio.Event) -> AsyncGenerator[Installation, None]:
    """Local services and daemon are up while the body runs; after it they are stopped in good order."""
    async with local_services(plan.settings, plan.ports, plan.faults):
        with Installation(plan.settings) as installation:
            started = asyncio.Event()
            daemon = asyncio.create_task(installation.daemon("demo").run(stop, started=started))
            up = asyncio.create_task(started.wait())
            try:
                await asyncio.wait({daemon, up}, return_when=asyncio.FIRST_COMPLETED)
                if daemon.done():
                    await daemon
                yield installation
            finally:
                up.cancel()
                stop.set()
                await daemon


def start_tonight(operations: Operations, plan: DemoPlan, actor: Actor) -> tuple[Job, frozenset[str]]:
    """Queue tonight's job, and the ids of the renders it had before.

    A job that was made before is made anew, one that still runs is followed.
    """
    queued = operations.run_schedule(SCHEDULE, actor=actor)
    if queued.created or not queued.job.status.is_final:
        return queued.job, frozenset()
    earlier = frozenset(render.id for render in operations.job(queued.job.id).renders)
    return operations.rerender(queued.job.id, actor=actor, deadline_at=plan.deadline_at), earlier


async def run_headless(plan: DemoPlan, actor: Actor, narrate: Callable[[str], None]) -> Path:
    """The demo without a console: progress lines, and the path of the mp4.

    Raises:
        DemoError: the render failed.
    """
    configure_logs(plan.settings.log_file, plan.settings.log.level, stderr=False)
    stop = asyncio.Event()
    services = ", ".join(f"{name} :{port}" for name, port in plan.ports.items())
    narrate(f"local services {services}, API :{plan.settings.api.port}; home {plan.settings.home}")
    async with running_demo(plan, stop) as installation:
        operations = installation.operations
        job, earlier = await asyncio.to_thread(start_tonight, operations, plan, actor)
        narrate(f"job {job.id} for {job.run_date}, to be out by {plan.deadline_at:%H:%M:%S %Z}")
        return await _follow(operations, job.id, earlier, narrate)


async def _follow(operations: Operations, job_id: str, earlier: frozenset[str], narrate: Callable[[str], None]) -> Path:
    said: set[str] = set()
    while True:
        shown = (await asyncio.to_thread(operations.snapshot)).tonight
        fresh = shown.render is not None and shown.render.id not in earlier
        for line in stage_lines(shown.stages) if fresh else ():
            # The same failure in other seconds or of another segment says nothing new.
            if shape(line) not in said:
                said.add(shape(line))
                narrate(line)
        job = (await asyncio.to_thread(operations.job, job_id)).job
        if job.status is JobStatus.COMPLETED:
            tonight = (await asyncio.to_thread(operations.snapshot)).tonight
            narrate(f"{tonight.verdict}: {tonight.note}")
            path = video_file(await asyncio.to_thread(operations.job, job_id))
            if path is None:
                raise DemoError(f"the video is at {job.payload.get('video_url')}, but its file here is gone")
            return path
        if job.status in {JobStatus.FAILED, JobStatus.CANCELLED}:
            raise DemoError(f"the render {job.status}: {job.error.message if job.error else job.reason}")
        await asyncio.sleep(LOOK_S)


def stage_lines(stages: tuple[StageView, ...]) -> list[str]:
    """A line for every attempt that has ended and every stage that is done. Pure."""
    lines: list[str] = []
    for view in stages:
        lines += [
            f"{view.stage:<10} {attempt.provider}: {attempt.error_class} {attempt.error_message}"
            for attempt in view.attempts
            if attempt.error_class is not None
        ]
        if view.state == StageState.DONE:
            took = ""
            if view.started_at is not None and view.finished_at is not None:
                took = f" in {(view.finished_at - view.started_at).total_seconds():.1f} s"
            lines.append(f"{view.stage:<10} done by {view.provider}{took}" + (" (fallback)" if view.degraded else ""))
    return lines
