"""A server on loopback that behaves and misbehaves like Slack's Web API and its Socket Mode."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

TOKEN, APP_TOKEN, CHANNEL = "xoxb-test", "xapp-test", "C0TEST"
SCOPES = "chat:write,usergroups:read,channels:history"


@dataclass
class Message:
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any]
    thread_ts: str | None = None
    broadcast: bool = False
    edits: int = 0

    @property
    def header(self) -> str:
        found = next((b["text"]["text"] for b in self.blocks if b["type"] == "header"), self.text)
        return str(found)


@dataclass
class FakeSlack:
    """``fault`` decides each call to post or edit: ``ok``, ``503``, ``hang``, ``drop`` (after accepting), ``refuse``
    (before), ``429:7``, ``error:WORD``."""

    now: Callable[[], float] = time.time
    messages: list[Message] = field(default_factory=list[Message])
    whispers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    calls: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list[tuple[float, str, dict[str, Any]]])
    fault: Callable[[str, dict[str, Any]], str] = lambda _m, _p: "ok"
    history_fault: Callable[[], str] = lambda: "ok"
    scopes: str = SCOPES
    groups: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    url: str = ""
    # Socket Mode
    tickets: int = 0
    stale: set[int] = field(default_factory=set[int])
    refuse_tickets: int = 0
    app_error: str | None = None
    num_connections: int = 1
    silent: bool = False
    sockets: list[web.WebSocketResponse] = field(default_factory=list[web.WebSocketResponse])
    opened: int = 0
    answers: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    _ts: float = 0.0

    # Web API

    async def call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        values = dict(request.query)
        if request.content_type == "application/json":
            values |= await request.json()
        elif request.method == "POST":
            values |= {key: str(value) for key, value in (await request.post()).items()}
        for name in ("blocks", "metadata"):
            if isinstance(values.get(name), str):
                values[name] = json.loads(values[name])
        self.calls.append((self.now(), method, values))
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token != (APP_TOKEN if method == "apps.connections.open" else TOKEN):
            return web.json_response({"ok": False, "error": "invalid_auth"})
        name = re.sub("([A-Z])", lambda found: "_" + found[1].lower(), method).replace(".", "_")
        answer = getattr(self, f"_{name}", None)
        if answer is None:
            return web.json_response({"ok": False, "error": "unknown_method"})
        return await answer(request, values)

    async def _misbehave(self, request: web.Request, word: str) -> web.StreamResponse | None:
        kind, _, rest = word.partition(":")
        if kind == "503":
            return web.Response(status=503, text="upstream unavailable")
        if kind == "hang":
            await asyncio.sleep(30)
        if kind in {"drop", "refuse"} and request.transport is not None:
            request.transport.abort()
            return web.Response()
        if kind == "429":
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": rest})
        if kind == "error":
            return web.json_response({"ok": False, "error": rest})
        return None

    def _next_ts(self) -> str:
        self._ts = max(self._ts + 0.000001, self.now())
        return f"{self._ts:.6f}"

    async def _chat_post_message(self, request: web.Request, values: dict[str, Any]) -> web.StreamResponse:
        if values["channel"] != CHANNEL:
            return web.json_response({"ok": False, "error": "channel_not_found"})
        word = self.fault("chat.postMessage", values)
        if word != "ok" and not word.startswith("drop"):
            found = await self._misbehave(request, word)
            if found is not None:
                return found
        message = Message(
            self._next_ts(),
            values.get("text", ""),
            values.get("blocks") or [],
            values.get("metadata") or {},
            values.get("thread_ts"),
            bool(values.get("reply_broadcast")),
        )
        self.messages.append(message)
        if word.startswith("drop"):
            found = await self._misbehave(request, word)
            assert found is not None
            return found
        return web.json_response({"ok": True, "channel": CHANNEL, "ts": message.ts})

    async def _chat_update(self, request: web.Request, values: dict[str, Any]) -> web.StreamResponse:
        found = await self._misbehave(request, self.fault("chat.update", values))
        if found is not None:
            return found
        for message in self.messages:
            if message.ts == values["ts"]:
                message.text, message.blocks = values.get("text", ""), values.get("blocks") or []
                message.metadata = values.get("metadata") or {}
                message.edits += 1
                return web.json_response({"ok": True, "channel": CHANNEL, "ts": message.ts})
        return web.json_response({"ok": False, "error": "message_not_found"})

    async def _chat_post_ephemeral(self, request: web.Request, values: dict[str, Any]) -> web.StreamResponse:
        self.whispers.append((values["user"], values["text"]))
        return web.json_response({"ok": True, "message_ts": self._next_ts()})

    async def _conversations_history(self, request: web.Request, values: dict[str, Any]) -> web.StreamResponse:
        found = await self._misbehave(request, self.history_fault())
        if found is not None:
            return found
        kept = [m for m in self.messages if m.thread_ts is None and float(m.ts) >= float(values.get("oldest", 0))]
        return self._page(kept)

    async def _conversations_replies(self, request: web.Request, values: dict[str, Any]) -> web.StreamResponse:
        found = await self._misbehave(request, self.history_fault())
        if found is not None:
            return found
        return self._page([m for m in self.messages if values["ts"] in {m.ts, m.thread_ts}])

    def _page(self, kept: list[Message]) -> web.Response:
        shown = [{"ts": m.ts, "text": m.text, "metadata": m.metadata} for m in reversed(kept)]
        return web.json_response({"ok": True, "messages": shown, "has_more": False})

    async def _auth_test(self, request: web.Request, values: dict[str, Any]) -> web.StreamResponse:
        body = {"ok": True, "team": "Test", "team_id": "T1", "user": "predawn", "bot_id": "B1"}
        return web.json_response(body, headers={"X-OAuth-Scopes": self.scopes})

    async def _usergroups_users_list(self, request: web.Request, values: dict[str, Any]) -> web.StreamResponse:
        members = self.groups.get(str(values.get("usergroup")))
        if members is None:
            return web.json_response({"ok": False, "error": "no_such_subteam"})
        return web.json_response({"ok": True, "users": members})

    # Socket Mode

    async def _apps_connections_open(self, request: web.Request, values: dict[str, Any]) -> web.StreamResponse:
        if self.app_error is not None:
            return web.json_response({"ok": False, "error": self.app_error})
        if self.refuse_tickets > 0:
            self.refuse_tickets -= 1
            return web.Response(status=503)
        self.tickets += 1
        return web.json_response({"ok": True, "url": f"{self.url.replace('http', 'ws')}/link/{self.tickets}"})

    async def link(self, request: web.Request) -> web.StreamResponse:
        ticket = int(request.match_info["ticket"])
        if ticket in self.stale:
            return web.Response(status=410, text="this ticket was used or has expired")
        self.stale.add(ticket)
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        self.sockets.append(socket)
        self.opened += 1
        await socket.send_json({"type": "hello", "num_connections": self.num_connections})
        with contextlib.suppress(ConnectionError):
            async for frame in socket:
                if frame.type is aiohttp.WSMsgType.PING and not self.silent:
                    await socket.pong(frame.data)
                elif frame.type is aiohttp.WSMsgType.TEXT:
                    answer = json.loads(frame.data)
                    self.answers.append((time.monotonic(), answer["envelope_id"]))
        return socket

    async def press(
        self, action: str, alert_id: str, *, user: str = "U1", ts: str = "1.1", envelope: str = "e1"
    ) -> None:
        payload = {
            "type": "block_actions",
            "user": {"id": user, "username": f"name-{user}", "team_id": "T1"},
            "team": {"id": "T1"},
            "channel": {"id": CHANNEL},
            "message": {"ts": "1.0"},
            "actions": [{"action_id": action, "value": alert_id, "action_ts": ts, "type": "button"}],
        }
        await self.sockets[-1].send_json({"type": "interactive", "envelope_id": envelope, "payload": payload})

    async def say(self, frame: dict[str, Any]) -> None:
        await self.sockets[-1].send_json(frame)


@contextlib.asynccontextmanager
async def fake_slack(now: Callable[[], float] = time.time) -> AsyncGenerator[FakeSlack, None]:
    slack = FakeSlack(now=now)
    app = web.Application()
    app.router.add_route("*", "/api/{method}", slack.call)
    app.router.add_get("/link/{ticket}", slack.link)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    slack.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield slack
    finally:
        for socket in slack.sockets:
            await socket.close()
        await runner.cleanup()
