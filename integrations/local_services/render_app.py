"""The program both render services are: submit, ask, cancel, fetch, health (contracts.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from integrations.local_services.jobs import JobState, Product, QueueFullError, RenderJob, RenderQueue
from integrations.local_services.shelf import Shelf

MAX_BODY = 1024 * 1024
"""Bytes of a submission."""

Render = Callable[[Any, RenderJob], Awaitable[Product]]
Spoil = Callable[[Path, Product], Awaitable[None]]


class Body(BaseModel):
    """A part of a submission; what we do not know is ignored, as the real services do."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Model = TypeVar("Model", bound=Body)


class BadRequestError(Exception):
    """A submission that cannot be taken; the message names the field."""

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Words:
    """Which of the contract's words a service speaks."""

    submit: str
    completed: str
    failed: str
    video_url: str = "video_url"
    queued: str = "queued"
    running: str = "rendering"
    estimates: bool = False
    """Whether it says how many seconds a job still takes."""

    def of(self, state: JobState) -> str:
        """The service's word for a state."""
        match state:
            case JobState.COMPLETED:
                return self.completed
            case JobState.FAILED:
                return self.failed
            case JobState.QUEUED:
                return self.queued
            case JobState.RENDERING:
                return self.running
            case _:
                return state.value


class RenderService:
    """One render service as an ASGI program (``app``).

    Args:
        words: its dialect.
        model: what a submission must be.
        render: makes the product; raises ``StageFailure`` for what cannot be made.
        shelf: where products are put and served from.
        spoil: done to each product before it is announced, for faults; or None.
        synchronous: answer submissions with the finished video instead of a job; ``?wait=1`` does so for one call.
    """

    def __init__(
        self,
        words: Words,
        model: type[Body],
        render: Render,
        shelf: Shelf,
        *,
        spoil: Spoil | None = None,
        synchronous: bool = False,
    ) -> None:
        self._words = words
        self._model = model
        self._render = render
        self._shelf = shelf
        self._spoil = spoil
        self._synchronous = synchronous
        self.queue = RenderQueue()
        self.app = Starlette(
            routes=[
                Route(words.submit, self._submit, methods=["POST"]),
                Route("/jobs/{id}", self._state, methods=["GET"]),
                Route("/jobs/{id}", self._cancel, methods=["DELETE"]),
                Route("/videos/{file}", shelf.answer, methods=["GET"]),
                Route("/health", self._health, methods=["GET"]),
            ],
            exception_handlers=ERROR_ANSWERS,
        )

    async def _submit(self, request: Request) -> Response:
        raw = await read_body(request)
        body = parse_body(self._model, raw)

        async def work(job: RenderJob) -> Product:
            product = await self._render(body, job)
            if self._spoil is not None:
                await self._spoil(self._shelf.path(product.video), product)
            await asyncio.to_thread(self._shelf.tidy)
            return product

        try:
            job = self.queue.submit(work, key=request.headers.get("idempotency-key"), body=raw)
        except QueueFullError as error:
            return JSONResponse({"error": str(error)}, status_code=503, headers={"Retry-After": "5"})
        if self._synchronous or request.query_params.get("wait") in {"1", "true"}:
            return await self._when_done(job, request)
        return JSONResponse(self._told(job, request), status_code=202)

    async def _when_done(self, job: RenderJob, request: Request) -> Response:
        """Wait for the end; a caller who goes away takes the render along."""
        if job.task is None:
            raise RuntimeError("a submitted job has a task")
        gone = asyncio.create_task(_disconnected(request))
        try:
            await asyncio.wait({job.task, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
        if not job.is_final:
            await self.queue.cancel(job)
        return JSONResponse(self._told(job, request), status_code=200 if job.state is JobState.COMPLETED else 500)

    async def _state(self, request: Request) -> Response:
        return JSONResponse(self._told(self._job(request), request))

    async def _cancel(self, request: Request) -> Response:
        job = self._job(request)
        await self.queue.cancel(job)
        return JSONResponse(self._told(job, request))

    async def _health(self, _request: Request) -> Response:
        return JSONResponse({"status": "healthy", "active_jobs": self.queue.active, "queued": self.queue.waiting})

    def _job(self, request: Request) -> RenderJob:
        job = self.queue.get(request.path_params["id"])
        if job is None:
            raise HTTPException(404, "no such job; jobs are lost when the service restarts: submit it again")
        return job

    def _told(self, job: RenderJob, request: Request) -> dict[str, Any]:
        """A job in the service's words."""
        base = str(request.base_url)
        told: dict[str, Any] = {
            "job_id": job.id,
            "status": self._words.of(job.state),
            "status_url": f"/jobs/{job.id}",
            "progress": round(job.progress, 3),
        }
        if self._words.estimates and not job.is_final:
            told["estimated_time"] = job.remaining_s()
        if job.product is not None:
            told[self._words.video_url] = f"{base}videos/{job.product.video}"
            told["duration"] = round(job.product.duration_s, 3)
            if job.product.thumbnail is not None:
                told["thumbnail_url"] = f"{base}videos/{job.product.thumbnail}"
        if job.error is not None:
            told["error"] = job.error
        return told


async def read_body(request: Request) -> bytes:
    """The body of a submission.

    Raises:
        BadRequestError: it is too long.
    """
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY:
            raise BadRequestError(f"the body is longer than {MAX_BODY} bytes", status=413)
    return bytes(raw)


def parse_body(model: type[Model], raw: bytes) -> Model:
    """The submission as ``model``.

    Raises:
        BadRequestError: it is no JSON (400), or a field is wrong (422, named).
    """
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise BadRequestError(f"the body is no JSON: {first['msg']}", status=400) from error
        where = ".".join(str(step) for step in first["loc"])
        if not where and first["type"] == "value_error":
            # A check over several fields names its field itself.
            raise BadRequestError(first["msg"].removeprefix("Value error, ")) from error
        raise BadRequestError(f"{where or 'body'}: {first['msg']}") from error


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _bad_request(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=error.status if isinstance(error, BadRequestError) else 400)


async def _http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, status_code=error.status_code)


async def _gone(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)  # nobody reads it: the caller has hung up


ERROR_ANSWERS: dict[Any, Any] = {HTTPException: _http_error, BadRequestError: _bad_request, ClientDisconnect: _gone}
"""Errors as ``{"error": …}``, as contracts.md has it."""
