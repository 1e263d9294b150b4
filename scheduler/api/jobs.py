"""The Orchestrator contract: ``POST /render``, ``GET /jobs/{id}``, ``DELETE /jobs/{id}``, ``GET /jobs``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from scheduler.api.context import Caller, Context, Ctx, actor_of, context_of
from scheduler.api.problems import ApiError, responses
from scheduler.api.routing import ReadableRoute
from scheduler.api.schemas import (
    MOST_OF_AN_ID,
    CancelView,
    JobDetailView,
    JobPage,
    RenderBody,
    Submitted,
)
from scheduler.api.views import job_view, outlook_view, word_of
from scheduler.domain.destination import destination_problem
from scheduler.domain.failure import FailureClass
from scheduler.domain.job import CancelOutcome, Enqueued, Job, JobSpec, JobStatus, Priority
from scheduler.domain.workflow import WORKFLOW
from scheduler.ports.api import Submission
from scheduler.ports.operations import Actor

router = APIRouter(tags=["orchestrator"], route_class=ReadableRoute)


async def job_id_of(
    job_id: Annotated[
        str,
        Path(min_length=1, max_length=MOST_OF_AN_ID, description="A job's id, or the job_id that this caller gave it."),
    ],
    context: Ctx,
    actor: Caller,
) -> str:
    """The id of the job that is meant: the caller's own ``job_id`` of ``POST /render`` stands for it."""
    if context.watch.knows(job_id):
        return job_id
    return await asyncio.to_thread(context.operations.job_called, f"http:{actor.name}:{job_id}") or job_id


JobId = Annotated[str, Depends(job_id_of)]
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=200)]
_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,6})")
_TEXT_INPUT = {"doubt": "question", "prompt_video": "prompt", "daily_ca": "brief"}
"""Where an input that is only text goes, by job type."""
_CHOICES = ("style", "length", "voice")
RESULT_FIELDS = frozenset({"video_url", "thumbnail_url", "duration"})
"""What a payload gains with the end of its job (contracts.md), in place of what was asked for."""


def spec_of(body: RenderBody, *, key: str | None, actor: Actor) -> JobSpec:
    """The job that a body asks for. Pure.

    Raises:
        ApiError: 422; the input does not fit the job type.
    """
    if body.workflow is not None:
        job_type, payload = WORKFLOW, {WORKFLOW: body.workflow, "title": None, "label": body.job_type}
        payload = {name: value for name, value in payload.items() if value is not None}
    else:
        job_type, payload = body.job_type, _input(body)
        payload |= {name: value for name in _CHOICES if (value := getattr(body, name)) is not None}
    if body.callback_url is not None:
        payload["callback_url"] = body.callback_url
    return JobSpec(
        job_type=job_type,
        payload=payload,
        priority=Priority(body.priority),
        idempotency_key=key_of(key or body.job_id, actor),
        max_retries=body.max_retries,
    )


def _input(body: RenderBody) -> dict[str, Any]:
    if isinstance(body.input, str):
        name = _TEXT_INPUT.get(body.job_type)
        if name is None:
            raise ApiError(422, f"input must be an object for job type {body.job_type[:60]!r}")
        return {name: body.input}
    return dict(body.input or {})


def key_of(given: str | None, actor: Actor) -> str | None:
    """The key a job is kept under: keys of one token mean nothing to another. Pure."""
    return None if given is None else f"http:{actor.name}:{given}"


@router.post(
    "/render",
    summary="Have a video rendered",
    status_code=202,
    response_model=Submitted,
    responses={200: {"model": JobDetailView, "description": "Waited for: the job at its end"}, **responses(409, 502)},
)
async def render(
    body: RenderBody,
    request: Request,
    wait: Annotated[float | None, Query(ge=0, le=600, description="Seconds to wait for the video.")] = None,
    prefer: Annotated[str | None, Header(max_length=200, description="wait=SECONDS (RFC 7240).")] = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Take a job: 202 with its id and an estimate; or, with ``wait``, its end, if that comes in time."""
    # Asked for by hand: as dependencies the two cost more than all else that FastAPI does for a submission.
    context, actor = await context_of(request), await actor_of(request)
    if body.callback_url is not None:
        allow_callback(context, body.callback_url)
    spec = spec_of(body, key=idempotency_key, actor=actor)
    queued = await context.submits.submit(Submission(spec, actor))
    same_request(queued, spec)
    if idempotency_key is not None and (name := key_of(body.job_id, actor)) is not None:
        await asyncio.to_thread(context.operations.name_job, name, queued)
    wait_s = wait if wait is not None else _preferred(prefer)
    job = queued.job
    if wait_s:
        job = await ended(context, job, min(wait_s, context.options.max_wait_s))
        if job.is_final:
            return await _end(context, job)
    return await accepted(context, queued, job)


def allow_callback(context: Context, url: str) -> None:
    """See that a callback may be sent to this address; it is looked at again when it is sent.

    Raises:
        ApiError: 422.
    """
    problem = destination_problem(url, context.options.callback_hosts, private=context.options.callback_private)
    if problem is not None:
        raise ApiError(422, f"callback_url: {problem}")


def same_request(queued: Enqueued, spec: JobSpec) -> None:
    """See that a key which was used before was used for the same request.

    Raises:
        ApiError: 409, it was another one.
    """
    if queued.created:
        return
    job = queued.job
    asked = spec.payload.keys() - (RESULT_FIELDS if "video_url" in job.payload else ())
    same = job.job_type == spec.job_type and all(job.payload.get(name) == spec.payload[name] for name in asked)
    if not same:
        raise ApiError(409, f"this key was used for another request: job {job.id}", more={"job_id": job.id})


async def accepted(context: Context, queued: Enqueued, job: Job) -> Response:
    """202: the job is in the queue (or was already)."""
    seconds = None if job.is_final else await estimate(context)
    body = {
        "job_id": job.id,
        "status": word_of(job),
        "estimated_time": seconds,
        "created": queued.created,
        "status_url": f"/jobs/{job.id}",
    }
    headers = {"location": f"/jobs/{job.id}", "retry-after": "1"}
    return JSONResponse(body, status_code=202, headers=headers)


async def estimate(context: Context) -> float:
    """Seconds that a job which is queued now takes; looked up at most once a second."""
    return round(await context.estimate.seconds(), 1)


async def ended(context: Context, job: Job, wait_s: float) -> Job:
    """The job at its end, or as it is when the time is up or this process ends."""
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_s
    async with context.watch.follow(job.id) as followed:
        while not (followed.outlook.job.is_final or context.watch.leaving) and (left := until - loop.time()) > 0:
            await followed.after(followed.version, left)
        return followed.outlook.job


async def _end(context: Context, job: Job) -> Response:
    outlook = await context.watch.outlook(job.id)
    view = outlook_view(outlook)
    match job.status:
        case JobStatus.COMPLETED:
            return JSONResponse(view)
        case JobStatus.CANCELLED:
            raise ApiError(409, f"the job was cancelled: {job.reason or 'no reason given'}", more={"job": view})
        case _:
            wrong = job.error is not None and job.error.type is FailureClass.INVALID_INPUT
            message = job.error.message if job.error is not None else "the render failed"
            raise ApiError(422 if wrong else 502, message, more={"job_id": job.id, "job": view})


def _preferred(prefer: str | None) -> float | None:
    found = _WAIT.search(prefer or "")
    return float(found.group(1)) if found else None


@router.get("/jobs/{job_id}", summary="How a job stands", response_model=JobDetailView, responses=responses(404))
async def job(job_id: JobId, context: Ctx, actor: Caller) -> Response:
    """Status, progress in percent, stage, seconds left, result, error and attempts; at most 0.2 s old."""
    return Response(await context.watch.answer(job_id), media_type="application/json")


@router.delete(
    "/jobs/{job_id}", summary="Cancel a job", status_code=202, response_model=CancelView, responses=responses(404, 409)
)
async def cancel(job_id: JobId, context: Ctx, actor: Caller) -> Response:
    """Cancel: at once while it waits, within two seconds while it runs."""
    return JSONResponse(await cancelled(context, job_id, actor), status_code=202)


async def cancelled(context: Context, job_id: str, actor: Actor) -> Mapping[str, Any]:
    """What a cancel did.

    Raises:
        ApiError: 409, it has ended already.
    """
    outcome = await asyncio.to_thread(context.operations.cancel, job_id, actor=actor)
    context.watch.forget(job_id)
    after = (await context.watch.outlook(job_id)).job
    if outcome is CancelOutcome.NOT_CANCELLABLE:
        raise ApiError(409, f"the job is {word_of(after)} already", more={"job_id": after.id})
    return {"job_id": after.id, "outcome": outcome.value, "status": word_of(after)}


@router.get("/jobs", summary="Jobs by pages", response_model=JobPage, responses=responses())
async def jobs(
    context: Ctx,
    actor: Caller,
    filter: Annotated[  # noqa: A002 - the word of the command line and of HTTP
        str, Query(max_length=1000, description="status:failed type:daily_ca after:-2h …", alias="filter")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """Jobs, newest first; ``next`` asks for the page after this one."""
    page = await asyncio.to_thread(context.operations.jobs, filter=filter, limit=limit, cursor=cursor)
    return JSONResponse({"items": [job_view(one) for one in page.items], "next": page.next_cursor})
