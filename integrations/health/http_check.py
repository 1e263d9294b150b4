"""``GET /health`` of a service, as one ``Probe``."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

import httpx

from scheduler.domain.service import Probe
from scheduler.ports.clock import Clock

GOOD_WORDS = frozenset({"ok", "healthy", "up", "pass", "running", "ready"})
DEGRADED_WORDS = frozenset({"degraded", "warn", "warning", "busy"})
MAX_BODY = 64 * 1024
ERROR_LENGTH = 200


def make_check(
    service: str, base_url: str, client: httpx.AsyncClient, clock: Clock, *, timeout_s: float
) -> Callable[[], Awaitable[Probe]]:
    """A health check of ``base_url``; it never raises but when cancelled.

    Args:
        service: the name in the probe.
        base_url: without a trailing slash.
        client: shared; its own time-out is not used.
        clock: for the probe's time.
        timeout_s: seconds for connection, headers and body together.
    """

    async def check() -> Probe:
        at, began = clock.now(), time.perf_counter()
        try:
            async with asyncio.timeout(timeout_s):
                status, body = await _get(client, f"{base_url}/health")
        except TimeoutError:
            return Probe(service, at, ok=False, error=f"no answer within {timeout_s:g} s")
        except httpx.HTTPError as error:
            return Probe(service, at, ok=False, error=_one_line(error, base_url))
        latency_ms = (time.perf_counter() - began) * 1000
        ok, degraded, why = judge(status, body)
        return Probe(
            service, at, ok=ok, degraded=degraded, latency_ms=round(latency_ms, 2), http_status=status, error=why
        )

    return check


def judge(status: int, body: bytes) -> tuple[bool, bool, str | None]:
    """Whether an answer means well: (ok, degraded, what is wrong). Pure.

    A body that is no JSON object counts as well on 2xx: some services answer plain text. HTML does not: that is a
    gateway or another program on the port.
    """
    if not 200 <= status < 300:  # noqa: PLR2004 - the 2xx class
        return False, False, f"HTTP {status}"
    try:
        value: Any = json.loads(body)
    except ValueError:
        html = body.lstrip()[:1] == b"<"
        return not html, False, "answered HTML: is another program on this port?" if html else None
    said = cast("dict[str, Any]", value).get("status", "ok") if isinstance(value, dict) else "ok"
    word = "ok" if said is True else str(said).lower()
    if word in GOOD_WORDS:
        return True, False, None
    if word in DEGRADED_WORDS:
        return True, True, f"says {word}"
    return False, False, f"says {word[:60]!r}"


async def _get(client: httpx.AsyncClient, url: str) -> tuple[int, bytes]:
    body = b""
    # The caller bounds the whole call; httpx would start its clock anew with every chunk.
    async with client.stream("GET", url, timeout=None) as response:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > MAX_BODY:
                break
        return response.status_code, body


def _one_line(error: httpx.HTTPError, base_url: str) -> str:
    if isinstance(error, httpx.ConnectError):
        return f"nothing answers at {base_url}"
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:ERROR_LENGTH]
