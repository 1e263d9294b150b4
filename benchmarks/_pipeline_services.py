"""Ten renders at once against services that take a fixed time: how much later than the critical path they are out.

The services are the local ones over real HTTP. Each submission takes its fixed time whatever runs beside it; what
comes back was rendered once, before. predawn's side is whole: queue, store, checks of every file, verification.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from shutil import copyfile
from typing import Any

import structlog
from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from config.settings import ApiSettings, QueueSettings, ScriptSettings, Settings, SpeechSettings
from console.bootstrap.daemon import Installation
from console.bootstrap.services import local_service_urls, with_services
from integrations.local_services.faults import Fault
from integrations.local_services.running import LocalServices
from integrations.media.toolkit import MediaToolkit
from scheduler.domain.access import Role
from scheduler.domain.content import Segment
from scheduler.domain.job import JobSpec, JobStatus
from scheduler.domain.media import MediaReport
from scheduler.ports.media import CardContext, Composed, Progress, Spoken, TimedSegment
from scheduler.ports.operations import Actor

AT_ONCE = 10
SEGMENTS = 3
SEGMENTS_AT_ONCE = 2
"""Segments that a stage asks a service for side by side."""
HEALTHY_PAGE: dict[str, Any] = {
    "title": "A short day",
    "language": "en",
    "edition": None,
    "headlines": [{"title": "Bridge opens", "sentences": ["It is the highest of all."], "source": "PIB"}],
}


@dataclass(frozen=True, slots=True)
class Latencies:
    """Seconds that one answer takes."""

    script: float
    manim: float
    tts: float
    revideo: float

    @property
    def critical_path_s(self) -> float:
        """From the brief to the video, if everything of ours took no time."""
        turns = -(-SEGMENTS // SEGMENTS_AT_ONCE)
        return self.script + turns * max(self.manim, self.tts) + self.revideo


@dataclass(frozen=True, slots=True)
class Makespan:
    """Seconds from the first submission to the last end, and how many renders were not as they should be."""

    renders: int
    seconds: float
    critical_path_s: float
    spoilt: int

    @property
    def ratio(self) -> float:
        """Makespan over critical path."""
        return self.seconds / self.critical_path_s


class _Late:
    """``app``, whose answers to submissions take a fixed time."""

    def __init__(self, app: ASGIApp, seconds: float, prepared: asyncio.Event) -> None:
        self._app = app
        self._seconds = seconds
        self._prepared = prepared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "POST" and self._prepared.is_set():
            await asyncio.sleep(self._seconds)
        await self._app(scope, receive, send)


class _LateServices(LocalServices):
    """Local services that answer with the finished thing after a fixed time each."""

    def __init__(self, home: Path, latencies: Mapping[str, float]) -> None:
        super().__init__(_Prepared(home / "prepared"), home, dict.fromkeys(latencies, 0), synchronous=True)
        self._latencies = latencies
        self.prepared = asyncio.Event()

    async def _program(self, name: str, fault: Fault | None, stack: AsyncExitStack) -> ASGIApp:
        return _Late(await super()._program(name, fault, stack), self._latencies[name], self.prepared)


class _Prepared:
    """Renders everything once; afterwards the same request is answered from the folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._media = MediaToolkit()
        self._made: dict[str, tuple[Path, float]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def card_clip(
        self, segment: Segment, context: CardContext, out: Path, *, duration_s: float, progress: Progress | None = None
    ) -> float:
        """A card."""

        async def draw(made: Path) -> float:
            return await self._media.card_clip(segment, context, made, duration_s=duration_s, progress=progress)

        return await self._once(f"card {segment.index}", out, draw)

    async def speak(self, text: str, out: Path, *, voice: str, speed: float = 1.0) -> Spoken:
        """A narration."""

        async def speak(made: Path) -> float:
            return (await self._media.speak(text, made, voice=voice, speed=speed)).duration_s

        return Spoken(out, await self._once(f"speech {text}", out, speak))

    async def silence(self, out: Path, *, duration_s: float) -> Spoken:
        """Silence."""
        return await self._media.silence(out, duration_s=duration_s)

    async def compose(
        self,
        segments: Sequence[TimedSegment],
        out: Path,
        *,
        title: str,
        language: str,
        progress: Progress | None = None,
    ) -> Composed:
        """The video."""

        async def compose(made: Path) -> float:
            return (
                await self._media.compose(segments, made, title=title, language=language, progress=progress)
            ).duration_s

        return Composed(out, out.with_suffix(".jpg"), await self._once("video", out, compose))

    async def add_captions(
        self, video: Path, segments: Sequence[TimedSegment], out: Path, *, language: str
    ) -> Composed:
        """Captions."""
        return await self._media.add_captions(video, segments, out, language=language)

    async def probe(self, path: Path) -> MediaReport:
        """What is in a file."""
        return await self._media.probe(path)

    async def _once(self, key: str, out: Path, render: Callable[[Path], Awaitable[float]]) -> float:
        async with self._locks.setdefault(key, asyncio.Lock()):
            if key not in self._made:
                made = self._folder / f"{len(self._made)}{out.suffix}"
                self._made[key] = (made, 0.0)
                self._made[key] = (made, await render(made))
        made, seconds = self._made[key]
        for file in self._folder.glob(f"{made.stem}.*"):
            await asyncio.to_thread(copyfile, file, out.with_suffix(file.suffix))
        return seconds


def _settings(home: Path, urls: Mapping[str, str]) -> Settings:
    settings = Settings(
        home=home,
        queue=QueueSettings(concurrency=AT_ONCE),
        api=ApiSettings(enabled=False),
        speech=SpeechSettings(a4f_key=SecretStr("local")),
        script=ScriptSettings(key=SecretStr("local")),
    )
    addressed = with_services(settings, local_service_urls(urls))
    orchestrator = addressed.services.orchestrator.model_copy(update={"enabled": False})
    services = addressed.services.model_copy(update={"orchestrator": orchestrator})
    return addressed.model_copy(update={"services": services})


async def _together(installation: Installation, jobs: int) -> tuple[float, int]:
    """``jobs`` renders at once: seconds until the last has ended, and how many are not complete in full."""
    operations, store = installation.operations, installation.store
    brief = HEALTHY_PAGE | {"date": date(2026, 11, 20).isoformat()}
    began = time.perf_counter()
    ids = [
        operations.submit(
            JobSpec("daily_ca", {"brief": brief}), actor=Actor("bench", "bench", role=Role.OPERATOR)
        ).job.id
        for _ in range(jobs)
    ]
    while not all(job.status.is_final for job in map(store.get, ids)):  # noqa: ASYNC110 - the database has no event
        await asyncio.sleep(0.05)
    seconds = time.perf_counter() - began
    done = [store.get(job) for job in ids]
    return seconds, sum(job.status is not JobStatus.COMPLETED or job.degraded for job in done)


async def measure(latencies: Latencies) -> tuple[Makespan, Makespan]:
    """One render alone, then ten at once, after one that prepares what the services answer with."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    each = {"script": latencies.script, "manim": latencies.manim, "tts": latencies.tts, "revideo": latencies.revideo}
    with tempfile.TemporaryDirectory(prefix="predawn-bench-") as name:
        home = Path(name)
        services = _LateServices(home / "services", each)
        async with services as started:
            with Installation(_settings(home / "home", started.urls)) as installation:
                stop = asyncio.Event()
                running = asyncio.create_task(installation.daemon("render").run(stop))
                try:
                    await _together(installation, 1)
                    services.prepared.set()
                    alone = await _together(installation, 1)
                    together = await _together(installation, AT_ONCE)
                finally:
                    stop.set()
                    await running
    critical = latencies.critical_path_s
    return Makespan(1, *_ordered(alone, critical)), Makespan(AT_ONCE, *_ordered(together, critical))


def _ordered(measured: tuple[float, int], critical_path_s: float) -> tuple[float, float, int]:
    return measured[0], critical_path_s, measured[1]
