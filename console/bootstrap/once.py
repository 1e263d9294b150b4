"""One render, here and now: a real queue in a folder of its own, one worker, one job, and a summary."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from config.settings import Settings, StorageSettings
from console.bootstrap.daemon import Installation
from console.bootstrap.services import (
    check_faults,
    exercised,
    local_service_urls,
    local_services,
    with_services,
)
from console.format import duration
from scheduler.domain.access import Role
from scheduler.domain.failure import FailureClass
from scheduler.domain.job import JobSpec, JobStatus
from scheduler.domain.render import AttemptStatus, StageName
from scheduler.ports.operations import Actor, JobDetail

LOOK_S = 0.2
ALWAYS_STARTED = ("manim", "revideo", "tts")
"""Local services beside a render with faults; others only if a fault is for them."""


@dataclass(frozen=True, slots=True)
class StageSummary:
    """What became of one stage: seconds of all its attempts together, and how many there were."""

    stage: str
    provider: str
    attempts: int
    fallback: bool
    duration_s: float


@dataclass(frozen=True, slots=True)
class Summary:
    """How one render ended.

    Attributes:
        path: the published mp4, or None when it failed.
        duration_s: length of the video.
        took_s: wall time.
        bad_input: it failed because of what was given.
    """

    brief: Path
    path: Path | None
    thumbnail: Path | None
    duration_s: float | None
    took_s: float
    degraded: bool
    stages: tuple[StageSummary, ...]
    error: str | None = None
    bad_input: bool = False

    def as_json(self) -> dict[str, Any]:
        """For ``--json``: durations in seconds."""
        return {
            "brief": str(self.brief),
            "path": self.path,
            "thumbnail": self.thumbnail,
            "duration_s": self.duration_s,
            "took_s": round(self.took_s, 3),
            "degraded": self.degraded,
            "providers": {stage.stage: stage.provider for stage in self.stages},
            "stages": [
                {
                    "stage": stage.stage,
                    "provider": stage.provider,
                    "attempts": stage.attempts,
                    "fallback": stage.fallback,
                    "duration_s": stage.duration_s,
                }
                for stage in self.stages
            ],
            "error": self.error,
        }

    def lines(self) -> list[str]:
        """For people."""
        found = [
            f"{stage.stage:<10} {stage.provider:<16} {duration(stage.duration_s):>8}"
            + (f"  {stage.attempts} attempts" if stage.attempts > 1 else "")
            + ("  (fallback)" if stage.fallback else "")
            for stage in self.stages
        ]
        length = duration(self.duration_s or 0.0)
        return [*found, f"{length} of video in {duration(self.took_s)}" + (", degraded" if self.degraded else "")]


async def render_once(
    settings: Settings, brief: Path, out: Path, faults: tuple[str, ...], show: Callable[[float, str], None]
) -> Summary:
    """Render ``brief`` into ``out``; the queue and the stages' files live in a temporary folder and go with it.

    Args:
        settings: services, chains, speech.
        brief: a Markdown file.
        out: made if it is missing.
        faults: ``SERVICE=KIND``; any starts local services on free ports.
        show: progress 0–1 and the stage.

    Raises:
        ValueError: a fault or the brief's path is wrong.
    """
    brief, out = await asyncio.to_thread(brief.absolute), await asyncio.to_thread(out.absolute)
    if not await asyncio.to_thread(brief.is_file):
        raise ValueError(f"--brief {brief}: there is no such file")
    await asyncio.to_thread(check_folder, out)
    with tempfile.TemporaryDirectory(prefix="predawn-render-") as folder:
        home = Path(folder)
        alone = settings.model_copy(
            update={
                "home": home,
                "database": settings.database.model_copy(update={"url": None}),
                # The result is a file in ``out``: remote storage takes part only where a fault asks for it.
                "storage": StorageSettings(directory=out),
            }
        )
        async with contextlib.AsyncExitStack() as stack:
            if faults:
                started = dict.fromkeys((*ALWAYS_STARTED, *check_faults(faults)), 0)
                urls = await stack.enter_async_context(local_services(alone, started, faults))
                alone = with_services(exercised(alone, faults), local_service_urls(urls))
            return await _run(alone, brief, show)


def check_folder(out: Path) -> None:
    """See that a video can be written into a folder, before it is rendered; makes it.

    Raises:
        ValueError: it cannot; the message says why.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise ValueError(f"--out {out}: cannot be written ({error.strerror}); choose another folder") from error


async def _run(settings: Settings, brief: Path, show: Callable[[float, str], None]) -> Summary:
    with Installation(settings) as installation:
        queued = installation.operations.submit(
            JobSpec("daily_ca", {"brief": str(brief)}), actor=Actor("render", "cli", role=Role.OPERATOR)
        )
        stop = asyncio.Event()
        running = asyncio.create_task(installation.daemon("render").run(stop))
        began = installation.clock.monotonic()
        try:
            detail = await _wait(installation, queued.job.id, running, show)
        finally:
            stop.set()
            await running
        done = summary(detail, brief, installation.clock.monotonic() - began)
        if detail.job.status is JobStatus.COMPLETED:
            done = replace(done, path=await asyncio.to_thread(bring_home, detail, settings.published_dir))
        return done


async def _wait(
    installation: Installation, job_id: str, running: asyncio.Task[None], show: Callable[[float, str], None]
) -> JobDetail:
    """Follow the job until its first render has ended (there is no waiting for a retry in five minutes here)."""
    while not running.done():
        detail = await asyncio.to_thread(installation.operations.job, job_id)
        show(detail.job.progress, detail.job.stage or detail.job.status)
        if detail.job.status in {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED}:
            return detail
        await asyncio.sleep(LOOK_S)
    await running
    raise RuntimeError("the worker ended before the job did")


def summary(detail: JobDetail, brief: Path, took_s: float) -> Summary:
    """The summary of a job that has ended. Pure."""
    job = detail.job
    stages: dict[str, list[Any]] = {}
    for attempt in detail.attempts:
        stages.setdefault(attempt.stage.value, []).append(attempt)
    rows = tuple(
        StageSummary(
            stage=stage,
            provider=next((a.provider for a in reversed(tries) if a.status is AttemptStatus.COMPLETED), "-"),
            attempts=sum("skipped" not in a.detail and not a.resumed for a in tries),
            fallback=any(a.fallback_position > 0 and a.status is AttemptStatus.COMPLETED for a in tries),
            duration_s=round(sum(a.duration_ms or 0 for a in tries) / 1000, 3),
        )
        for stage, tries in stages.items()
    )
    done = job.status is JobStatus.COMPLETED
    return Summary(
        brief=brief,
        path=file_path(job.payload.get("video_url")) if done else None,
        thumbnail=file_path(job.payload.get("thumbnail_url")) if done else None,
        duration_s=job.payload.get("duration") if done else None,
        took_s=took_s,
        degraded=job.degraded,
        stages=rows,
        error=job.error.message if job.error and not done else None,
        bad_input=job.error is not None and job.error.type is FailureClass.INVALID_INPUT,
    )


def video_file(detail: JobDetail) -> Path | None:
    """Where a finished job's video lies on this machine, wherever it was published; None when it is not here."""
    path = file_path(detail.job.payload.get("video_url"))
    if path is not None:
        return path
    for checkpoint in detail.checkpoints:
        video = checkpoint.output.artifacts.get("video")
        if checkpoint.stage is StageName.UPLOAD and video is not None and Path(video.path).is_file():
            return Path(video.path)
    return None


def bring_home(detail: JobDetail, out: Path) -> Path | None:
    """The video of a finished job as a file in ``out``, also when it was published elsewhere."""
    url, path = str(detail.job.payload.get("video_url")), video_file(detail)
    if path is None or file_path(url) is not None:
        return path
    target = out / Path(unquote(urlsplit(url).path)).name
    out.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(path, target))


def file_path(url: Any) -> Path | None:
    """The path of a ``file://`` URL; None for anything else."""
    parts = urlsplit(str(url or ""))
    return Path(unquote(parts.path)) if parts.scheme == "file" else None
