"""One HTTP exchange with any body in and any status out, for protocols in which a status is an answer.

``integrations.kit.http`` serves services that speak JSON and send media. Object stores and tables also need headers of
their own, bodies that are streamed from a file, and answers such as *404: not there yet*; those come from here. What is
no answer at all (refused, timed out, cut off) is a ``StageFailure``, as everywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import SecretStr

from integrations.kit import classify
from integrations.kit.http import MAX_JSON, Trace, open_client
from integrations.kit.urls import is_loopback, origin_of
from scheduler.domain.failure import StageFailure


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whatever its status.

    Attributes:
        headers: case-insensitive.
        body: at most the limit that was asked for; without our secrets.
    """

    service: str
    url: str
    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 - the 2xx class

    def failure(self) -> StageFailure | None:
        """The failure that the status tells of by the common rules (``classify``), or None for 2xx."""
        return classify.failure_of_status(
            self.status, self.headers, self.body, service=self.service, url=self.url, now=datetime.now(UTC)
        )

    def document(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            StageFailure: it is none, or it holds an error beside a 2xx.
        """
        content_type = self.headers.get("content-type", "").lower()
        document = classify.decode_object(content_type, self.body, service=self.service, url=self.url)
        if self.ok and (failure := classify.hidden_error(document, service=self.service)):
            raise failure
        return document


class HttpExchange:
    """A service at a base URL, opened for one attempt.

    Args:
        name: what it is called in messages.
        base_url: without a trailing slash.
        secrets: headers by name; sent to the origin of ``base_url`` alone, and never shown. Redirects are not
            followed, so they cannot leave with one.
        connect_timeout_s: seconds to wait for a connection.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        secrets: Mapping[str, SecretStr] | None = None,
        connect_timeout_s: float = 5.0,
    ) -> None:
        self.name = name
        self.base_url = base_url
        self._secrets = {header: value.get_secret_value() for header, value in (secrets or {}).items()}
        self._connect_timeout_s = connect_timeout_s
        self._open = AsyncExitStack()
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        self._client = await self._open.enter_async_context(open_client(loopback=is_loopback(self.base_url)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client = None
        await self._open.aclose()

    def is_ours(self, url: str) -> bool:
        """Whether an absolute URL leads to the service itself."""
        try:
            return origin_of(url) == origin_of(self.base_url)
        except ValueError:
            return False

    async def send(
        self,
        method: str,
        url: str,
        *,
        trace: Trace,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        content: bytes | AsyncIterable[bytes] | None = None,
        limit: int = MAX_JSON,
    ) -> Reply:
        """One exchange.

        Args:
            method: ``GET``, ``PATCH``, …
            url: absolute, or a path that is put behind the base URL as it is.
            trace: goes out as headers.
            timeout_s: seconds for all of it.
            headers: further ones; ``Content-Length`` is needed for a streamed body.
            content: the body.
            limit: bytes of the answer that are read.

        Raises:
            StageFailure: there was no whole answer of at most ``limit`` bytes.
        """
        if self._client is None:
            raise RuntimeError(f"{self.name} is not open")
        target = url if "://" in url else f"{self.base_url}{url}"
        sent = {**trace.headers(), "Accept-Encoding": "identity", **(headers or {})}
        if self.is_ours(target):
            sent |= self._secrets
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._client.stream(
                    method,
                    target,
                    headers=sent,
                    content=content,
                    timeout=httpx.Timeout(timeout_s, connect=self._connect_timeout_s),
                    follow_redirects=False,
                ) as response,
            ):
                body = await self._body(response, target, limit)
                return Reply(self.name, target, response.status_code, response.headers, body)
        except TimeoutError as error:
            raise classify.timed_out(service=self.name, url=target, timeout_s=timeout_s) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise classify.failure_of_exception(error, service=self.name, url=target) from error

    async def _body(self, response: httpx.Response, url: str, limit: int) -> bytes:
        body = bytearray()
        try:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > limit:
                    raise classify.too_long(service=self.name, url=url, limit=limit)
        except (httpx.RemoteProtocolError, httpx.ReadError) as error:
            raise classify.cut_off(service=self.name, url=url, have=len(body), want=None) from error
        whole = bytes(body)
        for secret in self._secrets.values():
            # A service that repeats our key in its error must not bring it into a log.
            whole = whole.replace(secret.removeprefix("Bearer ").encode(), b"***")
        return whole
