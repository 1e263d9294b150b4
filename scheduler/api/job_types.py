"""Job types over HTTP: their limits, and pausing them."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from scheduler.api.context import Caller, Ctx
from scheduler.api.problems import responses
from scheduler.api.routing import ReadableRoute
from scheduler.domain.job import QueueConfig
from scheduler.domain.limits import LEAST, MOST, LimitsChange

router = APIRouter(prefix="/api/admin/types", tags=["admin"], route_class=ReadableRoute)

TypeName = Annotated[str, Path(min_length=1, max_length=100)]


class LimitsView(BaseModel):
    """The limits of a job type."""

    job_type: str
    concurrency: int
    timeout_s: float
    max_retries: int
    retry_delay_s: float
    paused: bool


class TypeView(LimitsView):
    """With how many jobs of it there are."""

    queued: int
    processing: int


class Types(BaseModel):
    """All job types."""

    items: list[TypeView]
    next: None = None


class LimitsBody(BaseModel):
    """New limits; what is not given stays as it is."""

    model_config = ConfigDict(extra="forbid")

    concurrency: Annotated[int, Field(ge=LEAST["concurrency"], le=MOST)] | None = None
    timeout_s: Annotated[float, Field(ge=0, le=MOST, description="Seconds a job may run; 0: no limit.")] | None = None
    max_retries: Annotated[int, Field(ge=0, le=MOST)] | None = None
    retry_delay_s: Annotated[float, Field(ge=0, le=MOST)] | None = None


def _limits(config: QueueConfig) -> dict[str, Any]:
    return dataclasses.asdict(config)


@router.get("", response_model=Types, responses=responses())
async def job_types(context: Ctx, actor: Caller) -> Response:
    """All job types with their limits."""
    states = await asyncio.to_thread(context.operations.job_types)
    items = [_limits(one.limits) | {"queued": one.queued, "processing": one.processing} for one in states]
    return JSONResponse({"items": items, "next": None})


@router.post("/{name}/pause", response_model=LimitsView, responses=responses(404))
async def pause(name: TypeName, context: Ctx, actor: Caller) -> Response:
    """Start no more jobs of a type until it is resumed; what runs, runs on."""
    config = await asyncio.to_thread(context.operations.pause_type, name, paused=True, actor=actor)
    return JSONResponse(_limits(config))


@router.post("/{name}/resume", response_model=LimitsView, responses=responses(404))
async def resume(name: TypeName, context: Ctx, actor: Caller) -> Response:
    """Let the jobs of a paused type start again."""
    config = await asyncio.to_thread(context.operations.pause_type, name, paused=False, actor=actor)
    return JSONResponse(_limits(config))


@router.post("/{name}/limits", response_model=LimitsView, responses=responses(404))
async def limits(name: TypeName, body: LimitsBody, context: Ctx, actor: Caller) -> Response:
    """Change the limits of a type; they hold from the next start and the next failure on."""
    change = LimitsChange(**body.model_dump())
    config = await asyncio.to_thread(context.operations.set_limits, name, change, actor=actor)
    return JSONResponse(_limits(config))
