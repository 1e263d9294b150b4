from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from config.settings import Settings
from scheduler.api.app import make_api
from scheduler.domain.job import JobSpec, QueueDepth
from scheduler.operations import StoreOperations
from scheduler.ports.store import StoreUnavailableError
from scheduler.testing import FakeClock, MemoryStore


def operations(clock: FakeClock) -> tuple[StoreOperations, MemoryStore]:
    store = MemoryStore(clock)
    return StoreOperations(store, Settings(home=Path("/nowhere")), clock, job_types={}, chains={}), store


async def ask(over: StoreOperations) -> httpx.Response:
    transport = httpx.ASGITransport(make_api(over, version="1.2.3"))
    async with httpx.AsyncClient(transport=transport, base_url="http://predawn") as client:
        return await client.get("/health")


async def test_health_tells_the_queue_and_the_active_jobs() -> None:
    over, store = operations(FakeClock())
    for _ in range(3):
        store.enqueue(JobSpec("daily_ca"))
    store.claim("someone", limit=1, lease_s=30)
    answer = await ask(over)
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "healthy"
    assert body["active_jobs"] == 1
    assert body["queue"]["queued"] == 2
    assert body["version"] == "1.2.3"


async def test_health_is_503_when_the_database_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    over, store = operations(FakeClock())

    def gone() -> QueueDepth:
        raise StoreUnavailableError("the database is locked")

    monkeypatch.setattr(store, "depth", gone)
    answer = await ask(over)
    assert answer.status_code == 503
    assert answer.json()["status"] == "unhealthy"
    assert "locked" in answer.json()["error"]
