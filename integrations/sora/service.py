"""One video from a text-to-video server: submitted, watched, fetched. Whoever stops waiting deletes it there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.settings import SoraSettings
from integrations.kit.http import HttpService, Trace
from integrations.kit.remote_job import RemoteResult, RemoteWork, Report, run_remote_work
from integrations.kit.urls import openai_path
from integrations.sora.status import read_video


def open_sora(settings: SoraSettings) -> HttpService:
    """The server; to be used as a context."""
    return HttpService.of("sora", settings)


async def generated(
    sora: HttpService,
    settings: SoraSettings,
    body: Mapping[str, Any],
    out: Path,
    *,
    trace: Trace,
    timeout_s: float,
    report: Report,
) -> RemoteResult:
    """Have one video made and fetch its content; it is not yet probed.

    There is no way to cancel but to stop asking and to delete the video, which happens when the caller is cancelled.

    Raises:
        StageFailure: the server failed, refused the prompt, or forgot the video.
    """
    videos = openai_path(settings.url, "/videos")
    work = RemoteWork(
        path=videos,
        body=body,
        poll_path=f"{videos}/{{id}}",
        poll_s=settings.poll_s,
        timeout_s=timeout_s,
        content_path=f"{videos}/{{id}}/content",
        read=read_video,
    )
    result = await run_remote_work(sora, work, trace=trace, report=report)
    await sora.download(result.url, out, trace=trace, timeout_s=timeout_s)
    return result
