"""Channel ``callback`` of the outbox: one signed POST to the address that a job's submitter gave."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

import httpx

from integrations.callback.resolve import Lookup, RefusedError, checked_address, lookup
from scheduler.domain.callback import CHANNEL, signature
from scheduler.domain.destination import destination_problem
from scheduler.domain.outbox import Absent, Ambiguous, Answer, Delivery, Found, Permanent, Sent, Transient

SIGNATURE = "x-predawn-signature"
EVENT_ID = "x-predawn-event-id"
DELIVERY = "x-predawn-delivery"
MOST_REDIRECTS = 3
_KEEP_METHOD = frozenset({307, 308})
_LATER = frozenset({408, 425, 429})
_SERVER = 500


class CallbackSender:
    """Tells by HTTP.

    Args:
        hosts: which may be told (``api.callbacks.hosts``).
        private: whether they may lie in private ranges.
        secret: key of the signature.
        timeout_s: seconds for one call.
        now: the time of day, for the signature.
        base_url: where others reach our API; a video that is told of by its path there is told by its whole address.
        look: finds a host's addresses.
    """

    channel = CHANNEL

    def __init__(
        self,
        *,
        hosts: Sequence[str],
        private: bool,
        secret: str,
        timeout_s: float,
        now: Callable[[], datetime],
        base_url: str | None = None,
        look: Lookup = lookup,
    ) -> None:
        self._hosts = tuple(hosts)
        self._private = private
        self._secret = secret
        self._timeout_s = timeout_s
        self._now = now
        self._base_url = base_url
        self._look = look

    async def send(self, delivery: Delivery) -> Answer:
        """Say it once and classify what came back."""
        url, body = delivery.payload.get("url"), delivery.payload.get("body")
        if not isinstance(url, str) or not isinstance(body, Mapping):
            return Permanent("the row has no url or no body")
        document = self._whole(cast("Mapping[str, Any]", body))
        content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "content-type": "application/json",
            "user-agent": "predawn",
            SIGNATURE: signature(self._secret, content, self._now()),
            EVENT_ID: str(document.get("event_id", delivery.id)),
            DELIVERY: delivery.id,
            "x-request-id": str(delivery.id),
        }
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._post(url, content, headers)
            if not isinstance(answer, str):
                return answer
            url = answer
        return Permanent(f"more than {MOST_REDIRECTS} redirects")

    async def find(self, delivery: Delivery) -> Found:
        """It cannot be looked for; the event's id lets the receiver tell a repetition."""
        del delivery
        return Absent()

    def _whole(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """The document with an address that can be fetched from elsewhere."""
        url = document.get("video_url")
        if self._base_url is None or not isinstance(url, str) or not url.startswith("/"):
            return document
        return {**document, "video_url": self._base_url + url}

    async def _post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Answer | str:
        """One call; a text is where it is redirected to."""
        problem = destination_problem(url, self._hosts, private=self._private)
        if problem is not None:
            return Permanent(problem)
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            address = await checked_address(host, port, private=self._private, look=self._look)
        except RefusedError as error:
            return Permanent(str(error))
        except (OSError, ValueError) as error:
            return Transient(f"{host} cannot be found: {error}", whole_channel=False)
        pinned = httpx.URL(url).copy_with(host=address)
        request = {**headers, "host": parts.netloc}
        try:
            async with (
                httpx.AsyncClient(
                    verify=_trust(), trust_env=False, follow_redirects=False, timeout=self._timeout_s
                ) as client,
                client.stream(
                    "POST", pinned, content=content, headers=request, extensions={"sni_hostname": host}
                ) as response,
            ):
                return _answer(url, response)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return Transient(f"{host} cannot be reached: {error}", whole_channel=False)
        except httpx.HTTPError as error:
            return Ambiguous(f"{host} did not answer: {error or type(error).__name__}", whole_channel=False)


def _answer(url: str, response: httpx.Response) -> Answer | str:
    status = response.status_code
    if response.is_success:
        return Sent()
    if status in _KEEP_METHOD and (target := response.headers.get("location")):
        return urljoin(url, target)
    if status in _LATER or status >= _SERVER:
        return Transient(f"answered {status}", retry_after_s=_seconds(response), whole_channel=False)
    return Permanent(f"answered {status}: it does not want this")


def _seconds(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    return min(float(text), 3600.0) if text.isdigit() else None


@cache
def _trust() -> ssl.SSLContext:
    return httpx.create_ssl_context()
