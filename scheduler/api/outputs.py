"""Intermediate outputs: what each stage of a job has made, fetchable while and after the job runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse, JSONResponse

from scheduler.api.context import Caller, Ctx
from scheduler.api.files import ours
from scheduler.api.jobs import JobId
from scheduler.api.problems import ApiError, responses
from scheduler.api.routing import ReadableRoute
from scheduler.api.schemas import Outputs
from scheduler.domain.render import Artifact, Checkpoint, StageName
from scheduler.ports.operations import JobDetail

router = APIRouter(tags=["orchestrator"], route_class=ReadableRoute)


def named(detail: JobDetail) -> Iterator[tuple[str, Checkpoint, Artifact]]:
    """The files of a job with their names, ``manim/clip/0``, in the order of the stages; parts only of open stages."""
    whole = {kept.stage for kept in detail.checkpoints if not kept.part}
    for kept in sorted(detail.checkpoints, key=lambda kept: (_place(kept.stage), len(kept.part), kept.part)):
        if kept.part and kept.stage in whole:
            continue
        for role, artifact in sorted(kept.output.artifacts.items()):
            part = f"/{kept.part}" if kept.part else ""
            yield f"{kept.stage.value}/{role}{part}", kept, artifact


def _place(stage: StageName) -> int:
    """Where a stage stands among predawn's; those of plug-ins come last."""
    order = list(StageName)
    return order.index(stage) if stage in order else len(order)


@router.get("/jobs/{job_id}/outputs", summary="Intermediate outputs", response_model=Outputs, responses=responses(404))
async def outputs(job_id: JobId, context: Ctx, actor: Caller) -> Response:
    """What the stages have made so far: clips, narrations, the composed video."""
    detail = await asyncio.to_thread(context.operations.job, job_id)
    items: list[dict[str, Any]] = [
        {
            "name": name,
            "stage": kept.stage.value,
            "provider": kept.output.provider,
            "degraded": kept.output.degraded,
            "media_type": artifact.media_type,
            "size": artifact.size,
            "sha256": artifact.sha256,
            "url": f"/jobs/{detail.job.id}/outputs/{quote(name)}",
        }
        for name, kept, artifact in named(detail)
    ]
    return JSONResponse({"job_id": detail.job.id, "items": items})


@router.get(
    "/jobs/{job_id}/outputs/{name:path}",
    summary="One intermediate output",
    response_class=FileResponse,
    responses={
        200: {"description": "The file", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
        206: {"description": "A part of it", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
        **responses(404, 416),
    },
)
async def output(
    job_id: JobId,
    name: Annotated[str, InPath(min_length=1, max_length=200, description="As listed: manim/clip/0.")],
    context: Ctx,
    actor: Caller,
) -> Response:
    """The file; ranges are answered."""
    detail = await asyncio.to_thread(context.operations.job, job_id)
    artifact = next((artifact for known, _, artifact in named(detail) if known == name), None)
    if artifact is None:
        raise ApiError(404, f"job {detail.job.id} has no output {name!r}; see /jobs/{detail.job.id}/outputs")
    path = await asyncio.to_thread(ours, Path(artifact.path), context.options.file_roots)
    if path is None:
        raise ApiError(404, "this file is gone: another render or the care of the disk has removed it")
    return FileResponse(path, media_type=artifact.media_type, filename=path.name, content_disposition_type="inline")
