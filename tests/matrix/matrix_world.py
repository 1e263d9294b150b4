"""One installation with real services that fail, real HTTP and real media; time-outs and deadlines are scaled down.

Where the defaults say minutes, these say seconds: a stage's time limit is a thirtieth to a fiftieth of the default.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from matrix_media import RememberingMedia, memory_beside
from pydantic import SecretStr

from config.settings import (
    ApiSettings,
    DeadlineSettings,
    EstimateSettings,
    HealthSettings,
    PipelineSettings,
    QueueSettings,
    ScriptSettings,
    Settings,
    SpeechSettings,
)
from console.bootstrap.daemon import Installation
from console.bootstrap.once import video_file
from console.bootstrap.services import check_faults, exercised, local_service_urls, with_services
from integrations.local_services.running import LocalServices
from integrations.media.probe import probe
from scheduler.domain.access import Role
from scheduler.domain.job import JobSpec
from scheduler.domain.media import MediaReport
from scheduler.domain.render import Attempt, AttemptStatus
from scheduler.ports.operations import Actor, JobDetail

TESTER = Actor("test", "test", role=Role.OPERATOR)
STARTED = ("manim", "revideo", "orchestrator", "tts", "script", "storage")
DEADLINE_S = 75.0
"""Seconds from the submission of a job until its video must be out."""

BRIEF: dict[str, Any] = {
    "date": "2026-11-20",
    "title": "A short day",
    "language": "en",
    "edition": None,
    "headlines": [{"title": "Bridge opens", "sentences": ["It is the highest of all."], "source": "PIB"}],
}

ESTIMATES = {
    "brief-check": (0.1, 0.5),
    "chat-script": (0.3, 1),
    "template-script": (0.1, 0.3),
    "manim-api": (3, 6),
    "static-cards": (3, 10),
    "a4f": (2, 4),
    "cached-audio": (0.1, 0.5),
    "espeak": (1, 3),
    "silence": (0.5, 2),
    "revideo-api": (4, 8),
    "orchestrator": (4, 8),
    "orchestrator-route": (5, 10),
    "local-composer": (4, 12),
    "media-probe": (1, 5),
    "supabase": (0.5, 2),
    "local-directory": (0.1, 0.5),
}
TIMEOUTS_S = {"brief": 5, "script_gen": 2, "manim": 8, "tts": 5, "revideo": 14, "verify": 20, "upload": 5}
ROUTE_TIMEOUT_S = 10.0


def scaled(home: Path, *, slots: int = 1) -> Settings:
    """The settings of a cell: the defaults, with time running faster."""
    pipeline = PipelineSettings(backoff_s=0.05, route_timeout_s=ROUTE_TIMEOUT_S)
    stages = pipeline.stages.model_copy(
        update={
            name: getattr(pipeline.stages, name).model_copy(update={"timeout_s": float(seconds)})
            for name, seconds in TIMEOUTS_S.items()
        }
    )
    services = {
        name: {"url": f"http://127.0.0.1:{9 + number}", "connect_timeout_s": 1.0, "poll_s": 0.1}
        for number, name in enumerate(("manim", "revideo", "orchestrator"))
    }
    return Settings.model_validate(
        Settings(
            home=home,
            pipeline=pipeline.model_copy(update={"stages": stages}),
            queue=QueueSettings(heartbeat_s=0.2, slots=slots),
            health=HealthSettings(interval_s=1, recheck_s=0.3, timeout_s=0.7),
            deadline=DeadlineSettings(
                estimates={name: EstimateSettings(p50_s=p50, p90_s=p90) for name, (p50, p90) in ESTIMATES.items()}
            ),
            speech=SpeechSettings(a4f_key=SecretStr("local"), speed=2.0),
            script=ScriptSettings(key=SecretStr("local")),
            api=ApiSettings(enabled=False),
        ).model_dump()
        | {"services": services}
    )


def connected(settings: Settings, urls: Mapping[str, str], faults: Sequence[str] = ()) -> Settings:
    """The settings with the services at these addresses, all of them in use."""
    found = with_services(exercised(settings, faults), local_service_urls(urls))
    supabase = found.storage.supabase.model_copy(update={"key": SecretStr("local")})
    return found.model_copy(update={"storage": found.storage.model_copy(update={"supabase": supabase})})


@dataclass(frozen=True)
class Made:
    """How a job ended.

    Attributes:
        report: what decoding the whole published video found; None: there is none.
        took_s: seconds from submission to its end.
    """

    detail: JobDetail
    report: MediaReport | None
    took_s: float
    on_time: bool

    @property
    def calls(self) -> list[Attempt]:
        """The calls that were really made, in order."""
        return [row for row in self.detail.attempts if "skipped" not in row.detail and not row.resumed]

    @property
    def used(self) -> tuple[str, ...]:
        """Who made what is in the video."""
        return tuple(row.provider for row in self.detail.attempts if row.status is AttemptStatus.COMPLETED)

    def tried(self) -> str:
        """The calls that failed, and who was passed over: ``manim-api 4× TIMEOUT``."""
        found: dict[tuple[str, str], int] = {}
        for row in self.detail.attempts:
            if row.status is AttemptStatus.FAILED:
                why = str(row.detail.get("skipped") or (row.error_class.value if row.error_class else "?"))
                found[row.provider, why] = found.get((row.provider, why), 0) + 1
        return ", ".join(f"{who} {times}× {why}" for (who, why), times in found.items()) or "–"


async def finished(installation: Installation, spec: JobSpec, *, deadline_s: float = DEADLINE_S) -> Made:
    """Submit a job to a running installation and wait for its end."""
    began = time.monotonic()
    deadline_at = datetime.now(UTC) + timedelta(seconds=deadline_s)
    spec = JobSpec(spec.job_type, spec.payload, deadline_at=deadline_at, max_retries=0)
    job = (await asyncio.to_thread(installation.operations.submit, spec, actor=TESTER)).job
    async with asyncio.timeout(deadline_s * 2):
        while not (await asyncio.to_thread(installation.store.get, job.id)).status.is_final:  # noqa: ASYNC110 - the database has no event
            await asyncio.sleep(0.1)
    took_s = time.monotonic() - began
    detail = await asyncio.to_thread(installation.operations.job, job.id)
    path = video_file(detail) if detail.job.status.value == "completed" else None
    report = await asyncio.to_thread(probe, path) if path is not None else None
    return Made(detail, report, took_s, report is not None and took_s <= deadline_s)


async def made(home: Path, payload: dict[str, Any], faults: Sequence[str]) -> Made:
    """One job in an installation of its own, with every service running and some of them failing."""
    media = RememberingMedia(memory_beside(home))
    services = LocalServices(media, home / "services", dict.fromkeys(STARTED, 0), check_faults(faults))
    async with services as started:
        with Installation(connected(scaled(home), dict(started.urls), faults)) as installation:
            stop = asyncio.Event()
            running = asyncio.create_task(installation.daemon("render").run(stop))
            try:
                return await finished(installation, JobSpec("daily_ca", payload))
            finally:
                stop.set()
                await running
