"""What probes come to, and what becomes of a service's state through it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.sections.health import HealthSettings
from integrations.health.connectivity import make_connectivity
from integrations.health.http_check import alive
from scheduler.domain.service import HOUR_S, WINDOW_S, Maintenance, Probe, Rollup, ServiceState
from scheduler.health.prober import Prober
from scheduler.health.rollups import percentile, roll_up, slow_since, spans_between
from scheduler.health.standing import standing
from scheduler.testing import FakeClock, MemoryStore

BEGIN = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return BEGIN + timedelta(minutes=minutes)


def window(minutes: int, p95_ms: float | None, *, probes: int = 20, failures: int = 0) -> Rollup:
    return Rollup("manim", at(minutes), WINDOW_S, probes, failures, p95_ms, p95_ms, p95_ms, p95_ms)


def test_percentiles_are_of_the_nearest_rank() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([], 0.95) is None


def test_a_rollup_counts_what_lies_in_its_span() -> None:
    probes = [
        Probe("manim", at(-1), ok=True, latency_ms=999),
        Probe("manim", at(0), ok=True, latency_ms=10),
        Probe("manim", at(1), ok=True, latency_ms=30),
        Probe("manim", at(2), ok=False),
        Probe("manim", at(3), ok=False, doubtful=True),
        Probe("manim", at(5), ok=True, latency_ms=999),
    ]
    rolled = roll_up("manim", BEGIN, WINDOW_S, probes)
    assert rolled == Rollup("manim", BEGIN, WINDOW_S, 3, 1, 10, 30, 30, 30)
    assert rolled is not None
    assert rolled.availability == pytest.approx(2 / 3)
    assert roll_up("manim", at(60), WINDOW_S, probes) is None


def test_only_spans_that_are_over_are_rolled_up() -> None:
    assert spans_between(at(1), at(4.9), WINDOW_S) == []
    assert spans_between(at(1), at(11), WINDOW_S) == [at(0), at(5)]


@pytest.mark.parametrize(
    ("p95s", "since"),
    [
        ([2000, 2000, 2000], 0),
        ([100, 2000, 2000], None),
        ([2000, 2000, 100], None),
        ([2000, None, 2000], None),
        ([2000, 2000], None),
        ([2000, 2000, 2000, 2000], 0),
        ([100, 2000, 2000, 2000], 5),
    ],
)
def test_slow_is_three_windows_in_a_row_over_the_threshold(p95s: list[float | None], since: int | None) -> None:
    windows = [window(5 * n, p95) for n, p95 in enumerate(p95s)]
    found = slow_since(windows, at(5 * len(p95s) + 1), slow_ms=1500)
    assert found == (None if since is None else at(since))


def test_a_window_with_hardly_a_good_probe_says_nothing_of_speed() -> None:
    windows = [window(5 * n, 2000, probes=20, failures=18) for n in range(3)]
    assert slow_since(windows, at(16), slow_ms=1500) is None


def test_a_slow_service_is_degraded_and_says_why() -> None:
    windows = [window(5 * n, 2000) for n in range(3)]
    probes = [Probe("manim", at(15), ok=True, latency_ms=2000)]
    health = standing("manim", "u", probes, now=at(15.1), stale_s=60, windows=windows, slow_ms=1500)
    assert (health.state, health.since) == (ServiceState.DEGRADED, BEGIN)
    assert "1500 ms" in health.reason


def test_maintenance_is_shown_until_it_is_over() -> None:
    out = Maintenance("manim", at(10), BEGIN, "asha (cli)")
    assert standing("manim", "u", [], now=at(9), stale_s=60, maintenance=out).maintenance == out
    assert standing("manim", "u", [], now=at(10), stale_s=60, maintenance=out).maintenance is None


@pytest.mark.parametrize(
    ("status", "body", "ok"),
    [
        (200, b'{"object": "list", "data": []}', True),
        (404, b"", True),
        (405, b"", True),
        (400, b'{"statusCode": "404"}', True),
        (401, b"", False),
        (403, b"", False),
        (429, b"", False),
        (503, b"", False),
        (200, b"<html>", False),
    ],
)
def test_signs_of_life(status: int, body: bytes, ok: bool) -> None:
    assert alive(status, body)[0] is ok


class Room:
    """A prober over fake services whose answers a test sets."""

    def __init__(self, *services: str, elsewhere: bool = True, connected: bool = True) -> None:
        self.clock = FakeClock(BEGIN)
        self.store = MemoryStore(self.clock)
        self.answers: dict[str, Probe] = {}
        self.asked = 0
        self.connected = connected
        self.takes_s, self.fails_for = 0.0, 10_000
        settings = HealthSettings(interval_s=15, slow_ms=1500)

        def check(service: str):
            async def probe() -> Probe:
                self.asked += 1
                self.clock.advance(self.takes_s)
                if self.asked > self.fails_for:
                    self.answers.clear()
                ok = self.answers.get(service, Probe(service, BEGIN, ok=True, latency_ms=5.0, http_status=200))
                return Probe(
                    service,
                    self.clock.now(),
                    ok=ok.ok,
                    latency_ms=ok.latency_ms,
                    http_status=ok.http_status,
                    error=ok.error,
                )

            return probe

        async def reach() -> bool:
            return self.connected

        async def here(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        self.prober = Prober(
            self.store,
            {service: check(service) for service in services},
            dict.fromkeys(services, "https://example.net"),
            settings,
            self.clock,
            elsewhere=services if elsewhere else (),
            connected=reach,
            blocking=here,
        )

    def fails(self, *services: str) -> None:
        for service in services:
            self.answers[service] = Probe(service, BEGIN, ok=False, error="nothing answers")

    async def rounds(self, count: int, *, every_s: float = 15) -> dict[str, ServiceState]:
        found: dict[str, ServiceState] = {}
        for _ in range(count):
            self.clock.advance(every_s)
            found = {health.service: health.state for health in await self.prober.probe_now()}
        return found


async def test_all_down_at_once_is_unknown_when_nothing_else_can_be_reached_either() -> None:
    room = Room("manim", "revideo", connected=False)
    assert await room.rounds(2) == {"manim": ServiceState.UP, "revideo": ServiceState.UP}
    room.fails("manim", "revideo")
    assert set((await room.rounds(5)).values()) == {ServiceState.UNKNOWN}
    health = room.prober.health("manim")
    assert health is not None
    assert "our own connection" in health.reason
    assert not room.prober.is_down("manim")
    room.connected = True
    assert set((await room.rounds(3)).values()) == {ServiceState.DOWN}


async def test_one_down_is_down_and_so_are_all_while_others_answer() -> None:
    room = Room("manim", "revideo", connected=False)
    room.fails("manim")
    assert await room.rounds(3) == {"manim": ServiceState.DOWN, "revideo": ServiceState.UP}
    near = Room("manim", "revideo", elsewhere=False, connected=False)
    near.fails("manim", "revideo")
    assert set((await near.rounds(3)).values()) == {ServiceState.DOWN}


async def test_changes_of_state_are_kept_with_time_and_reason_once() -> None:
    room = Room("manim")
    await room.rounds(2)
    room.fails("manim")
    await room.rounds(6)
    changes = room.store.transitions("manim")
    assert [(change.before, change.after) for change in changes] == [
        (ServiceState.UP, ServiceState.DOWN),
        (ServiceState.UNKNOWN, ServiceState.UP),
    ]
    assert changes[0].reason == "nothing answers"
    assert changes[0].at == BEGIN + timedelta(seconds=75)


async def test_slow_answers_become_rollups_and_then_a_degraded_service() -> None:
    room = Room("manim")
    room.answers["manim"] = Probe("manim", BEGIN, ok=True, latency_ms=1800.0, http_status=200)
    assert await room.rounds(50) == {"manim": ServiceState.UP}
    assert await room.rounds(13) == {"manim": ServiceState.DEGRADED}
    assert [one.p95_ms for one in room.store.rollups("manim", WINDOW_S)] == [1800.0] * 3
    await room.rounds(200)
    (hour,) = room.store.rollups("manim", HOUR_S)
    assert (hour.start, hour.failures, hour.p99_ms) == (BEGIN, 0, 1800.0)
    room.answers.clear()
    assert await room.rounds(45) == {"manim": ServiceState.UP}


async def test_before_a_render_only_services_nobody_has_looked_at_are_probed() -> None:
    room = Room("manim", "revideo")
    await room.prober.before_render()
    assert room.asked == 2
    await room.prober.before_render()
    assert room.asked == 2
    room.clock.advance(31)
    room.store.set_maintenance("manim", for_s=60, by="asha (cli)")
    await room.prober.before_render()
    assert room.asked == 4
    health = room.prober.health("manim")
    assert health is not None
    assert health.maintenance is not None
    room.clock.advance(60)
    health = room.prober.health("manim")
    assert health is not None
    assert health.maintenance is None


@pytest.mark.parametrize(
    ("takes_s", "fails_for", "asked", "state"),
    [
        (0.01, 10, 3, ServiceState.DOWN),
        (0.01, 2, 3, ServiceState.UP),
        (0.01, 1, 2, ServiceState.UP),
        # Nobody waits three time-outs for a render to begin: it is found out by calling.
        (3.0, 10, 1, ServiceState.UNKNOWN),
    ],
)
async def test_three_failures_make_down_also_of_a_service_that_nobody_knows(
    takes_s: float, fails_for: int, asked: int, state: ServiceState
) -> None:
    room = Room("manim")
    room.fails("manim")
    room.takes_s, room.fails_for = takes_s, fails_for
    await room.prober.before_render()
    health = room.prober.health("manim")
    assert health is not None
    assert (room.asked, health.state) == (asked, state)


async def test_connectivity_is_one_address_that_takes_a_connection() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert await make_connectivity(["127.0.0.1:1", f"127.0.0.1:{port}"], timeout_s=5)()
    assert not await make_connectivity(["127.0.0.1:1"], timeout_s=5)()
    assert await make_connectivity([], timeout_s=5)()
