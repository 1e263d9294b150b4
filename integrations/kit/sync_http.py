"""One bounded GET without an event loop, classified by the same rules as every call (``integrations.kit.classify``).

For sources of briefs, which are synchronous and run in a thread. Redirects are followed by hand: at most five, over
http(s) only, without the headers that hold secrets, and never from the world into this machine or its network.
"""

from __future__ import annotations

import ipaddress
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from urllib.parse import urljoin, urlsplit

import httpx
from pydantic import SecretStr

from integrations.kit import classify
from integrations.kit.request_id import identify_sync
from integrations.kit.text import shown_url
from integrations.kit.urls import is_loopback, origin_of
from scheduler.domain.failure import StageFailure

MAX_REDIRECTS = 5
NOT_MODIFIED = 304
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class SyncReply:
    """What came back, whatever its status.

    Attributes:
        url: where it came from in the end.
    """

    service: str
    url: str
    status: int
    headers: httpx.Headers
    body: bytes

    def failure(self) -> StageFailure | None:
        """The failure that the status tells of by the common rules, or None for 2xx and 304."""
        if self.status == NOT_MODIFIED:
            return None
        return classify.failure_of_status(
            self.status, self.headers, self.body, service=self.service, url=self.url, now=datetime.now(UTC)
        )


def get(
    url: str,
    *,
    service: str,
    timeout_s: float,
    limit: int,
    headers: Mapping[str, str] | None = None,
    secrets: Mapping[str, SecretStr] | None = None,
) -> SyncReply:
    """Fetch ``url``.

    Args:
        url: http(s).
        service: what it is called in messages.
        timeout_s: seconds for all of it, redirects included.
        limit: bytes that are accepted.
        headers: sent everywhere.
        secrets: headers that are sent to the origin of ``url`` alone; their values are cut out of the answer.

    Raises:
        StageFailure: there was no whole answer of at most ``limit`` bytes.
    """
    end = time.monotonic() + timeout_s
    target, hidden = url, {name: value.get_secret_value() for name, value in (secrets or {}).items()}
    try:
        for _ in range(MAX_REDIRECTS + 1):
            sent = {**(headers or {}), **(hidden if origin_of(target) == origin_of(url) else {})}
            reply = _once(target, service=service, end=end, limit=limit, headers=sent)
            location = reply.headers.get("location", "")
            if reply.status not in REDIRECTS or not location:
                return SyncReply(service, target, reply.status, reply.headers, _without(reply.body, hidden))
            target = _redirected(target, location, service)
    except _TooSlowError as error:
        raise classify.timed_out(service=service, url=target, timeout_s=timeout_s) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise classify.failure_of_exception(error, service=service, url=target) from error
    raise StageFailure.invalid_output(f"{service} at {shown_url(url)} redirects more than {MAX_REDIRECTS} times")


class _TooSlowError(Exception):
    """The time is up."""


def _once(url: str, *, service: str, end: float, limit: int, headers: Mapping[str, str]) -> SyncReply:
    left = end - time.monotonic()
    if left <= 0:
        raise _TooSlowError
    loopback = is_loopback(url)
    client = httpx.Client(
        trust_env=not loopback,
        verify=_trust(env=not loopback),
        headers={"User-Agent": "predawn"},
        event_hooks={"request": [identify_sync]},
    )
    with client, client.stream("GET", url, headers=headers, timeout=left, follow_redirects=False) as response:
        body = bytearray()
        try:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > limit:
                    raise StageFailure.invalid_output(
                        f"{service} sent more than {limit / 2**20:g} MiB from {shown_url(url)}; that is not read"
                    )
                if time.monotonic() > end:
                    raise _TooSlowError
        except (httpx.RemoteProtocolError, httpx.ReadError) as error:
            raise classify.cut_off(service=service, url=url, have=len(body), want=None) from error
        return SyncReply(service, url, response.status_code, response.headers, bytes(body))


@cache
def _trust(*, env: bool) -> ssl.SSLContext:
    # Loading the certificates takes longer than a loopback call: once is enough.
    return httpx.create_ssl_context(trust_env=env)


def _redirected(url: str, location: str, service: str) -> str:
    target = urljoin(url, location)
    parts = urlsplit(target)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise StageFailure.invalid_output(f"{service} redirects from {shown_url(url)} to something that is no web page")
    if _is_inside(target) and not _is_inside(url):
        raise StageFailure.invalid_output(
            f"{service} redirects from {shown_url(url)} into this machine's own network ({shown_url(target)}): refused"
        )
    return target


def _is_inside(url: str) -> bool:
    """Whether an address is one of this machine or of a private network, as far as its text tells."""
    if is_loopback(url):
        return True
    try:
        return not ipaddress.ip_address(urlsplit(url).hostname or "").is_global
    except ValueError:
        return False


def _without(body: bytes, hidden: Mapping[str, str]) -> bytes:
    for secret in hidden.values():
        body = body.replace(secret.removeprefix("Bearer ").encode(), b"***")
    return body
