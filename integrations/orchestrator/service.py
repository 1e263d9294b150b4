"""One piece of work at the Orchestrator: asked whether it is there and who it is, submitted, watched, fetched."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.settings import ServiceSettings
from integrations.kit.http import HttpService, Trace
from integrations.kit.remote_job import RemoteResult, RemoteWork, Report, run_remote_work
from integrations.kit.text import shown_url
from scheduler.domain.failure import StageFailure

OURSELVES = "predawn"
"""``service`` in the answer of predawn's own ``GET /health``."""


def own_api_problem(health: Mapping[str, Any], url: str) -> str | None:
    """What is wrong with an Orchestrator that is in truth predawn's own API; None when it is somebody else. Pure.

    predawn speaks the Orchestrator's contract itself. Handing it our own work would queue a job that hands its work
    over again, and so on.
    """
    said = health.get("service")
    if isinstance(said, str) and said.strip().lower() == OURSELVES:
        return (
            f"services.orchestrator.url ({shown_url(url)}) is predawn's own API, not a Video Orchestrator: "
            "it would hand the work back to itself; set it to the Orchestrator's address, or "
            "services.orchestrator.enabled to false"
        )
    return None


THUMBNAIL_TIMEOUT_S = 10.0
JPEG = b"\xff\xd8\xff"


async def rendered(
    settings: ServiceSettings,
    body: Mapping[str, Any],
    out: Path,
    *,
    trace: Trace,
    timeout_s: float,
    report: Report,
    thumbnail: Path | None = None,
) -> RemoteResult:
    """Have one body of ``POST /render`` rendered, and fetch the video.

    Args:
        settings: where it is and how it is watched.
        body: either form.
        out: where the video is put; it is there when this returns, but not yet probed.
        trace: goes out as headers.
        timeout_s: seconds for each call; a synchronous answer may take all of them.
        report: hears the progress.
        thumbnail: where a thumbnail is put if the answer names one and it can be fetched; it is only an extra.

    Raises:
        StageFailure: the service failed; UNAVAILABLE, not to be tried again, when it is our own API.
    """
    async with HttpService.of("orchestrator", settings) as orchestrator:
        problem = own_api_problem(await orchestrator.preflight(trace=trace), settings.url)
        if problem is not None:
            raise StageFailure.unavailable(problem, retryable=False)
        work = RemoteWork("/render", body, settings.poll_path, settings.poll_s, timeout_s)
        result = await run_remote_work(orchestrator, work, trace=trace, report=report)
        await orchestrator.download(result.url, out, trace=trace, timeout_s=timeout_s)
        if thumbnail is not None and result.thumbnail_url is not None:
            await _extra(orchestrator, result.thumbnail_url, thumbnail, trace=trace)
    return result


async def _extra(orchestrator: HttpService, url: str, out: Path, *, trace: Trace) -> None:
    """The thumbnail, if it is one: a video without it is still the video."""
    try:
        await orchestrator.download(url, out, trace=trace, timeout_s=THUMBNAIL_TIMEOUT_S)
    except StageFailure:
        return
    await asyncio.to_thread(_keep_if_jpeg, out)


def _keep_if_jpeg(path: Path) -> None:
    with path.open("rb") as file:
        good = file.read(len(JPEG)) == JPEG
    if not good:
        path.unlink()
