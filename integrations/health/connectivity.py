"""Whether anything elsewhere can be reached: asked before every service at once is called down."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence


def make_connectivity(addresses: Sequence[str], *, timeout_s: float) -> Callable[[], Awaitable[bool]]:
    """A check that is true as soon as one of the addresses takes a connection.

    Args:
        addresses: ``host:port``. None at all: always true, nobody is asked.
        timeout_s: seconds for all of them together.
    """

    async def connected() -> bool:
        if not addresses:
            return True
        tries = [asyncio.create_task(_reach(address)) for address in addresses]
        try:
            async with asyncio.timeout(timeout_s):
                for answered in asyncio.as_completed(tries):
                    if await answered:
                        return True
        except TimeoutError:
            pass
        finally:
            for one in tries:
                one.cancel()
            await asyncio.gather(*tries, return_exceptions=True)
        return False

    return connected


async def _reach(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
