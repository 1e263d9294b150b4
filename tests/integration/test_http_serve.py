from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence

import httpx
import pytest
from http_scripted import scripted
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from integrations.kit.http import open_client
from integrations.kit.serve import PortTakenError, bind, serve


async def test_a_taken_port_is_named_with_the_remedy() -> None:
    first = await serve(PlainTextResponse("one"), name="the local manim")
    try:
        with pytest.raises(PortTakenError, match=rf"port {first.port} for the local revideo.*--port-base"):
            await serve(PlainTextResponse("two"), name="the local revideo", port=first.port)
    finally:
        await first.stop()
    again = await serve(PlainTextResponse("three"), name="the local manim", port=first.port)
    await again.stop()


async def test_signals_stay_with_the_program() -> None:
    before = signal.getsignal(signal.SIGINT)
    served = await serve(PlainTextResponse("x"), name="x")
    assert signal.getsignal(signal.SIGINT) is before
    await served.stop()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("proxies", "seen"), [((), "127.0.0.1"), (["127.0.0.1"], "203.0.113.7"), (["10.0.0.0/8"], "127.0.0.1")]
)
async def test_only_a_named_proxy_says_where_a_request_came_from(proxies: Sequence[str], seen: str) -> None:
    async def who(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(scope["client"][0])(scope, receive, send)

    served = await serve(who, name="x", proxies=proxies)
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(served.url, headers={"X-Forwarded-For": "198.51.100.9, 203.0.113.7"})
    finally:
        await served.stop()
    assert answer.text == seen


async def test_a_stop_does_not_wait_for_who_never_ends() -> None:
    asked = asyncio.Event()

    async def endless(_scope: object, _receive: object, _send: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    served = await serve(endless, name="endless", grace_s=0)
    async with httpx.AsyncClient(trust_env=False) as client:
        asking = asyncio.create_task(client.get(served.url, timeout=30))
        await asked.wait()
        async with asyncio.timeout(3):
            await served.stop()
            await asyncio.gather(asking, return_exceptions=True)


async def test_a_stop_right_after_a_connection_lets_the_caller_go() -> None:
    served = await serve(PlainTextResponse("x"), name="x")
    async with httpx.AsyncClient(trust_env=False) as client:
        for turns in range(6):
            asking = asyncio.create_task(client.get(served.url, timeout=30))
            for _ in range(turns):
                await asyncio.sleep(0)
            async with asyncio.timeout(3):
                await served.stop()
                await asyncio.gather(asking, return_exceptions=True)
            served = await serve(PlainTextResponse("x"), name="x")
    await served.stop()


async def test_a_held_port_refuses_until_it_listens() -> None:
    with bind("127.0.0.1", 0, name="held") as held:
        port = held.getsockname()[1]
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(f"http://127.0.0.1:{port}")


async def test_loopback_calls_ignore_the_environments_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with scripted() as service, open_client(loopback=True) as client:
        assert (await client.get(f"{service.url}/health")).status_code == 200
    async with scripted() as service, open_client(loopback=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{service.url}/health")
