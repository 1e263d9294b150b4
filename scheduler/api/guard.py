"""The gate before the API: who asks, how often, and how much they send.

Plain ASGI, so that a refused request costs next to nothing. Without a good token there is only ``GET /health`` in its
short form, and ``/webhooks``, whose messages are signed.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scheduler.api.problems import problem
from scheduler.domain.token import Token, hash_of
from scheduler.ports.operations import Actor
from scheduler.ports.store import StoreError

KEPT_S = 2.0
"""Seconds for which a token that was good is taken to be good: a revoked one ends within that."""
KEPT_TOKENS = 1_000
KEPT_STRANGERS = 10_000
FAILURES_PER_S = 5.0
FAILURES_BURST = 20
"""Wrong tokens that one address may try."""
ACTOR = "predawn.actor"
"""Where the request's scope holds the ``Actor``; absent without a token."""
V = TypeVar("V")
_JOBS = "/jobs/"
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]')


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken.

    Attributes:
        rate_per_s: requests a second by token.
        burst: requests at once after a rest.
        max_body: bytes.
        max_depth: of JSON.
    """

    rate_per_s: float
    burst: int
    max_body: int
    max_depth: int


class Bucket:
    """A token bucket: ``burst`` at once, ``per_s`` in the long run. Pure but for its state.

    Args:
        now: a monotonic time, seconds.
    """

    def __init__(self, per_s: float, burst: int, now: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._left = float(burst)
        self._at = now

    def wait_s(self, now: float) -> float:
        """0 when one more is allowed (and counted), else the seconds until it is."""
        self._left = min(self._left + (now - self._at) * self._per_s, float(self._burst))
        self._at = now
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / self._per_s


@dataclass(slots=True)
class _Known:
    token: Token
    until: float
    bucket: Bucket


class _TooManyError(Exception):
    def __init__(self, wait_s: float) -> None:
        super().__init__(f"wait {wait_s} s")
        self.wait_s = wait_s


class Guard:
    """Lets requests through to ``app``, with their actor in the scope.

    Args:
        app: the API.
        authenticate: the token of a secret; called in a thread.
        clock: monotonic seconds.
        known: the answer of ``GET /jobs/{id}`` where it was given a moment ago: most of all requests are that one, and
            they need not go the long way.
    """

    def __init__(
        self,
        app: ASGIApp,
        authenticate: Callable[[str], Token | None],
        limits: Limits,
        clock: Callable[[], float],
        known: Callable[[str], bytes | None],
    ) -> None:
        self._app = app
        self._authenticate = authenticate
        self._limits = limits
        self._clock = clock
        self._answered = known
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._strangers: OrderedDict[str, Bucket] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        refused = await self._admit(headers.get(b"authorization"), scope)
        if refused is None and (b"%00" in scope.get("query_string", b"") or "\0" in scope["path"]):
            refused = problem(400, "the address holds a NUL character")
        if refused is not None:
            await refused(scope, receive, send)
            return
        body = self._shortcut(scope)
        if body is not None:
            await _send(body, send)
        else:
            await self._bounded(headers, scope, receive, send)

    async def _admit(self, given: bytes | None, scope: Scope) -> Response | None:
        """Find out who asks and put it into the scope; the answer for who may not."""
        address = scope["client"][0] if scope.get("client") else "unknown"
        open_to_all = is_open(scope["path"])
        if given is None:
            return None if open_to_all else _no("this needs a token: Authorization: Bearer pd_… (predawn token add)")
        try:
            known = await self._who(given, address)
            if known is not None:
                self._count(known)
                scope[ACTOR] = Actor(known.token.name, "http", role=known.token.role, origin=address)
                return None
        except _TooManyError as error:
            return _too_many(error.wait_s)
        except StoreError as error:
            return None if open_to_all else problem(503, str(error))
        return None if open_to_all else _no("this token is not known, has ended or was revoked")

    def _shortcut(self, scope: Scope) -> bytes | None:
        """The answer of ``GET /jobs/{id}`` where it was given a moment ago."""
        path: str = scope["path"]
        if ACTOR in scope and scope["method"] == "GET" and path.startswith(_JOBS):
            return self._answered(path[len(_JOBS) :])
        return None

    def _count(self, known: _Known) -> None:
        wait_s = known.bucket.wait_s(self._clock())
        if wait_s:
            raise _TooManyError(wait_s)

    async def _who(self, given: bytes, address: str) -> _Known | None:
        """The token; None: it is none of ours.

        Raises:
            _TooManyError: this address has tried too many that were none.
        """
        scheme, _, secret = given.decode("latin-1").partition(" ")
        secret = secret.strip()
        now = self._clock()
        # Kept by its hash: how long a look into the table takes then tells nothing of the tokens in it.
        key = hash_of(secret)
        known = self._known.get(key) if scheme.lower() == "bearer" else None
        if known is not None and known.until > now:
            return known
        stranger = self._strangers.get(address)
        if known is None and stranger is not None and (wait_s := stranger.wait_s(now)):
            raise _TooManyError(wait_s)
        token = await asyncio.to_thread(self._authenticate, secret) if scheme.lower() == "bearer" else None
        if token is None:
            self._known.pop(key, None)
            if stranger is None:
                _keep(self._strangers, address, Bucket(FAILURES_PER_S, FAILURES_BURST, now), KEPT_STRANGERS)
            return None
        bucket = known.bucket if known is not None else Bucket(self._limits.rate_per_s, self._limits.burst, now)
        fresh = _Known(token, now + KEPT_S, bucket)
        _keep(self._known, key, fresh, KEPT_TOKENS)
        return fresh

    async def _bounded(self, headers: dict[bytes, bytes], scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body whole, as far as it may go, and hand it on."""
        if b"transfer-encoding" not in headers and headers.get(b"content-length", b"0").strip() in {b"0", b""}:
            await self._app(scope, receive, send)
            return
        limit = self._limits.max_body
        too_big = f"the body is larger than {limit // 1024} KiB"
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            await problem(413, too_big, headers={"connection": "close"})(scope, receive, send)
            return
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                await problem(413, too_big, headers={"connection": "close"})(scope, receive, send)
                return
            if not message.get("more_body", False):
                break
        body = b"".join(parts)
        if is_deep(body, self._limits.max_depth):
            deep = f"the JSON is nested deeper than {self._limits.max_depth} levels"
            await problem(422, deep)(scope, receive, send)
            return
        await self._app(scope, _again(body, receive), send)


def is_open(path: str) -> bool:
    """Whether a path needs no token. Pure."""
    return path == "/health" or path.startswith("/webhooks/")


def is_deep(body: bytes, most: int) -> bool:
    """Whether JSON text is nested deeper than ``most``; brackets inside strings do not count. Pure."""
    if body.count(b"[") + body.count(b"{") <= most:
        return False
    depth = 0
    for found in _BRACKETS.finditer(body):
        mark = found.group()
        if mark in b"[{":
            depth += 1
            if depth > most:
                return True
        elif mark in b"]}":
            depth -= 1
    return False


def _again(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives a body that was read already, and then what comes after it."""
    given = False

    async def once() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return once


async def _send(body: bytes, send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _keep(kept: OrderedDict[str, V], key: str, value: V, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > most:
        kept.popitem(last=False)


def _no(detail: str) -> Response:
    return problem(401, detail, headers={"www-authenticate": 'Bearer realm="predawn"'})


def _too_many(wait_s: float) -> Response:
    detail = f"too many requests: try again in {wait_s:.2f} s (api.rate_per_s, api.burst)"
    return problem(429, detail, headers={"retry-after": str(max(1, round(wait_s + 0.5)))})
