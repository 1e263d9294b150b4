"""What the console reads over all jobs, on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from store_world import World

from scheduler.domain.job import JobSpec
from scheduler.domain.render import Attempt, AttemptStatus, StageName
from scheduler.domain.service import Probe
from scheduler.ports.store import Store


def add_calls(store: Store, count: int) -> list[Attempt]:
    calls: list[Attempt] = []
    for n in range(count):
        store.enqueue(JobSpec("daily_ca", idempotency_key=f"n{n}"))
        lease = store.claim("w", limit=1, lease_s=60)[0]
        render = store.start_render(lease, correlation_id="c")
        assert render is not None
        call = Attempt(
            id=f"{n:08x}-0000-4000-8000-000000000000",
            render_id=render.id,
            job_id=lease.job.id,
            stage=StageName.TTS,
            provider="espeak",
            status=AttemptStatus.STARTED,
            started_at=render.started_at + timedelta(seconds=n),
        )
        store.start_attempt(call)
        calls.append(call)
    return calls


def test_the_last_attempts_of_all_jobs_oldest_first(world: World) -> None:
    calls = add_calls(world.store, 3)
    assert [one.id for one in world.store.recent_attempts(limit=2)] == [one.id for one in calls[1:]]
    assert len({one.job_id for one in world.store.recent_attempts(limit=9)}) == 3


def test_attempts_as_they_were_at_a_moment(world: World) -> None:
    calls = add_calls(world.store, 3)
    before = calls[1].started_at + timedelta(milliseconds=1)
    assert calls[2].id not in [one.id for one in world.store.recent_attempts(limit=9, before=before)]


def test_probes_of_one_service_as_they_were(world: World) -> None:
    at = world.store.enqueue(JobSpec("daily_ca")).job.created_at
    first = Probe("manim", at, ok=True, latency_ms=1.5)
    probes = [replace(first, at=at + timedelta(seconds=n), latency_ms=float(n)) for n in range(4)]
    for probe in (*probes, Probe("tts", at, ok=False, error="refused")):
        world.store.add_probe(probe)
    assert world.store.recent_probes("manim", limit=2) == probes[2:]
    assert world.store.recent_probes("manim", limit=9, before=probes[2].at) == probes[:2]


def test_who_looked_when(world: World) -> None:
    store = world.store
    assert store.last_seen("ann") is None
    store.seen("ann")
    first = store.last_seen("ann")
    assert first is not None
    assert first.tzinfo is not None
    world.advance(60)
    store.seen("ann")
    store.seen("bob")
    second = store.last_seen("ann")
    assert second is not None
    assert second - first >= timedelta(seconds=59)
