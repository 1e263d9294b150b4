"""``GET /health``: whether predawn can do its work, in short for anybody, with reasons for who has a token."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from scheduler.api.context import Context, Ctx
from scheduler.api.guard import ACTOR
from scheduler.api.routing import ReadableRoute
from scheduler.api.schemas import HealthShort, HealthView
from scheduler.api.views import WORDS
from scheduler.domain.job import JobStatus
from scheduler.domain.service import ServiceHealth
from scheduler.ports.api import SystemState
from scheduler.ports.store import StoreError

router = APIRouter(tags=["health"], route_class=ReadableRoute)

SERVICE = "predawn"
"""How the API says that it is ours, so that no predawn takes another (or itself) for a Video Orchestrator."""
FRESH_S = 1.0
"""Seconds for which an answer is told again: anybody may ask."""


class Look:
    """The state of the system, looked up at most once a second. Used on one event loop."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._found: SystemState | StoreError | None = None
        self._looking: asyncio.Task[None] | None = None

    async def state(self, context: Context) -> SystemState | StoreError:
        """The state, or why it cannot be told."""
        now = asyncio.get_running_loop().time()
        if self._found is None or self._at is None or now - self._at >= FRESH_S:
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look(context))
            await asyncio.shield(self._looking)
        return self._found or StoreError("nothing is known of the database yet")

    async def _look(self, context: Context) -> None:
        try:
            self._found = await asyncio.to_thread(context.operations.system)
        except StoreError as error:
            self._found = error
        self._at = asyncio.get_running_loop().time()


@router.get(
    "/health",
    summary="Whether predawn can do its work",
    response_model=HealthView | HealthShort,
    responses={503: {"model": HealthView | HealthShort, "description": "It cannot do its work"}},
)
async def health(request: Request, context: Ctx) -> Response:
    """200 while jobs are worked on, 503 otherwise; the reasons only with a token."""
    state = await context.look.state(context)
    problems = problems_of(state)
    short: dict[str, Any] = {
        "service": SERVICE,
        "status": "unhealthy" if problems else "healthy",
        "version": context.options.version,
    }
    body = short
    if ACTOR in request.scope:
        body = {**short, "problems": problems, **_more(state, context)}
    return JSONResponse(body, status_code=503 if problems else 200, headers={"cache-control": "no-store"})


def problems_of(state: SystemState | StoreError) -> list[str]:
    """Why it cannot do its work; empty: it can. Pure."""
    if isinstance(state, StoreError):
        return [f"the database cannot be used: {state}"]
    if not state.hands:
        return ["nobody works on jobs: no daemon and no worker is running (predawn serve)"]
    return []


def _more(state: SystemState | StoreError, context: Context) -> dict[str, Any]:
    known = state if isinstance(state, SystemState) else None
    depth = known.depth if known is not None else None
    return {
        "queue": {WORDS[status]: depth.of(status) if depth is not None else 0 for status in JobStatus},
        "active_jobs": depth.of(JobStatus.PROCESSING) if depth is not None else 0,
        "active": list(known.active) if known is not None else [],
        "oldest_queued_age_s": depth.oldest_queued_age_s if depth is not None else None,
        "limits": {
            "concurrency": context.options.concurrency,
            "requests_per_s": context.options.limits.rate_per_s,
            "body_bytes": context.options.limits.max_body,
        },
        "services": [service_view(one) for one in known.services] if known is not None else [],
        "scheduler": known.scheduler if known is not None else None,
        "workers": sum(process.alive for process in known.processes) if known is not None else 0,
    }


def service_view(health: ServiceHealth) -> dict[str, Any]:
    """How a service stands."""
    last = health.last_probe
    return {
        "name": health.service,
        "state": health.state.value,
        "latency_ms": last.latency_ms if last is not None else None,
        "error": last.error if last is not None else None,
    }
