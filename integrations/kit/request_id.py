"""``X-Request-ID``: every request that leaves has one, so that a line in somebody's log can be found in ours.

A call that a job makes carries the job's (``Trace``, or ``scheduler.ports.provider.correlation`` where the code below
has no trace to hand on); anything else gets one of its own.
"""

from __future__ import annotations

import secrets

import httpx

from integrations.kit.text import one_line
from scheduler.ports.provider import correlation

HEADER = "X-Request-ID"


def request_id() -> str:
    """The id of the job's render that runs here, or a new one."""
    return header_text(correlation.get() or f"predawn-{secrets.token_hex(8)}")


def header_text(value: str) -> str:
    """``value`` as a header may hold it: one line of printable ASCII; anything else is replaced."""
    return "".join(char if " " <= char <= "~" else "?" for char in one_line(value, 200))


async def identify(request: httpx.Request) -> None:
    """A hook of asynchronous clients: a request without an id gets one."""
    identify_sync(request)


def identify_sync(request: httpx.Request) -> None:
    """The same for synchronous clients."""
    if HEADER not in request.headers:
        request.headers[HEADER] = request_id()
