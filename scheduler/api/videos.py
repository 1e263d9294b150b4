"""The video service: a video from a prompt, followed, fetched, described. Its jobs are jobs like all others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Annotated, Any, cast

import structlog
from fastapi import APIRouter, Header, Response
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.types import Receive, Scope, Send

from scheduler.api import stream as streams
from scheduler.api.context import Caller, Context, Ctx
from scheduler.api.files import ours, path_of
from scheduler.api.jobs import IdempotencyKey, JobId, allow_callback, cancelled, key_of, same_request
from scheduler.api.problems import ApiError, responses
from scheduler.api.routing import ReadableRoute
from scheduler.api.schemas import CancelView, GenerateBody, JobView, SyncStatus, VideoMetadata, VideoStatus
from scheduler.api.views import error_view, job_view, time, word_of
from scheduler.domain.job import Job, JobSpec, JobStatus, Priority
from scheduler.domain.render import StageName
from scheduler.ports.api import JobOutlook, Submission
from scheduler.ports.operations import JobDetail

router = APIRouter(prefix="/api/videos", tags=["videos"], route_class=ReadableRoute)

log = structlog.get_logger("predawn.api")

PROMPT_VIDEO = "prompt_video"
STALLED_S = 60.0
"""Seconds after which a follower that takes nothing is let go."""
SYNC_S = 5.0
"""Seconds that the remote service gets to answer a ``sync``."""
SYNC_LOOK_S = 0.1
"""Seconds between looks whether it has."""
MEDIA_TYPE = "video/mp4"
_BINARY = {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}


def status_view(job: Job, remaining_s: float | None) -> dict[str, Any]:
    """A job in the words of the video service: what waits is ``queued``."""
    word = word_of(job)
    view = job_view(job, remaining_s=remaining_s)
    kept = ("progress", "stage", "estimated_time_remaining", "video_url", "error")
    return {"id": job.id, "status": "queued" if word == "pending" else word, **{name: view[name] for name in kept}}


@router.post("/generate", status_code=202, response_model=VideoStatus, responses=responses(409))
async def generate(body: GenerateBody, context: Ctx, actor: Caller, idempotency_key: IdempotencyKey = None) -> Response:
    """Have a video made from a prompt; needs a text-to-video service (``services.sora``)."""
    if PROMPT_VIDEO not in context.options.job_types:
        raise ApiError(409, "no text-to-video service is set up here: services.sora.url and services.sora.enabled")
    if body.callback_url is not None:
        allow_callback(context, body.callback_url)
    payload = body.model_dump(exclude_none=True, exclude={"priority"}) | {"priority": body.priority}
    spec = JobSpec(
        job_type=PROMPT_VIDEO,
        payload=payload,
        priority=Priority(body.priority),
        idempotency_key=key_of(idempotency_key, actor),
        max_retries=0,
    )
    queued = await context.submits.submit(Submission(spec, actor))
    same_request(queued, spec)
    seconds = None if queued.job.is_final else await context.estimate.seconds()
    return JSONResponse(
        status_view(queued.job, seconds),
        status_code=202,
        headers={"location": f"/api/videos/{queued.job.id}/status"},
    )


@router.get("/{job_id}/status", response_model=VideoStatus, responses=responses(404))
async def status(job_id: JobId, context: Ctx, actor: Caller) -> Response:
    """How the video stands; at most 0.2 s old."""
    outlook = await context.watch.outlook(job_id)
    return JSONResponse(status_view(outlook.job, outlook.remaining_s))


@router.post("/{job_id}/sync", response_model=SyncStatus, responses=responses(404))
async def sync(job_id: JobId, context: Ctx, actor: Caller) -> Response:
    """How the video stands, as the remote service that makes it says now; it is asked by whichever process renders.

    ``synced`` is false when no answer came within five seconds: the job then stands as it was last seen.
    """
    job = (await context.watch.outlook(job_id, max_age_s=0.0)).job
    synced = job.status is not JobStatus.PROCESSING or await looked_at(context, job.id)
    outlook = await context.watch.outlook(job_id, max_age_s=0.0)
    return JSONResponse({**status_view(outlook.job, outlook.remaining_s), "synced": synced or outlook.job.is_final})


async def looked_at(context: Context, job_id: str) -> bool:
    """Have a job in hand looked at; False: nobody has answered in time."""
    loop, operations = asyncio.get_running_loop(), context.operations
    until = loop.time() + SYNC_S
    await asyncio.to_thread(operations.ask_look, job_id)
    while not await asyncio.to_thread(operations.was_looked, job_id):
        if (
            loop.time() >= until
            or context.watch.leaving
            or (await context.watch.outlook(job_id)).job.status is not JobStatus.PROCESSING
        ):
            return False
        await asyncio.sleep(SYNC_LOOK_S)
    return True


@router.get("/{job_id}/result", response_model=JobView, responses=responses(404, 409))
async def result(job_id: JobId, context: Ctx, actor: Caller) -> Response:
    """The finished video; 409 as long as there is none."""
    job = (await context.watch.outlook(job_id)).job
    if job.status is not JobStatus.COMPLETED:
        raise ApiError(409, f"the video is {word_of(job)}", more={"job_id": job.id, "job_error": error_view(job)})
    return JSONResponse(job_view(job))


@router.post("/{job_id}/cancel", status_code=202, response_model=CancelView, responses=responses(404, 409))
async def cancel(job_id: JobId, context: Ctx, actor: Caller) -> Response:
    """Cancel: at once while it waits, within two seconds while it is made; remotely where the service can."""
    return JSONResponse(await cancelled(context, job_id, actor), status_code=202)


@router.get(
    "/{job_id}/stream",
    response_class=EventSourceResponse,
    responses={
        200: {
            "description": "Events progress, stage-complete, error and done",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        204: {"description": "This follower was told everything: do not come back"},
        **responses(404),
    },
)
async def stream(
    job_id: JobId, context: Ctx, actor: Caller, last_event_id: Annotated[str | None, Header(max_length=1000)] = None
) -> Response:
    """Follow a job to its end; ``Last-Event-ID`` goes on where a follower was."""
    outlook = await context.watch.outlook(job_id, max_age_s=0.0)
    cursor = streams.Cursor.of(last_event_id)
    if streams.is_told(cursor, outlook):
        return Response(status_code=204)
    return Followed(
        follow(context, outlook.job.id, cursor),
        ping=cast("int", context.options.keepalive_s),  # any number of seconds will do
        ping_message_factory=lambda: ServerSentEvent(comment="still here"),
        send_timeout=STALLED_S,
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


class Followed(EventSourceResponse):
    """A stream whose reader may stall: it is let go then, which is nobody's fault."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it to its end, or until the reader takes nothing."""
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            log.info("a follower that took nothing was let go", path=scope["path"], after_s=STALLED_S)


async def follow(context: Context, job_id: str, cursor: streams.Cursor) -> AsyncGenerator[ServerSentEvent, None]:
    """The events of one follower, from where it was to the job's end; or to the end of this process."""
    told: Mapping[str, Any] | None = None
    async with context.watch.follow(job_id) as job:
        while not context.watch.leaving:
            version, outlook = job.version, job.outlook
            for event in streams.events(cursor, outlook):
                cursor = event.after
                yield _sent(event.name, event.data, cursor)
                if event.name == streams.DONE:
                    return
            if is_over(outlook, cursor):
                return
            if (now := streams.progress(outlook)) != told:
                told = now
                yield _sent(streams.PROGRESS, now, cursor)
            await job.after(version, STALLED_S)


def is_over(outlook: JobOutlook, cursor: streams.Cursor) -> bool:
    """Whether nothing more is to be told. Pure."""
    return outlook.job.is_final and cursor.done == outlook.job.attempt


def _sent(name: str, data: Mapping[str, Any], cursor: streams.Cursor) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(data, ensure_ascii=False), event=name, id=str(cursor))


@router.get(
    "/{job_id}/download",
    response_class=FileResponse,
    responses={
        200: {"description": "The video", **_BINARY},
        206: {"description": "A part of it", **_BINARY},
        307: {"description": "It is published elsewhere: Location says where"},
        **responses(404, 409, 416),
    },
)
async def download(job_id: JobId, context: Ctx, actor: Caller) -> Response:
    """The finished video; ranges are answered. Only files of this installation are handed out."""
    detail = await asyncio.to_thread(context.operations.job, job_id)
    job = detail.job
    if job.status is not JobStatus.COMPLETED:
        raise ApiError(409, f"the video is {word_of(job)}")
    path = await asyncio.to_thread(_file_of, detail, context)
    if path is not None:
        return FileResponse(path, media_type=MEDIA_TYPE, filename=f"{job.id}.mp4")
    url = str(job.payload.get("video_url") or "")
    if url.startswith(("http://", "https://")):
        return RedirectResponse(url, status_code=307)
    raise ApiError(404, "the video's file is not here any more")


def _file_of(detail: JobDetail, context: Context) -> Any:
    published = path_of(str(detail.job.payload.get("video_url") or ""))
    kept = [
        path_of(checkpoint.output.artifacts["video"].path)
        for stage in (StageName.UPLOAD, StageName.REVIDEO)  # a plug-in may have changed the composed one
        for checkpoint in detail.checkpoints
        if checkpoint.stage is stage and not checkpoint.part and "video" in checkpoint.output.artifacts
    ]
    for path in (published, *kept):
        real = None if path is None else ours(path, context.options.file_roots)
        if real is not None:
            return real
    return None


@router.get("/{job_id}/metadata", response_model=VideoMetadata, responses=responses(404))
async def metadata(job_id: JobId, context: Ctx, actor: Caller) -> Response:
    """What is known of the video: title, length, size, and who made which stage."""
    detail = await asyncio.to_thread(context.operations.job, job_id)
    job, payload = detail.job, detail.job.payload
    path = await asyncio.to_thread(_file_of, detail, context)
    whole = {kept.stage: kept.output for kept in detail.checkpoints if not kept.part}
    script = whole[StageName.SCRIPT_GEN].data.get("script") if StageName.SCRIPT_GEN in whole else None
    title = cast("Mapping[str, Any]", script).get("title") if isinstance(script, Mapping) else None
    view = job_view(job)
    return JSONResponse(
        {
            "id": job.id,
            "job_type": job.job_type,
            "title": title if isinstance(title, str) else None,
            "prompt": payload.get("prompt") if isinstance(payload.get("prompt"), str) else None,
            "duration": view["duration"],
            "size_bytes": None if path is None else (await asyncio.to_thread(path.stat)).st_size,
            "media_type": MEDIA_TYPE,
            "degraded": job.degraded,
            "video_url": view["video_url"],
            "thumbnail_url": view["thumbnail_url"],
            "completed_at": time(job.completed_at),
            "providers": {stage.value: output.provider for stage, output in whole.items()},
        }
    )
