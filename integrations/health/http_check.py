"""``GET /health`` of a service, as one ``Probe``."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, cast

import httpx
from pydantic import SecretStr

from scheduler.domain.service import Probe
from scheduler.ports.clock import Clock

GOOD_WORDS = frozenset({"ok", "healthy", "up", "pass", "running", "ready"})
DEGRADED_WORDS = frozenset({"degraded", "warn", "warning", "busy"})
MAX_BODY = 64 * 1024
REFUSING = frozenset({401, 403})
BUSY = 429
ERROR_LENGTH = 200


def make_check(
    service: str,
    base_url: str,
    client: httpx.AsyncClient,
    clock: Clock,
    *,
    timeout_s: float,
    path: str = "/health",
    speaks_health: bool = True,
    token: SecretStr | None = None,
) -> Callable[[], Awaitable[Probe]]:
    """A health check of ``base_url``; it never raises but when cancelled.

    Args:
        service: the name in the probe.
        base_url: without a trailing slash.
        client: shared; its own time-out is not used.
        clock: for the probe's time.
        timeout_s: seconds for connection, headers and body together.
        path: what is asked.
        speaks_health: its body says how the service is; else see ``alive``.
        token: sent as bearer token, and never shown.
    """

    async def check() -> Probe:
        at, began = clock.now(), time.perf_counter()
        try:
            async with asyncio.timeout(timeout_s):
                status, body = await _get(client, f"{base_url}{path}", _headers(token))
        except TimeoutError:
            return Probe(service, at, ok=False, error=f"no answer within {timeout_s:g} s")
        except httpx.HTTPError as error:
            return Probe(service, at, ok=False, error=_one_line(error, base_url))
        latency_ms = (time.perf_counter() - began) * 1000
        ok, degraded, why = judge(status, body) if speaks_health else alive(status, body)
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


def alive(status: int, body: bytes) -> tuple[bool, bool, str | None]:
    """Whether the answer of a service without a health check is a sign of life: (ok, degraded, what is wrong). Pure.

    What was asked need not be there (404, and what Supabase writes as 400); a server that is overwhelmed, or does not
    take our key, is of no use.
    """
    if status in REFUSING:
        return False, False, f"HTTP {status}: it refuses our key"
    if status == BUSY or status >= 500:  # noqa: PLR2004 - the 5xx class
        return False, False, f"HTTP {status}"
    if status >= 400:  # noqa: PLR2004 - the 4xx class
        return True, False, None
    return judge(status, body)


def _headers(token: SecretStr | None) -> dict[str, str]:
    headers = {"X-Request-ID": f"probe-{uuid.uuid4()}"}
    if token is not None:
        headers |= {"Authorization": f"Bearer {token.get_secret_value()}", "apikey": token.get_secret_value()}
    return headers


async def _get(client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> tuple[int, bytes]:
    body = b""
    # The caller bounds the whole call; httpx would start its clock anew with every chunk.
    async with client.stream("GET", url, timeout=None, headers=headers) as response:
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
