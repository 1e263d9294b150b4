"""An ASGI wrapper that makes a healthy program fail on the way out, as real services and gateways do."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from integrations.local_services.faults import SHOWN_BY_HEALTH, Fault, FaultKind

HTML = "<!doctype html><html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"

JOBS = ("/jobs/", "/v1/videos/")
"""Where services tell of the jobs they have taken."""


class FaultyApp:
    """``app`` under ``fault``.

    Args:
        app: the healthy program.
        fault: what goes wrong. Faults of the product itself (``missing``, ``truncated``, ``silent``) are not made here.
        rng: decides about ``flaky``.
        closing: set when the service stops; whoever hangs is let go then.
    """

    def __init__(self, app: ASGIApp, fault: Fault, *, rng: Random, closing: asyncio.Event) -> None:
        self._app = app
        self._fault = fault
        self._rng = rng
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or fail it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if path == "/health" and self._fault.kind not in SHOWN_BY_HEALTH:
            await self._app(scope, receive, send)
            return
        await self._fail(path, scope, receive, send)

    async def _fail(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        answer: Response | None = None
        match self._fault:
            case Fault(FaultKind.HANG):
                await self._hang(receive)
                answer = _error(503, "the service was stopped")
            case Fault(FaultKind.SLOW, seconds):
                await self._wait(seconds or 0.0)
            case Fault(FaultKind.HTTP, status):
                answer = _error(int(status or 500), "injected fault")
            case Fault(FaultKind.FLAKY, share):
                if self._rng.random() < (share or 0.0):
                    answer = _error(500, "injected fault: this call went wrong")
            case Fault(FaultKind.GARBAGE):
                answer = HTMLResponse(HTML)
            case Fault(FaultKind.ERROR200):
                answer = _error(200, "injected fault: the renderer crashed")
            case Fault(FaultKind.FORGETS) if path.startswith(JOBS):
                answer = _error(404, "no such job")
            case _:
                pass
        await (answer or self._app)(scope, receive, send)

    async def _hang(self, receive: Receive) -> None:
        """Until the caller goes away or the service stops."""

        async def gone() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        await _first(gone(), self._closing.wait())

    async def _wait(self, seconds: float) -> None:
        await _first(asyncio.sleep(seconds), self._closing.wait())


async def _first(*waits: Coroutine[Any, Any, Any]) -> None:
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status_code=status)
