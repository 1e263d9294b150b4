"""The API as an ASGI program, put together. All of it goes through ``Operations``; ``docs/api.md`` tells of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from scheduler.api import admin, alerts, health, job_types, jobs, metrics, outputs, problems, videos, webhooks
from scheduler.api.context import ApiOptions, Context
from scheduler.api.estimate import WaitEstimate
from scheduler.api.examples import put_examples
from scheduler.api.guard import Guard
from scheduler.api.health import SERVICE, Look
from scheduler.api.metrics import Figures
from scheduler.api.submits import Submits
from scheduler.api.watch import JobWatch
from scheduler.ports.api import HttpOperations

__all__ = ["SERVICE", "Api", "make_api"]

ROUTERS = (
    health.router,
    jobs.router,
    outputs.router,
    videos.router,
    admin.router,
    job_types.router,
    alerts.router,
    metrics.router,
    webhooks.router,
)
DESCRIPTION = """\
predawn renders videos, and speaks the Video Orchestrator's contract. Every operation but the short form of `/health`
needs a bearer token (`predawn token add NAME --role operator`). Errors are problem documents (RFC 9457).
"""


class Api:
    """The program and what must be closed with it.

    Attributes:
        http: the routes, without the gate before them.
        context: what they share.
    """

    def __init__(self, http: FastAPI, context: Context, guarded: ASGIApp) -> None:
        self.http = http
        self.context = context
        self._guarded = guarded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._guarded(scope, receive, send)

    def leave(self) -> None:
        """Send away who waits for a job or follows one: the server is about to stop.

        Streams end, and their followers go on wherever they come back; a submission that waits for its video is
        answered as one that does not.
        """
        self.context.watch.leave()

    async def close(self) -> None:
        """Write what was handed in, and look no more."""
        await self.context.submits.close()
        await self.context.watch.close()


def make_api(operations: HttpOperations, options: ApiOptions) -> Api:
    """The program.

    Args:
        operations: what it reads and what it does.
        options: how this installation serves it.
    """
    http = FastAPI(title="predawn", version=options.version, description=DESCRIPTION, docs_url=None, redoc_url=None)
    context = Context(
        operations=operations,
        options=options,
        watch=JobWatch(operations),
        submits=Submits(operations),
        estimate=WaitEstimate(operations),
        look=Look(),
        figures=Figures(operations),
    )
    http.state.context = context
    problems.install(http)
    for router in ROUTERS:
        http.include_router(router)
    http.openapi = lambda: openapi_of(http)
    guard = Guard(http, operations.authenticate, options.limits, time.monotonic, context.watch.answered)
    return Api(http, context, for_browsers(guard, options.origins) if options.origins else guard)


def for_browsers(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """The program for pages of these origins, too: the browser asks first, without a token, whether they may call."""
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("GET", "POST", "DELETE"),
        allow_headers=("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "Prefer", "Range"),
        expose_headers=("Location", "Retry-After", "Content-Range"),
    )


def openapi_of(http: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the token and the problem documents."""
    if http.openapi_schema is None:
        document = get_openapi(title=http.title, version=http.version, description=http.description, routes=http.routes)
        parts: dict[str, Any] = document.setdefault("components", {})
        parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        parts.setdefault("schemas", {})["Problem"] = problems.Problem.model_json_schema()
        document["security"] = [{"token": []}]
        for path, operations in document["paths"].items():
            if path == "/health" or path.startswith("/webhooks/"):
                for operation in operations.values():
                    operation["security"] = [{}, {"token": []}]
        put_examples(document)
        http.openapi_schema = document
    return http.openapi_schema
