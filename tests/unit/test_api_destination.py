"""Where callbacks may go: every spelling of an address that is not public is refused."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import pytest

from integrations.callback.resolve import Lookup, RefusedError, checked_address
from scheduler.domain.destination import destination_problem, is_private, literal_address

PRIVATE = [
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "0",
    "0.0.0.0", "10.0.0.1", "10.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "3232235777", "169.254.169.254",
    "2852039166", "100.64.0.1", "198.18.0.1", "192.0.0.1", "192.0.2.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:7f00:1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::",
    "2002:a00:1::", "2001:db8::1", "2001:0:4136:e378:8000:63bf:80ff:fffe", "100::1", "0:0:0:0:0:ffff:0a00:0001",
    "fec0::1", "3fff::1", "5f00::1", "4000::1", "192.88.99.1", "2002:c058:6301::", "64:ff9b:1::a00:1", "2001:10::1",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1",
    "93.184.216.34",
    "2606:4700:4700::1111",
    "16843009",
    "0x01010101",
    "8.8.2056",
    "64:ff9b::808:808",
    "::ffff:8.8.8.8",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_addresses_that_are_not_public_are_refused_in_every_spelling(host: str) -> None:
    address = literal_address(host)
    assert address is not None, "it must be seen to be an address"
    assert is_private(address)
    url = f"http://[{host}]/" if ":" in host else f"http://{host}/"
    hosts = [host.lower(), host.split("%", maxsplit=1)[0]]
    if "%" not in host:
        problem = destination_problem(url, hosts, private=False)
        assert problem is not None
        assert "private range" in problem


@pytest.mark.parametrize("host", PUBLIC)
def test_public_addresses_pass(host: str) -> None:
    address = literal_address(host)
    assert address is not None
    assert not is_private(address)


@pytest.mark.parametrize(
    "host", ["example.org", "1.2.3.4.5", "256.1.1.1", "a.1", "1..2", "0x", "08.1.1.1", "4294967296"]
)
def test_names_are_no_addresses(host: str) -> None:
    assert literal_address(host) is None


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://hooks.example.org/x", None),
        ("http://hooks.example.org:8080/x?y=z", None),
        ("https://a.b.example.net/", None),
        ("https://HOOKS.example.org./", None),
        ("https://example.net/", "not listed"),
        ("https://evilexample.net/", "not listed"),
        ("https://hooks.example.org.evil.com/", "not listed"),
        ("https://hooks.example.org@evil.com/", "user or a password"),
        ("https://user:secret@hooks.example.org/", "user or a password"),
        ("ftp://hooks.example.org/", "http or https"),
        ("file:///etc/passwd", "http or https"),
        ("//hooks.example.org/", "http or https"),
        ("gopher://hooks.example.org", "http or https"),
        ("https://hooks.example.org:0/", "http or https"),
        ("https://hooks.example.org:99999/", "no URL"),
        ("https://hooks.example.org/\r\nX: y", "http or https"),
        ("https://[::1", "no URL"),
        ("", "http or https"),
    ],
)
def test_destinations(url: str, problem: str | None) -> None:
    found = destination_problem(url, ["hooks.example.org", ".example.net"], private=False)
    assert (found is None) if problem is None else (found is not None and problem in found)


def answers(*addresses: str) -> Lookup:
    async def look(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return look


@pytest.mark.parametrize(
    "host", [one for one in PRIVATE if ":" in one or (one.count(".") == 3 and not one.startswith("0"))]
)
async def test_names_that_lead_into_private_ranges_are_refused(host: str) -> None:
    if host.startswith("0x"):
        return
    with pytest.raises(RefusedError):
        await checked_address("hooks.example.org", 443, private=False, look=answers("93.184.216.34", host))


async def test_the_address_that_was_judged_is_the_one_to_connect_to() -> None:
    assert (
        await checked_address("hooks.example.org", 443, private=False, look=answers("93.184.216.34")) == "93.184.216.34"
    )
    assert await checked_address("localhost", 80, private=True, look=answers("127.0.0.1")) == "127.0.0.1"
    assert not is_private(ipaddress.ip_address("93.184.216.34"))
