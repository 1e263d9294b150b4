"""A whole installation behind its HTTP API, with a render service whose every call is known."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from config.sections.api import CallbackSettings, WebhookSettings
from config.settings import ApiSettings, PipelineSettings, QueueSettings, Settings, StageSettings, StagesSettings
from console.bootstrap.daemon import Installation
from integrations.kit.serve import serve
from scheduler.domain.access import Role
from scheduler.ports.operations import Actor

ADMIN = Actor("root", "cli", role=Role.ADMIN)
PATIENCE_S = 90.0


@dataclass
class Rendered:
    """One call of the render service: which scene, and when on the service's clock."""

    heading: str
    at: float


@dataclass
class Manim:
    """A Manim API that holds every call as long as it is told to, and then answers as it is told to."""

    hold_s: float = 0.0
    answer: Callable[[], Response] = field(
        default=lambda: JSONResponse({"error": "this scene is wrong"}, status_code=422)
    )
    calls: list[Rendered] = field(default_factory=list[Rendered])
    at_once: int = 0
    most_at_once: int = 0

    async def render(self, request: Request) -> Response:
        body = await request.json()
        self.calls.append(Rendered(str(body["content"]["heading"]), asyncio.get_running_loop().time()))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.hold_s)
        finally:
            self.at_once -= 1
        return self.answer()

    async def health(self, _request: Request) -> Response:
        return JSONResponse({"status": "healthy"})

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/render", self.render, methods=["POST"]), Route("/health", self.health)])


@dataclass
class World:
    """An installation that runs, and clients of its API."""

    installation: Installation
    url: str
    client: httpx.AsyncClient
    manim: Manim

    def token(self, name: str, role: Role) -> Mapping[str, str]:
        secret = self.installation.operations.add_token(name, role=role, actor=ADMIN)
        return {"Authorization": f"Bearer {secret}"}

    async def submit(self, body: Mapping[str, Any], **headers: str) -> str:
        answer = await self.client.post("/render", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job_id"])

    async def job(self, job_id: str) -> dict[str, Any]:
        answer = await self.client.get(f"/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def busy(self) -> None:
        """Until the render service has its first call."""
        await eventually(lambda: bool(self.manim.calls))

    async def until(self, job_id: str, *words: str) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            while (job := await self.job(job_id))["status"] not in words:  # noqa: ASYNC110 - a caller can only ask
                await asyncio.sleep(0.05)
        return job


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something of this process holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - other loops and threads change it, too
            await asyncio.sleep(0.02)


def workflow(heading: str, **more: Any) -> dict[str, Any]:
    return {
        "job_type": "test",
        "workflow": [
            {"step": "manim", "scene_spec": {"scene_type": "point", "content": {"heading": heading}}},
            {"step": "tts", "text": "A short sentence to be spoken."},
            {"step": "revideo"},
        ],
        **more,
    }


def settings_for(home: Path, manim_url: str, api: Mapping[str, Any], **queue: Any) -> Settings:
    only = {
        "manim": StageSettings(providers=("manim-api",), attempts=4),
        "tts": StageSettings(providers=("silence",)),
        "revideo": StageSettings(providers=("local-composer",)),
        "upload": StageSettings(providers=("local-directory",)),
    }
    stages = StagesSettings().model_copy(update=only)
    base = Settings(home=home)
    return base.model_copy(
        update={
            "pipeline": PipelineSettings(stages=stages, jitter=0.0),
            "queue": QueueSettings(heartbeat_s=0.2, reap_s=0.2, poll_s=0.015, **queue),
            "schedules": {},
            "services": base.services.model_copy(
                update={"manim": base.services.manim.model_copy(update={"url": manim_url})}
            ),
            "api": ApiSettings(
                port=free_port(),
                rate_per_s=10_000,
                burst=10_000,
                callbacks=CallbackSettings(hosts=("127.0.0.1",), private=True, secret=SecretStr("a key for callbacks")),
                webhooks=WebhookSettings(secret=SecretStr("a key for webhooks")),
                **api,
            ),
        }
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def world(
    home: Path, manim: Manim | None = None, *, api: Mapping[str, Any] | None = None, **queue: Any
) -> AsyncGenerator[World]:
    """A daemon of kind ``serve`` in this process, and a client with an operator's token."""
    manim = manim or Manim()
    service = await serve(manim.app(), name="a Manim of the test")
    settings = settings_for(home, service.url, api or {}, **queue)
    stop, started = asyncio.Event(), asyncio.Event()
    try:
        with Installation(settings) as installation:
            running = asyncio.create_task(installation.daemon("serve").run(stop, started=started))
            up = asyncio.create_task(started.wait())
            await asyncio.wait({running, up}, return_when=asyncio.FIRST_COMPLETED)
            up.cancel()
            if running.done():
                await running
            url = f"http://127.0.0.1:{settings.api.port}"
            secret = installation.operations.add_token("tester", role=Role.OPERATOR, actor=ADMIN)
            try:
                async with httpx.AsyncClient(
                    base_url=url, headers={"Authorization": f"Bearer {secret}"}, timeout=60, trust_env=False
                ) as client:
                    yield World(installation, url, client, manim)
            finally:
                stop.set()
                await running
    finally:
        await service.stop()
