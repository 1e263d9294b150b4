"""Followers of a job over real HTTP: many, stalled ones, and ones that come back."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from api_world import ADMIN, Manim, World, eventually, workflow, world
from starlette.responses import JSONResponse

from config.settings import ApiSettings, Settings
from console.bootstrap.api import build_api, served_api
from console.bootstrap.reading import make_operations
from scheduler.api.app import Api
from scheduler.domain.access import Role
from scheduler.testing import FakeClock, MemoryStore

FOLLOWERS = 200

pytestmark = pytest.mark.timeout(300)


async def events(
    client: httpx.AsyncClient, job_id: str, last: str | None = None
) -> AsyncIterator[tuple[str, str, Any]]:
    """(name, id, document) of each event."""
    headers = {} if last is None else {"Last-Event-ID": last}
    async with client.stream("GET", f"/api/videos/{job_id}/stream", headers=headers, timeout=120) as answer:
        assert answer.status_code == 200
        fields: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if not line and "event" in fields:
                yield fields["event"], fields["id"], json.loads(fields["data"])
            if not line:
                fields = {}
            elif not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value


async def life(client: httpx.AsyncClient, job_id: str) -> list[tuple[str, str]]:
    """What a follower hears of everything but progress, to the end."""
    return [(name, data.get("id", "")) async for name, _, data in events(client, job_id) if name != "progress"]


def failing(hold_s: float) -> Manim:
    return Manim(hold_s=hold_s, answer=lambda: JSONResponse({"error": "out of order"}, status_code=500))


async def test_two_hundred_followers_hear_all_and_a_stalled_one_costs_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, failing(0.3)) as here:
        limits = httpx.Limits(max_connections=FOLLOWERS + 10)
        async with httpx.AsyncClient(
            base_url=here.url, headers=here.client.headers, limits=limits, timeout=120
        ) as many:
            job_id = await here.submit(workflow("followed"))
            stalled = await stall(here, job_id)
            before = psutil.Process().memory_info().rss
            heard = await asyncio.gather(*(life(many, job_id) for _ in range(FOLLOWERS)))
            grown = psutil.Process().memory_info().rss - before
            stalled.close()
        ended = [attempt for attempt in (await here.job(job_id))["attempts"] if attempt["status"] != "started"]
    expected = [("error" if one["status"] == "failed" else "stage-complete", one["id"]) for one in ended]
    for one in heard:
        assert sorted(one[:-1]) == sorted(expected)
        assert one[-1][0] == "done"
    # Client and server share this process: two hundred connections of each, not what they were told.
    assert grown < 200 * 2**20


async def stall(here: World, job_id: str) -> socket.socket:
    """A follower that never reads."""
    host, _, port = here.url.removeprefix("http://").partition(":")
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    await asyncio.to_thread(sock.connect, (host, int(port)))
    token = here.client.headers["authorization"]
    request = f"GET /api/videos/{job_id}/stream HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n"
    await asyncio.to_thread(sock.sendall, request.encode())
    return sock


async def test_who_comes_back_with_the_last_id_misses_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, failing(0.1)) as here:
        job_id = await here.submit(workflow("followed"))
        told: list[tuple[str, str]] = []
        last: str | None = None
        for _ in range(50):
            async for name, event_id, data in events(here.client, job_id, last):
                last = event_id
                if name != "progress":
                    told.append((name, data.get("id", "")))
                    break  # the connection is lost after every single event
            if told and told[-1][0] == "done":
                break
        ended = {attempt["id"] for attempt in (await here.job(job_id))["attempts"]}
        again = await here.client.get(f"/api/videos/{job_id}/stream", headers={"Last-Event-ID": last or ""})
    assert told[-1][0] == "done"
    assert {one for _, one in told[:-1]} == ended
    assert len(told) == len(ended) + 1, "nothing twice"
    assert again.status_code == 204, "told everything: do not come back"


async def test_who_follows_or_waits_when_the_server_stops_is_sent_away_in_good_order(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[Api] = []

    def build(*given: Any) -> Api:
        built.append(build_api(*given))
        return built[-1]

    monkeypatch.setattr("console.bootstrap.api.build_api", build)
    settings = Settings(home=tmp_path, api=ApiSettings(port=0))
    store = MemoryStore(FakeClock(datetime.now(UTC)))
    operations = make_operations(settings, store)
    secret = operations.add_token("tester", role=Role.OPERATOR, actor=ADMIN)
    body = {"job_type": "doubt", "input": "Why is the sky blue?", "job_id": "sky"}
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(headers=headers, timeout=60, trust_env=False) as client:
        async with served_api(settings, operations) as served:
            await client.post(f"{served.url}/render", json=body)
            waiting = asyncio.create_task(client.post(f"{served.url}/render?wait=600", json=body))
            following = asyncio.create_task(client.get(f"{served.url}/api/videos/sky/stream"))
            await eventually(lambda: built[0].context.watch.followed == 2)
        stream, answer = await following, await waiting
    assert (answer.status_code, answer.json()["status"], answer.json()["created"]) == (202, "pending", False)
    assert stream.text.startswith("id: ")
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


async def test_a_stream_shows_that_it_lives(tmp_path: Path) -> None:
    async with world(tmp_path, Manim(hold_s=600.0), api={"keepalive_s": 0.3}) as here:
        job_id = await here.submit(workflow("followed"))
        comments = 0
        async with here.client.stream("GET", f"/api/videos/{job_id}/stream") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            async with asyncio.timeout(60):
                async for line in answer.aiter_lines():
                    comments += line.startswith(":")
                    if comments == 3:
                        break
        await here.client.delete(f"/jobs/{job_id}")
