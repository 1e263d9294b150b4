"""A host's address, judged before it is connected to: no name leads into a private range.

The address that was judged is the one that is connected to. Looked up a second time, a name could answer otherwise
(DNS rebinding).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

from scheduler.domain.destination import is_private, literal_address

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""Addresses of a host, as text."""


class RefusedError(ValueError):
    """This host may not be connected to; the message says why."""


async def lookup(host: str, port: int) -> Sequence[str]:
    """Addresses of a host by the system's resolver.

    Raises:
        OSError: there are none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


async def checked_address(host: str, port: int, *, private: bool, look: Lookup = lookup) -> str:
    """The address to connect to.

    All addresses of a name must be allowed: which of them a client takes is not ours to choose.

    Raises:
        RefusedError: it lies, or one of them lies, in a private range.
        OSError: the name is not known.
    """
    literal = literal_address(host)
    addresses = [literal] if literal is not None else [_parsed(text) for text in await look(host, port)]
    if not addresses:
        raise OSError(f"{host} has no address")
    for address in addresses:
        if not private and is_private(address):
            raise RefusedError(f"{host} is {address}, which is in a private range (api.callbacks.private)")
    return str(addresses[0])


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(text.split("%", maxsplit=1)[0])
