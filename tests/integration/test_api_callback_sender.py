"""Callbacks over real connections: what is refused, what is tried again, and that no name leads inside."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from integrations.callback import CallbackSender
from integrations.kit.serve import serve
from scheduler.domain.outbox import Ambiguous, Answer, Delivery, DeliveryState, Permanent, Sent, Transient

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)


@dataclass
class Inside:
    """A server on loopback that no callback may reach unless private ranges are allowed."""

    url: str = ""
    answer: Response = field(default_factory=lambda: Response(status_code=204))
    hosts: list[str] = field(default_factory=list[str])
    bodies: list[bytes] = field(default_factory=list[bytes])

    async def hear(self, request: Request) -> Response:
        self.hosts.append(request.headers["host"])
        self.bodies.append(await request.body())
        return self.answer


@asynccontextmanager
async def inside() -> AsyncGenerator[Inside]:
    server = Inside()
    served = await serve(Starlette(routes=[Route("/{rest:path}", server.hear, methods=["POST", "GET"])]), name="inside")
    server.url = served.url
    try:
        yield server
    finally:
        await served.stop()


def delivery(url: str, **more: str) -> Delivery:
    payload = {"url": url, "body": {"event_id": "j:1:completed", "job_id": "j", **more}}
    return Delivery("d", 1, "callback", "job", "j", payload, DeliveryState.LEASED, 1, NOW, NOW, NOW)


async def tell(
    url: str, *, private: bool = False, names: Mapping[str, Sequence[str]] | None = None, timeout_s: float = 5.0
) -> Answer:
    async def look(host: str, _port: int) -> Sequence[str]:
        if host not in (names or {}):
            raise OSError(f"{host}: no such name")
        return (names or {})[host]

    hosts = ["127.0.0.1", "localhost", "hooks.example.org", "[::1]", "::1", "2130706433", "0x7f000001", "127.1"]
    sender = CallbackSender(hosts=hosts, private=private, secret="key", timeout_s=timeout_s, now=lambda: NOW, look=look)
    return await sender.send(delivery(url))


async def test_the_checked_address_is_connected_to_under_the_asked_name() -> None:
    async with inside() as server:
        port = server.url.rsplit(":", 1)[1]
        names = {"hooks.example.org": ["127.0.0.1"]}
        answer = await tell(f"http://hooks.example.org:{port}/ended", private=True, names=names)
        assert answer == Sent()
        assert server.hosts == [f"hooks.example.org:{port}"]


@pytest.mark.parametrize(
    ("video", "told"),
    [("/api/videos/j/download", "https://v.example/api/videos/j/download"), ("https://cdn/x.mp4", "https://cdn/x.mp4")],
)
async def test_a_video_is_told_by_an_address_that_its_receiver_can_fetch(video: str, told: str) -> None:
    async with inside() as server:
        sender = CallbackSender(
            hosts=["127.0.0.1"],
            private=True,
            secret="key",
            timeout_s=5.0,
            now=lambda: NOW,
            base_url="https://v.example",
        )
        assert await sender.send(delivery(f"{server.url}/ended", video_url=video)) == Sent()
    assert json.loads(server.bodies[0])["video_url"] == told


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "hooks.example.org", "2130706433", "0x7f000001", "127.1"])
async def test_nothing_inside_is_reached(host: str) -> None:
    names = {"hooks.example.org": ["93.184.216.34", "127.0.0.1"], "localhost": ["::1", "127.0.0.1"]}
    async with inside() as server:
        port = server.url.rsplit(":", 1)[1]
        answer = await tell(f"http://{host}:{port}/ended", names=names)
        assert isinstance(answer, Permanent)
        assert "private range" in answer.error
        assert server.hosts == []


@pytest.mark.parametrize(
    "target",
    ["http://10.0.0.1/", "http://169.254.169.254/latest/meta-data", "http://evil.example/", "file:///etc/passwd"],
)
async def test_a_redirect_is_judged_like_the_first_address(target: str) -> None:
    async with inside() as server:
        server.answer = RedirectResponse(target, status_code=307)
        answer = await tell(f"{server.url}/ended", private=True)
        assert isinstance(answer, Permanent | Transient)
        assert len(server.hosts) == 1
        if "10.0.0.1" not in target:
            assert isinstance(answer, Permanent)


async def test_a_name_that_leads_inside_only_behind_a_redirect_is_refused() -> None:
    """The first address is allowed (a listed name that is public for this test's resolver), the second is not."""
    calls: list[str] = []

    async def look(host: str, _port: int) -> Sequence[str]:
        calls.append(host)
        return ["127.0.0.1"] if len(calls) > 1 else ["93.184.216.34"]

    sender = CallbackSender(
        hosts=["hooks.example.org"], private=False, secret="key", timeout_s=0.2, now=lambda: NOW, look=look
    )
    first = await sender.send(delivery("http://hooks.example.org:9/ended"))
    assert not isinstance(first, Sent)
    assert calls == ["hooks.example.org"], "looked up once: the answer that was judged is the one that is used"


async def test_endless_redirects_end() -> None:
    async with inside() as server:
        server.answer = RedirectResponse(f"{server.url}/again", status_code=308)
        answer = await tell(f"{server.url}/ended", private=True)
        assert answer == Permanent("more than 3 redirects")
        assert len(server.hosts) == 4


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, Sent), (204, Sent), (301, Permanent), (400, Permanent), (404, Permanent), (410, Permanent), (408, Transient),
     (425, Transient), (429, Transient), (500, Transient), (503, Transient)],
)  # fmt: skip
async def test_answers_are_classified(status: int, kind: type[Answer]) -> None:
    async with inside() as server:
        server.answer = Response(status_code=status, headers={"retry-after": "7"})
        answer = await tell(f"{server.url}/ended", private=True)
        assert isinstance(answer, kind)
        if isinstance(answer, Transient):
            assert (answer.retry_after_s, answer.whole_channel) == (7.0, False)


async def test_who_cannot_be_reached_is_told_later() -> None:
    refused = await tell("http://127.0.0.1:9/ended", private=True)
    assert isinstance(refused, Transient)
    unknown = await tell("http://hooks.example.org/ended", private=True)
    assert isinstance(unknown, Transient)
    assert not isinstance(unknown, Ambiguous)
