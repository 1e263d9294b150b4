"""The channel ``deadman``: pings of the nightly run's check, and of the daemon's liveness."""

from __future__ import annotations

import httpx

from scheduler.domain.outbox import Absent, Answer, Delivery, Found, Permanent, Sent, Transient

PATHS = {"start": "/start", "success": "", "fail": "/fail"}
TOO_MANY, SERVER_ERROR, BAD = 429, 500, 400
BODY = 2000


class DeadmanSender:
    """See ``scheduler.ports.outbox.Sender``. Pings can be repeated without harm: nothing about them is doubtful.

    Args:
        client: HTTP.
        url: the nightly check's ping address.
    """

    channel = "deadman"

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url

    async def send(self, delivery: Delivery) -> Answer:
        """One ping."""
        return await ping(self._client, self._url, delivery.kind, str(delivery.payload.get("text", "")))

    async def find(self, delivery: Delivery) -> Found:
        """Said again without harm."""
        del delivery
        return Absent()


async def ping(client: httpx.AsyncClient, url: str, kind: str = "success", text: str = "") -> Answer:
    """Ping a check: ``start``, ``success`` or ``fail``."""
    try:
        answer = await client.post(url.rstrip("/") + PATHS[kind], content=text.encode()[:BODY])
    except httpx.InvalidURL as error:
        return Permanent(f"the check's address is no URL: {error}")
    except httpx.HTTPError as error:
        return Transient(f"the outside check cannot be reached ({type(error).__name__}: {error})")
    status = answer.status_code
    if status == TOO_MANY or status >= SERVER_ERROR:
        return Transient(f"the outside check answered {status}")
    if status >= BAD:
        return Permanent(f"the outside check answered {status}: see that its address is right and the check exists")
    if "not found" in answer.text.lower():
        # Healthchecks answers 200 with these words for an address that it does not know.
        return Permanent("the outside check does not know this address: copy it anew")
    return Sent(str(status))
