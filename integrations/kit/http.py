"""One HTTP call, classified: the only way integrations talk to a service.

An ``HttpService`` is opened for one attempt and closed with it, so that nothing outlives a cancelled attempt::

    async with HttpService.of("manim", settings) as service:
        answer = await service.json("POST", "/render", trace=trace, timeout_s=30, body={...})

Every failure is a ``StageFailure`` (see ``integrations.kit.classify``); nothing is retried here.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import SecretStr

from config.settings import ServiceSettings
from integrations.kit import classify
from integrations.kit.files import PartFile
from integrations.kit.request_id import HEADER, header_text, identify
from integrations.kit.text import shown_url
from integrations.kit.urls import is_loopback, origin_of, resolve
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.ports.provider import Call

MAX_JSON = 1024 * 1024
"""Bytes of a JSON answer that are read."""
MAX_ERROR_BODY = 64 * 1024
"""Bytes of an error's body that are read; the rest says nothing new."""
WRITE_CHUNK = 1024 * 1024
"""Bytes gathered before a thread writes them."""
STALL_S = 30.0
"""Seconds a media download may stand still."""
GONE = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Trace:
    """What ties a call to its job: sent as ``X-Request-ID`` and ``Idempotency-Key`` with every call.

    Attributes:
        correlation_id: the same in our logs and in the service's.
        idempotency_key: names the work, so that a service may recognise a second submission of it.
    """

    correlation_id: str
    idempotency_key: str

    @classmethod
    def of(cls, call: Call, part: str = "") -> Trace:
        """The trace of an attempt, or of one ``part`` of its stage."""
        key = f"{call.idempotency_key}:{part}" if part else call.idempotency_key
        return cls(call.correlation_id, key)

    def headers(self) -> dict[str, str]:
        """As HTTP headers; anything but printable ASCII is replaced."""
        return {HEADER: header_text(self.correlation_id), "Idempotency-Key": header_text(self.idempotency_key)}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body that was asked for as a file.

    Attributes:
        file: where it is, or None when the service answered JSON instead.
        document: that JSON.
        size: bytes of the file.
    """

    content_type: str
    file: Path | None = None
    document: Mapping[str, Any] | None = None
    size: int = 0


class HttpService:
    """A service at a base URL.

    Args:
        name: what it is called in messages.
        base_url: without a trailing slash.
        connect_timeout_s: seconds to wait for a connection.
        token: bearer token; sent to the origin of ``base_url`` alone, and never shown.
        max_media_mb: largest file accepted, MiB.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        connect_timeout_s: float = 3.0,
        token: SecretStr | None = None,
        max_media_mb: int = 500,
    ) -> None:
        self.name = name
        self.base_url = base_url
        self.connect_timeout_s = connect_timeout_s
        self.max_media = max_media_mb * 2**20
        self._secret = token.get_secret_value() if token is not None else ""
        self._origin = origin_of(base_url)
        self._clients: dict[bool, httpx.AsyncClient] = {}
        self._open = AsyncExitStack()

    @classmethod
    def of(cls, name: str, settings: ServiceSettings) -> HttpService:
        """The service as it is configured."""
        return cls(
            name,
            settings.url,
            connect_timeout_s=settings.connect_timeout_s,
            token=settings.token,
            max_media_mb=settings.max_media_mb,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clients.clear()
        await self._open.aclose()

    def absolute(self, url: str) -> str:
        """The absolute form of a path of ours or of a URL the service gave.

        Raises:
            StageFailure: INVALID_OUTPUT when it is no http(s) URL.
        """
        try:
            return resolve(self.base_url, url)
        except ValueError as error:
            raise StageFailure.invalid_output(f"{self.name} gave an address that cannot be used: {error}") from error

    async def json(
        self,
        method: str,
        url: str,
        *,
        trace: Trace,
        timeout_s: float,
        body: Mapping[str, Any] | None = None,
        errors_in_body: bool = True,
    ) -> dict[str, Any]:
        """One call that is answered with a JSON object of at most 1 MiB.

        Args:
            method: ``GET``, ``POST``, …
            url: a path on the service or an absolute URL.
            trace: goes out as headers.
            timeout_s: seconds for the whole call.
            body: sent as JSON.
            errors_in_body: whether a 2xx answer that holds an error is a failure here.

        Raises:
            StageFailure: see ``integrations.kit.classify``.
        """
        fetched = await self._exchange(method, url, trace=trace, timeout_s=timeout_s, body=body, out=None)
        document = dict(fetched.document or {})
        if errors_in_body and (failure := classify.hidden_error(document, service=self.name)):
            raise failure
        return document

    async def fetch(
        self, method: str, url: str, out: Path, *, trace: Trace, timeout_s: float, body: Mapping[str, Any] | None = None
    ) -> Fetched:
        """One call that is answered with a file, written to ``out``, or with JSON instead.

        The file appears under its name only when it is whole and on disk.

        Raises:
            StageFailure: see ``integrations.kit.classify``; a JSON answer that holds an error is API_ERROR.
        """
        fetched = await self._exchange(method, url, trace=trace, timeout_s=timeout_s, body=body, out=out)
        if fetched.document is not None and (failure := classify.hidden_error(fetched.document, service=self.name)):
            raise failure
        return fetched

    async def download(self, url: str, out: Path, *, trace: Trace, timeout_s: float) -> Fetched:
        """Fetch the media file that an answer named.

        Raises:
            StageFailure: INVALID_OUTPUT also when the named file does not exist: the answer was wrong, not the call.
        """
        try:
            fetched = await self.fetch("GET", url, out, trace=trace, timeout_s=timeout_s)
        except StageFailure as failure:
            if failure.details.get("http_status") in GONE:
                raise StageFailure.invalid_output(
                    f"{self.name} named {shown_url(self.absolute(url))} as its result, but there is nothing there",
                    details=failure.details,
                ) from failure
            raise
        if fetched.file is None:
            raise StageFailure.invalid_output(f"{self.name} sent JSON from {shown_url(self.absolute(url))}, not media")
        return fetched

    async def preflight(self, *, trace: Trace) -> dict[str, Any]:
        """Ask ``/health`` before a long call, so that a dead service costs seconds and not the whole attempt.

        Only silence, refusal and server errors count: a service without ``/health`` may still render.

        Returns:
            What it says of itself; empty when it says nothing that can be read.

        Raises:
            StageFailure: it does not answer within the connection's time-out, or answers 5xx.
        """
        try:
            return await self.json(
                "GET", "/health", trace=trace, timeout_s=self.connect_timeout_s, errors_in_body=False
            )
        except StageFailure as failure:
            status = failure.details.get("http_status")
            broken = isinstance(status, int) and status >= 500  # noqa: PLR2004 - the 5xx class
            if broken or failure.kind in {FailureClass.TIMEOUT, FailureClass.UNAVAILABLE}:
                raise
            return {}

    async def _exchange(
        self, method: str, url: str, *, trace: Trace, timeout_s: float, body: Mapping[str, Any] | None, out: Path | None
    ) -> Fetched:
        target = self.absolute(url)
        headers = {**trace.headers(), "Accept-Encoding": "identity"}
        if self._secret and origin_of(target) == self._origin:
            headers["Authorization"] = f"Bearer {self._secret}"
        stall_s = timeout_s if out is None else min(timeout_s, STALL_S) if method == "GET" else timeout_s
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._client(target).stream(
                    method,
                    target,
                    json=body,
                    headers=headers,
                    timeout=httpx.Timeout(stall_s, connect=self.connect_timeout_s),
                    follow_redirects=method == "GET",
                ) as response,
            ):
                return await self._read(response, target, out)
        except TimeoutError as error:
            raise classify.timed_out(service=self.name, url=target, timeout_s=timeout_s) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise classify.failure_of_exception(error, service=self.name, url=target) from error
        except OSError as error:
            raise StageFailure.unavailable(
                f"cannot write {out}: {error.strerror or error}; free space there or mend its permissions"
            ) from error

    async def _read(self, response: httpx.Response, url: str, out: Path | None) -> Fetched:
        content_type = response.headers.get("content-type", "").lower()
        if not response.is_success:
            body = await self._bounded(response, url, MAX_ERROR_BODY, cut=True)
            failure = classify.failure_of_status(
                response.status_code, response.headers, body, service=self.name, url=url, now=datetime.now(UTC)
            )
            raise failure or StageFailure.api_error(f"{self.name} answered {response.status_code}")
        if out is not None and not _is_text(content_type):
            return await self._save(response, url, out, content_type)
        body = await self._bounded(response, url, MAX_JSON)
        return Fetched(content_type, document=classify.decode_object(content_type, body, service=self.name, url=url))

    async def _bounded(self, response: httpx.Response, url: str, limit: int, *, cut: bool = False) -> bytes:
        body = bytearray()
        try:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > limit:
                    if cut:
                        break
                    raise classify.too_long(service=self.name, url=url, limit=limit)
        except (httpx.RemoteProtocolError, httpx.ReadError) as error:
            if not cut:
                raise classify.cut_off(service=self.name, url=url, have=len(body), want=_announced(response)) from error
        # A service that repeats our key in its error must not bring it into a log.
        return bytes(body).replace(self._secret.encode(), b"***") if self._secret else bytes(body)

    async def _save(self, response: httpx.Response, url: str, out: Path, content_type: str) -> Fetched:
        """Stream the body into ``out``. Threads write, the loop only gathers."""
        announced = _announced(response)
        if announced is not None and announced > self.max_media:
            raise classify.too_long(service=self.name, url=url, limit=self.max_media)
        with PartFile(out) as part:
            waiting, total = bytearray(), 0
            try:
                async for chunk in response.aiter_bytes():
                    if total == 0:
                        self._refuse_text(chunk, content_type, url)
                    waiting += chunk
                    total += len(chunk)
                    if total > self.max_media:
                        raise classify.too_long(service=self.name, url=url, limit=self.max_media)
                    if len(waiting) >= WRITE_CHUNK:
                        await asyncio.to_thread(part.write, bytes(waiting))
                        waiting.clear()
            except (httpx.RemoteProtocolError, httpx.ReadError) as error:
                raise classify.cut_off(service=self.name, url=url, have=total, want=announced) from error
            if total == 0 or (announced is not None and total < announced):
                raise classify.cut_off(service=self.name, url=url, have=total, want=announced)
            await asyncio.to_thread(_finish, part, bytes(waiting))
        return Fetched(content_type, file=out, size=total)

    def _refuse_text(self, start: bytes, content_type: str, url: str) -> None:
        """A page or an error that claims to be media, or claims nothing."""
        looks_json = start.lstrip()[:1] == b"{" and not content_type.startswith(("audio/", "video/"))
        if looks_json or classify.is_html("", start):
            raise StageFailure.invalid_output(
                f"{self.name} sent {'JSON' if looks_json else 'an HTML page'} from {shown_url(url)}, not media"
            )

    def _client(self, url: str) -> httpx.AsyncClient:
        loopback = is_loopback(url)
        if loopback not in self._clients:
            client = open_client(loopback=loopback)
            self._open.push_async_callback(client.aclose)
            self._clients[loopback] = client
        return self._clients[loopback]


def open_client(*, loopback: bool) -> httpx.AsyncClient:
    """The one factory of HTTP clients.

    Args:
        loopback: for this machine: the environment's proxies do not count, they would take the call elsewhere.
    """
    return httpx.AsyncClient(
        trust_env=not loopback,
        verify=_trust(env=not loopback),
        limits=httpx.Limits(max_connections=16, max_keepalive_connections=8),
        max_redirects=5,
        headers={"User-Agent": "predawn"},
        event_hooks={"request": [identify]},
    )


@cache
def _trust(*, env: bool) -> ssl.SSLContext:
    # Loading the certificates takes longer than a loopback call: once is enough.
    return httpx.create_ssl_context(trust_env=env)


def _finish(part: PartFile, rest: bytes) -> None:
    part.write(rest)
    part.commit()


def _announced(response: httpx.Response) -> int | None:
    """The length the service announced, or None."""
    value = response.headers.get("content-length", "")
    return int(value) if value.isdecimal() else None


def _is_text(content_type: str) -> bool:
    return content_type.startswith("text/") or "json" in content_type or "html" in content_type
