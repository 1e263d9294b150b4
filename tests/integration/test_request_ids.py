"""``X-Request-ID`` on whatever leaves, as servers on loopback get it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from http_scripted import make_call, scripted
from pipeline_scene import Maker, Scene
from pydantic import SecretStr
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from storage_scene import MIB, settings, upload_call

from config.sections.alerts import SlackSettings
from config.settings import FeedSettings, PostgrestSettings, S3Settings
from integrations.content.feeds import FeedBriefs
from integrations.content.feeds.memory import FeedMemory
from integrations.content.postgrest import PostgrestBriefs
from integrations.health.http_check import make_check
from integrations.kit.http import HttpService, Trace, open_client
from integrations.kit.serve import serve
from integrations.local_services.storage import StorageService
from integrations.s3_storage import S3Storage
from integrations.slack.client import open_slack
from integrations.supabase_storage import SupabaseStorage
from scheduler.domain.failure import StageFailure
from scheduler.domain.render import StageName, StageOutput
from scheduler.ports.clock import SystemClock
from scheduler.ports.provider import Call, correlation
from scheduler.testing import FakeClock, MemoryStore

DAY = date(2026, 11, 20)
MINE = "corr-1"


class Noted:
    """A program whose requests are noted: method and id."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.ids: list[tuple[str, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            self.ids.append((scope["method"], headers.get(b"x-request-id", b"").decode()))
        await self.app(scope, receive, send)


@asynccontextmanager
async def noted(app: ASGIApp) -> AsyncGenerator[tuple[Noted, str]]:
    program = Noted(app)
    served = await serve(program, name="a server that notes", grace_s=0)
    try:
        yield program, served.url
    finally:
        await served.stop()


async def test_every_piece_of_a_long_upload_carries_the_render_s_id(tmp_path: Path) -> None:
    async with noted(StorageService(tmp_path / "storage").app) as (program, url):
        await SupabaseStorage(settings(url)).run(upload_call(tmp_path, size=7 * MIB))
    assert {method for method, _ in program.ids} >= {"POST", "PATCH", "GET"}
    assert {told for _, told in program.ids} == {MINE}


async def test_s3_is_asked_under_the_render_s_id(tmp_path: Path) -> None:
    pytest.importorskip("obstore", reason="pip install 'predawn[s3]'")
    async with noted(Response(status_code=503)) as (program, url):
        store = S3Storage(S3Settings(endpoint=url, bucket="videos", access_key="k", secret_key=settings(url).key))
        with pytest.raises(StageFailure):
            await store.run(upload_call(tmp_path))
    assert {told for _, told in program.ids} == {MINE}


async def test_briefs_and_feeds_are_fetched_under_the_render_s_id(tmp_path: Path) -> None:
    async with scripted() as service:
        service.on("GET /briefs", JSONResponse([]))
        service.on("GET /feed", Response("<?xml version='1.0'?><rss version='2.0'><channel/></rss>"))
        feeds = FeedBriefs(
            [FeedSettings(url=f"{service.url}/feed", name=name) for name in ("PIB", "RBI")],
            FeedMemory(tmp_path / "memory"),
            zone=ZoneInfo("Asia/Kolkata"),
            hours=24,
            most=6,
            repeat_days=3,
            now=lambda: datetime(2026, 11, 20, 3, tzinfo=UTC),
        )
        table = PostgrestBriefs(PostgrestSettings(url=service.url))

        async def in_a_render() -> None:
            correlation.set(MINE)
            assert await asyncio.to_thread(table.brief_of, DAY) is None
            assert await asyncio.to_thread(feeds.brief_of, DAY) is None

        await asyncio.create_task(in_a_render())
        assert [(one.path, one.headers["x-request-id"]) for one in service.seen] == [
            ("/briefs", MINE),
            ("/feed", MINE),
            ("/feed", MINE),
        ]
        await asyncio.to_thread(table.brief_of, DAY)
        assert service.seen[-1].headers["x-request-id"].startswith("predawn-"), "a look of our own has its own"


async def test_probes_and_calls_are_told_apart(tmp_path: Path) -> None:
    async with scripted() as service, open_client(loopback=True) as client:
        probe = await make_check("manim", service.url, client, SystemClock(), timeout_s=5.0)()
        assert probe.ok
        call = make_call(tmp_path / "work", StageName.MANIM)
        async with HttpService("manim", service.url) as manim:
            await manim.preflight(trace=Trace.of(call))
        first, second = (one.headers["x-request-id"] for one in service.seen)
    assert first.startswith("probe-")
    assert second == MINE


async def test_slack_is_asked_under_an_id_too() -> None:
    async with scripted() as service:
        service.on("POST /chat.postMessage", JSONResponse({"ok": True, "ts": "1.0"}))
        slack: Any = open_slack(SlackSettings(api_url=service.url, bot_token=SecretStr("xoxb-1")))
        for _ in range(2):
            await slack.chat_postMessage(channel="C1", text="up")
        one, other = (seen.headers["x-request-id"] for seen in service.seen)
    assert one.startswith("predawn-")
    assert one != other


async def test_the_runner_tells_what_runs_below_it_whose_work_it_does(tmp_path: Path) -> None:
    told: dict[StageName, tuple[str, str]] = {}

    async def look(call: Call) -> StageOutput | None:
        told[call.stage] = (await asyncio.to_thread(correlation.get), call.correlation_id)
        return None

    scene = Scene(MemoryStore(FakeClock()), tmp_path)
    for stage in (StageName.BRIEF, StageName.UPLOAD):
        scene.chains[stage] = [Maker("asked", plays=[look])]
    await scene.render()
    assert {stage: mine == theirs != "" for stage, (mine, theirs) in told.items()} == {
        StageName.BRIEF: True,
        StageName.UPLOAD: True,
    }
