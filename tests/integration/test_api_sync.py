"""How remote work stands, asked of an API that runs apart from the worker: the worker's process asks the service."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_world import Manim, World, eventually, workflow, world
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from console.bootstrap.api import api_options
from console.bootstrap.reading import make_operations, open_installation_store
from integrations.kit import remote_job
from integrations.kit.serve import serve
from scheduler.api.app import make_api
from scheduler.api.context import nobody
from scheduler.domain.access import Role
from scheduler.domain.callback import signature

pytestmark = pytest.mark.timeout(120)


@dataclass
class Remote(Manim):
    """A Manim API that answers with a job, and counts how often it is asked how that stands."""

    answer: Callable[[], Response] = lambda: JSONResponse({"job_id": "remote-7", "status": "queued"})
    progress: int = 40
    asked: int = 0

    async def state(self, _request: Request) -> Response:
        self.asked += 1
        return JSONResponse({"job_id": "remote-7", "status": "processing", "progress": self.progress})

    def app(self) -> Starlette:
        app = super().app()
        app.routes.append(Route("/jobs/remote-7", self.state))
        return app


@pytest.fixture(autouse=True)
def _hourly(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction] - pytest calls it
    """By itself the worker would look after an hour."""

    def hourly(_poll_s: float) -> Iterator[float]:
        return itertools.repeat(3600.0)

    monkeypatch.setattr(remote_job, "poll_delays", hourly)


@asynccontextmanager
async def api_apart(here: World) -> AsyncGenerator[httpx.AsyncClient]:
    """Another API over the same database, which shares nothing else with the daemon."""
    settings = here.installation.settings
    store = open_installation_store(settings)
    api = make_api(make_operations(settings, store), replace(api_options(settings), nudge=nobody))
    served = await serve(api, name="api apart", grace_s=0)
    try:
        async with httpx.AsyncClient(
            base_url=served.url, headers=here.token("viewer", Role.VIEWER), timeout=60, trust_env=False
        ) as client:
            yield client
    finally:
        await served.stop()
        await api.close()
        store.close()


async def sync(client: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    answer = await client.post(f"/api/videos/{job_id}/sync")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_api_apart_has_the_service_asked_and_tells_what_it_said(tmp_path: Path) -> None:
    remote = Remote()
    async with world(tmp_path, remote) as here, api_apart(here) as apart:
        job_id = await here.submit(workflow("far away"))
        await here.busy()
        before = await here.job(job_id)
        async with asyncio.timeout(60):
            while not remote.asked:  # the worker may not wait yet
                await sync(apart, job_id)
        first = await sync(apart, job_id)
        assert (first["status"], first["synced"]) == ("processing", True)
        assert first["progress"] > before["progress"], "what the service said is written down before it is told"

        asked = remote.asked
        many = await asyncio.gather(*(sync(apart, job_id) for _ in range(8)))
        assert all(one["synced"] for one in many)
        assert remote.asked <= asked + 1, "one look answers all"

        asked = remote.asked
        body = json.dumps({"job_id": "remote-7", "status": "completed"}).encode()
        signed = {"X-Predawn-Signature": signature("a key for webhooks", body, datetime.now(UTC))}
        taken = await apart.post("/webhooks/video-complete", content=body, headers=signed)
        assert (taken.status_code, taken.json()["known"]) == (202, False)
        await eventually(lambda: remote.asked > asked)
        await here.client.delete(f"/jobs/{job_id}")
        await here.until(job_id, "cancelled")
        assert (await sync(apart, job_id))["status"] == "cancelled"


async def test_work_of_our_own_is_known_as_it_is_and_work_of_a_lost_worker_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, Manim(hold_s=600.0), slots=1) as here, api_apart(here) as apart:
        job_id = await here.submit(workflow("here"))
        await here.busy()
        with monkeypatch.context() as patient:
            patient.setattr("scheduler.api.videos.SYNC_S", 60.0)
            assert (await sync(apart, job_id))["synced"] is True
        monkeypatch.setattr("scheduler.api.videos.SYNC_S", 0.3)
        await here.submit(workflow("lost"))
        (lost,) = here.installation.store.claim("a worker that is gone", limit=1, lease_s=60)
        answer = await sync(apart, lost.job.id)
        assert (answer["status"], answer["synced"]) == ("processing", False)
        await here.client.delete(f"/jobs/{job_id}")
