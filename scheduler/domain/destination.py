"""Where callbacks may go, judged by what is written; what a name resolves to is judged when it is called. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

SCHEMES = ("http", "https")


def destination_problem(url: str, hosts: Sequence[str], *, private: bool) -> str | None:
    """What speaks against sending to a URL, in words; None: nothing.

    Args:
        url: as a caller gave it.
        hosts: names that may be told; ``.example.org`` stands for all below it.
        private: whether addresses in private ranges may be.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip(".").lower(), parts.port
    except ValueError:
        return "it is no URL"
    if parts.scheme not in SCHEMES or not host or port == 0 or not url.isprintable() or " " in url:
        return "it must be an http or https URL"
    if parts.username is not None or parts.password is not None:
        return "it must not hold a user or a password"
    if not host_is_listed(host, hosts):
        return f"host {host[:100]} is not listed in api.callbacks.hosts"
    literal = literal_address(host)
    if literal is not None and not private and is_private(literal):
        return f"{literal} is in a private range (api.callbacks.private)"
    return None


def host_is_listed(host: str, hosts: Sequence[str]) -> bool:
    """Whether a host may be told."""
    return any(host == one or (one.startswith(".") and host.endswith(one)) for one in hosts)


def literal_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is written as, in any of the forms that resolvers take (``127.1``, ``0x7f000001``)."""
    try:
        return ipaddress.ip_address(host.split("%", maxsplit=1)[0])
    except ValueError:
        pass
    parts = host.split(".")
    most = 4
    if not 1 <= len(parts) <= most or not all(parts):
        return None
    try:
        numbers = [int(part, 0 if not _is_octal(part) else 8) for part in parts]
    except ValueError:
        return None
    *heads, last = numbers
    if any(not 0 <= head <= 0xFF for head in heads) or not 0 <= last < 256 ** (most + 1 - len(parts)):  # noqa: PLR2004 - a byte
        return None
    value = last
    for place, head in enumerate(heads):
        value += head << (8 * (3 - place))
    return ipaddress.IPv4Address(value)


def _is_octal(text: str) -> bool:
    return len(text) > 1 and text[0] == "0" and text[1:].isdigit()


def is_private(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is not one of the public internet: private, loopback, link-local, reserved, multicast, ….

    An IPv4 address inside an IPv6 one (mapped, 6to4, NAT64, Teredo) counts as what it is. What nobody has given out
    (IPv6 outside of 2000::/3) is not public either, whatever the library's tables know of it.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inner(address)
        if inner is not None and (is_private(inner) or address in _NAT64 or address.ipv4_mapped is not None):
            return is_private(inner)
        if address not in _UNICAST or any(address in network for network in _SPECIAL):
            return True
    elif address in _RELAYS:
        return True
    return not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified


_UNICAST = ipaddress.ip_network("2000::/3")
_SPECIAL = tuple(map(ipaddress.ip_network, ("2001::/23", "2001:db8::/32", "3fff::/20")))
"""Protocols and documentation."""
_RELAYS = ipaddress.ip_network("192.88.99.0/24")
"""6to4 relays, of which none should be left."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or address in _COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
