"""Whole jobs with real media: handed to a local Orchestrator that renders, or fails, with the pipeline behind it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config.settings import ApiSettings, PipelineSettings, QueueSettings, Settings, StageSettings
from console.bootstrap.daemon import Installation
from console.bootstrap.once import file_path
from console.bootstrap.services import exercised, local_service_urls, local_services, with_services
from integrations.media.probe import probe
from scheduler.domain.access import Role
from scheduler.domain.job import JobSpec, JobStatus
from scheduler.ports.operations import Actor, InvalidError, JobDetail

BRIEF: dict[str, Any] = {
    "date": "2026-11-20",
    "title": "A short day",
    "language": "en",
    "edition": None,
    "headlines": [{"title": "Bridge opens", "sentences": ["It is the highest of all."], "source": "PIB"}],
}


def settings_for(home: Path) -> Settings:
    pipeline = PipelineSettings(backoff_s=0.05, jitter=0.0)
    # Published here and nowhere else: what is tested ends with a file.
    stages = pipeline.stages.model_copy(update={"upload": StageSettings(providers=("local-directory",))})
    return Settings(
        home=home,
        pipeline=pipeline.model_copy(update={"stages": stages}),
        queue=QueueSettings(heartbeat_s=0.2),
        api=ApiSettings(enabled=False),
    )


async def made(home: Path, spec: JobSpec, *faults: str) -> JobDetail:
    """One job, from submission to its end, in an installation with local services."""
    settings = settings_for(home)
    ports: dict[str, int] = dict.fromkeys(("manim", "revideo", "tts", "orchestrator", "script"), 0)
    async with local_services(settings, ports, faults) as urls:
        installed = with_services(exercised(settings, faults), local_service_urls(urls))
        with Installation(installed) as installation:
            job = installation.operations.submit(spec, actor=Actor("test", "test", role=Role.OPERATOR)).job
            stop = asyncio.Event()
            running = asyncio.create_task(installation.daemon("render").run(stop))
            try:
                async with asyncio.timeout(60):
                    while not installation.operations.job(job.id).job.status.is_final:  # noqa: ASYNC110 - the database has no event
                        await asyncio.sleep(0.05)
            finally:
                stop.set()
                await running
            return installation.operations.job(job.id)


def playable(detail: JobDetail) -> float:
    assert detail.job.status is JobStatus.COMPLETED, detail.job.error
    path = file_path(detail.job.payload["video_url"])
    assert path is not None
    return probe(path).duration_s


async def test_a_doubt_is_made_by_the_orchestrator(tmp_path: Path) -> None:
    detail = await made(tmp_path, JobSpec("doubt", {"question": "What is the repo rate?"}))

    assert playable(detail) > 5
    assert [attempt.provider for attempt in detail.attempts] == [
        "brief-check",
        "orchestrator-route",
        "media-probe",
        "local-directory",
    ]
    assert not detail.job.degraded
    assert file_path(detail.job.payload["thumbnail_url"]) is not None


async def test_an_orchestrator_that_lies_is_followed_by_the_pipeline(tmp_path: Path) -> None:
    spec = JobSpec("daily_ca", {"brief": BRIEF, "route": "orchestrator"})
    detail = await made(tmp_path, spec, "orchestrator=error200")

    assert playable(detail) > 8
    tried = [(a.provider, a.status.value) for a in detail.attempts if a.stage.value == "revideo"]
    assert tried == [
        ("orchestrator-route", "failed"),
        ("orchestrator-route", "failed"),
        ("revideo-api", "completed"),
    ]
    assert "chat-script" in {attempt.provider for attempt in detail.attempts}
    assert detail.job.degraded


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (JobSpec("doubt", {}), r"payload\.question is missing"),
        (JobSpec("doubt", {"question": "Why?", "route": "express"}), r"payload\.route must be one of pipeline"),
        (JobSpec("prompt_video", {"prompt": "a river"}), "turned off here: set services.sora.enabled"),
    ],
)
def test_bad_input_is_refused_when_it_is_submitted(tmp_path: Path, spec: JobSpec, said: str) -> None:
    with (
        Installation(settings_for(tmp_path)) as installation,
        pytest.raises(InvalidError, match=said),
    ):
        installation.operations.submit(spec, actor=Actor("test", "test", role=Role.OPERATOR))
