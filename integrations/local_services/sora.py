"""The local text-to-video server: the Sora-style contract over animated cards."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from integrations.local_services.jobs import JobState, Product, QueueFullError, RenderJob, RenderQueue
from integrations.local_services.render_app import ERROR_ANSWERS, BadRequestError, Body, Spoil, parse_body, read_body
from integrations.local_services.shelf import Shelf
from scheduler.domain.content import Segment, SegmentKind
from scheduler.domain.requests import language_of
from scheduler.ports.media import CardContext, LocalMedia

WORDS = {
    JobState.QUEUED: "queued",
    JobState.RENDERING: "in_progress",
    JobState.COMPLETED: "completed",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
}
HEADING = 120


class VideoBody(Body):
    """``POST /v1/videos``; this stand-in makes 1280x720, and says so when asked for anything else."""

    prompt: Annotated[str, Field(min_length=1, max_length=2000)]
    model: Annotated[str, Field(min_length=1, max_length=100)] = "sora-2"
    seconds: Annotated[int, Field(ge=1, le=60)] = 4
    size: Literal["1280x720"] = "1280x720"

    @field_validator("prompt")
    @classmethod
    def _not_blank(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must not be blank")
        return value


class SoraService:
    """The server as an ASGI program (``app``).

    Args:
        media: renders.
        shelf: where videos are kept.
        spoil: done to each video before it is announced, for faults; or None.
    """

    def __init__(self, media: LocalMedia, shelf: Shelf, *, spoil: Spoil | None = None) -> None:
        self._media = media
        self._shelf = shelf
        self._spoil = spoil
        self.queue = RenderQueue()
        self.app = Starlette(
            routes=[
                Route("/v1/videos", self._submit, methods=["POST"]),
                Route("/v1/videos/{id}", self._state, methods=["GET"]),
                Route("/v1/videos/{id}", self._delete, methods=["DELETE"]),
                Route("/v1/videos/{id}/content", self._content, methods=["GET"]),
                Route("/health", self._health, methods=["GET"]),
            ],
            exception_handlers={**ERROR_ANSWERS, BadRequestError: _openai_error, HTTPException: _openai_error},
        )

    async def _submit(self, request: Request) -> Response:
        raw = await read_body(request)
        body = parse_body(VideoBody, raw)

        async def work(job: RenderJob) -> Product:
            product = await self._render(body, job)
            if self._spoil is not None:
                await self._spoil(self._shelf.path(product.video), product)
            await asyncio.to_thread(self._shelf.tidy)
            return product

        try:
            job = self.queue.submit(work, key=request.headers.get("idempotency-key"), body=raw)
        except QueueFullError as error:
            raise HTTPException(429, str(error)) from error
        return JSONResponse(_told(job, body))

    async def _render(self, body: VideoBody, job: RenderJob) -> Product:
        line = " ".join(body.prompt.split())
        heading = line if len(line) <= HEADING else f"{line[:HEADING].rsplit(' ', 1)[0]}…"
        segment = Segment(0, SegmentKind.POINT, heading, (), "", float(body.seconds), number=1)
        today = await asyncio.to_thread(dt.date.today)
        context = CardContext("Text to video", today, 1, language_of(line))
        name = f"{job.id}.mp4"
        length_s = await self._media.card_clip(
            segment, context, self._shelf.path(name), duration_s=float(body.seconds), progress=job.report
        )
        return Product(video=name, duration_s=length_s)

    async def _state(self, request: Request) -> Response:
        job = self._job(request)
        return JSONResponse(_told(job, parse_body(VideoBody, job.body)))

    async def _delete(self, request: Request) -> Response:
        job = self._job(request)
        await self.queue.cancel(job)
        return JSONResponse({"id": job.id, "object": "video.deleted", "deleted": True})

    async def _content(self, request: Request) -> Response:
        job = self._job(request)
        if job.product is None:
            raise HTTPException(409, f"video {job.id} is {WORDS[job.state]}: it has no content")
        path = self._shelf.path(job.product.video)
        if not await asyncio.to_thread(path.is_file):
            raise HTTPException(404, "no such content")
        return FileResponse(path, media_type="video/mp4")

    async def _health(self, _request: Request) -> Response:
        return JSONResponse({"status": "healthy", "active_jobs": self.queue.active, "queued": self.queue.waiting})

    def _job(self, request: Request) -> RenderJob:
        job = self.queue.get(request.path_params["id"])
        if job is None:
            raise HTTPException(404, "no such video; videos are lost when the server restarts: submit it again")
        return job


def _told(job: RenderJob, body: VideoBody) -> dict[str, Any]:
    return {
        "id": job.id,
        "object": "video",
        "model": body.model,
        "status": WORDS[job.state],
        "progress": round(job.progress * 100),
        "seconds": str(body.seconds),
        "size": body.size,
        "error": None if job.error is None else {"code": "render_failed", "message": job.error},
    }


async def _openai_error(_request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        status, message = error.status_code, str(error.detail)
    else:
        status, message = (error.status if isinstance(error, BadRequestError) else 400), str(error)
    told = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": told}, status_code=status)
