"""What operators do over HTTP; every one of these is a command of ``Operations``, with its role and its audit line."""

from __future__ import annotations

import asyncio
from datetime import date as day
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from scheduler.api.context import Caller, Context, Ctx
from scheduler.api.jobs import JobId, cancelled
from scheduler.api.problems import ApiError, responses
from scheduler.api.routing import ReadableRoute
from scheduler.api.schemas import CancelView, JobView, PriorityWord
from scheduler.api.views import audit_view, job_view, time
from scheduler.domain.job import Job, Priority
from scheduler.domain.schedule import ScheduleState
from scheduler.ports.audit import AuditFilter
from scheduler.ports.operations import InvalidError, NotFoundError

router = APIRouter(prefix="/api/admin", tags=["admin"], route_class=ReadableRoute)

ScheduleName = Annotated[str, Path(min_length=1, max_length=64)]


class RerenderBody(BaseModel):
    """Which render is to be made anew."""

    model_config = ConfigDict(extra="forbid")

    render_id: str = Field(min_length=1, max_length=64, description="A render's id, or its job's.")


class PriorityBody(BaseModel):
    """The new priority."""

    model_config = ConfigDict(extra="forbid")

    priority: PriorityWord


class SkipBody(BaseModel):
    """The run date to let pass."""

    model_config = ConfigDict(extra="forbid")

    date: day


class RunBody(BaseModel):
    """The run date; none: the coming one."""

    model_config = ConfigDict(extra="forbid")

    date: day | None = None


class ScheduleView(BaseModel):
    """A schedule and what has become of it."""

    name: str
    job_type: str
    cron: str
    timezone: str
    deadline: str | None
    enabled: bool
    paused: bool
    skip_dates: list[str]
    last_fire: str | None
    last_job_id: str | None


class Schedules(BaseModel):
    """All schedules."""

    items: list[ScheduleView]
    next: None = None


class AuditPage(BaseModel):
    """Lines of the audit trail, newest first."""

    items: list[dict[str, Any]]
    next: str | None


def schedule_view(state: ScheduleState) -> dict[str, Any]:
    """A schedule as JSON."""
    one = state.definition
    return {
        "name": one.name,
        "job_type": one.job_type,
        "cron": one.cron,
        "timezone": one.timezone,
        "deadline": one.deadline.isoformat() if one.deadline is not None else None,
        "enabled": one.enabled,
        "paused": state.paused,
        "skip_dates": [day.isoformat() for day in state.skip_dates],
        "last_fire": time(state.last_fire),
        "last_job_id": state.last_job_id,
    }


def _changed(context: Context, job: Job) -> Response:
    context.watch.forget(job.id)
    return JSONResponse(job_view(job))


@router.post("/rerender", status_code=202, response_model=JobView, responses=responses(404, 409))
async def rerender(body: RerenderBody, context: Ctx, actor: Caller) -> Response:
    """Make an ended job anew: the count of retries is reset, what was rendered is rendered again."""
    operations = context.operations

    def do() -> Job:
        try:
            job_id, missing = operations.job_of_render(body.render_id), None
        except NotFoundError as error:
            job_id, missing = body.render_id, error  # the command says so, too, and writes down who asked
        try:
            return operations.rerender(job_id, actor=actor)
        except InvalidError as error:
            raise ApiError(409, str(error)) from error
        except NotFoundError as error:
            raise missing or error from None

    job = await asyncio.to_thread(do)
    context.watch.forget(job.id)
    return JSONResponse(job_view(job), status_code=202)


@router.post("/jobs/{job_id}/cancel", status_code=202, response_model=CancelView, responses=responses(404, 409))
async def cancel(job_id: JobId, context: Ctx, actor: Caller) -> Response:
    """Cancel a job."""
    return JSONResponse(await cancelled(context, job_id, actor), status_code=202)


@router.post("/jobs/{job_id}/retry", response_model=JobView, responses=responses(404, 409))
async def retry(job_id: JobId, context: Ctx, actor: Caller) -> Response:
    """Queue a failed or cancelled job again; what was rendered is kept."""
    return _changed(context, await asyncio.to_thread(_or_conflict, context.operations.retry, job_id, actor=actor))


@router.post("/jobs/{job_id}/priority", response_model=JobView, responses=responses(404, 409))
async def priority(job_id: JobId, body: PriorityBody, context: Ctx, actor: Caller) -> Response:
    """Change the priority of a queued job."""
    wanted = Priority(body.priority)
    job = await asyncio.to_thread(_or_conflict, context.operations.set_priority, job_id, wanted, actor=actor)
    return _changed(context, job)


def _or_conflict(act: Any, *given: Any, **named: Any) -> Any:
    """Do what the job's state may not allow: that is a conflict, not a mistake of the request."""
    try:
        return act(*given, **named)
    except InvalidError as error:
        raise ApiError(409, str(error)) from error


@router.get("/schedules", response_model=Schedules, responses=responses())
async def schedules(context: Ctx, actor: Caller) -> Response:
    """All schedules."""
    states = await asyncio.to_thread(context.operations.schedules)
    return JSONResponse({"items": [schedule_view(state) for state in states], "next": None})


@router.post("/schedules/{name}/pause", status_code=204, responses=responses(404))
async def pause(name: ScheduleName, context: Ctx, actor: Caller) -> Response:
    """Let the starts of a schedule pass until it is resumed."""
    await asyncio.to_thread(context.operations.pause_schedule, name, paused=True, actor=actor)
    return Response(status_code=204)


@router.post("/schedules/{name}/resume", status_code=204, responses=responses(404))
async def resume(name: ScheduleName, context: Ctx, actor: Caller) -> Response:
    """Let a paused schedule start again."""
    await asyncio.to_thread(context.operations.pause_schedule, name, paused=False, actor=actor)
    return Response(status_code=204)


@router.post("/schedules/{name}/skip", response_model=ScheduleView, responses=responses(404))
async def skip(name: ScheduleName, body: SkipBody, context: Ctx, actor: Caller) -> Response:
    """Make no video for one run date."""
    state = await asyncio.to_thread(context.operations.skip_date, name, body.date, actor=actor)
    return JSONResponse(schedule_view(state))


@router.post("/schedules/{name}/run", status_code=202, response_model=JobView, responses=responses(404))
async def run(name: ScheduleName, body: RunBody, context: Ctx, actor: Caller) -> Response:
    """Queue a schedule's job now; a run date that has a job keeps it."""
    queued = await asyncio.to_thread(context.operations.run_schedule, name, actor=actor, on=body.date)
    return JSONResponse(job_view(queued.job), status_code=202)


@router.get("/audit", response_model=AuditPage, responses=responses())
async def audit(
    context: Ctx,
    actor: Caller,
    *,
    who: Annotated[str, Query(max_length=100, alias="actor")] = "",
    command: Annotated[str, Query(max_length=100)] = "",
    target: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """Who did what, newest first."""
    wanted = AuditFilter(actor=who, command=command, target=target)
    page = await asyncio.to_thread(context.operations.audit, wanted=wanted, limit=limit, cursor=cursor)
    return JSONResponse({"items": [audit_view(line) for line in page.items], "next": page.next_cursor})
