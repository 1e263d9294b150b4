from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from integrations.health.http_check import judge, make_check
from scheduler.domain.service import Probe, ServiceState
from scheduler.health.standing import standing
from scheduler.ports.clock import SystemClock

BEGIN = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)


def stand(pattern: str, *, age_s: float = 1.0) -> tuple[ServiceState, int]:
    """Fold probes written as ``+`` good, ``-`` bad, ``~`` degraded."""
    probes = [
        Probe("manim", BEGIN + timedelta(seconds=10 * n), ok=sign != "-", degraded=sign == "~", latency_ms=4.0)
        for n, sign in enumerate(pattern)
    ]
    now = (probes[-1].at if probes else BEGIN) + timedelta(seconds=age_s)
    health = standing("manim", "http://127.0.0.1:5000", probes, now=now, stale_s=60)
    return health.state, health.consecutive


@pytest.mark.parametrize(
    ("pattern", "state"),
    [
        ("", ServiceState.UNKNOWN),
        ("+", ServiceState.UP),
        ("-", ServiceState.UNKNOWN),
        ("--", ServiceState.UNKNOWN),
        ("--+", ServiceState.UP),
        ("---", ServiceState.DOWN),
        ("+-", ServiceState.UP),
        ("+--", ServiceState.UP),
        ("+---", ServiceState.DOWN),
        ("+---+", ServiceState.DOWN),
        ("+---++", ServiceState.UP),
        ("+~", ServiceState.DEGRADED),
        ("+~+", ServiceState.UP),
        ("+-+-+-", ServiceState.UP),
    ],
)
def test_states_follow_from_probes_in_a_row(pattern: str, state: ServiceState) -> None:
    assert stand(pattern)[0] is state


def test_a_stale_probe_tells_nothing() -> None:
    assert stand("++", age_s=61)[0] is ServiceState.UNKNOWN


def test_what_was_known_before_nobody_looked_for_a_while_does_not_count() -> None:
    probes = [
        Probe("m", BEGIN, ok=True, latency_ms=3.0),
        Probe("m", BEGIN + timedelta(hours=8), ok=False, error="nothing answers"),
    ]
    health = standing("m", "u", probes, now=probes[-1].at, stale_s=60)
    assert health.state is ServiceState.UNKNOWN
    assert health.reason == "failed 1 of the 3 times that make it down: nothing answers"


def test_latencies_of_failed_probes_are_gaps() -> None:
    probes = [Probe("m", BEGIN, ok=True, latency_ms=3.0), Probe("m", BEGIN, ok=False)]
    assert standing("m", "u", probes, now=BEGIN, stale_s=60).latencies_ms == (3.0, None)


@pytest.mark.parametrize(
    ("status", "body", "ok", "degraded"),
    [
        (200, b'{"status": "healthy"}', True, False),
        (200, b'{"status": "ok"}', True, False),
        (200, b'{"active_jobs": 1}', True, False),
        (200, b"OK", True, False),
        (204, b"", True, False),
        (200, b'{"status": "degraded"}', True, True),
        (200, b'{"status": "unhealthy"}', False, False),
        (200, b"<html>502</html>", False, False),
        (503, b'{"status": "healthy"}', False, False),
        (301, b"", False, False),
    ],
)
def test_what_an_answer_means(status: int, body: bytes, ok: bool, degraded: bool) -> None:
    judged = judge(status, body)
    assert judged[:2] == (ok, degraded)
    assert (judged[2] is None) is (ok and not degraded)


async def _server(answer: bytes | None) -> tuple[asyncio.Server, int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if answer is None:
                await reader.read()
            else:
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def test_a_check_of_a_real_server_measures_its_latency() -> None:
    body = b'{"status":"healthy"}'
    server, port = await _server(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
    async with server, httpx.AsyncClient() as client:
        probe = await make_check("manim", f"http://127.0.0.1:{port}", client, SystemClock(), timeout_s=2)()
    assert probe.ok
    assert probe.http_status == 200
    assert probe.latency_ms is not None


async def test_a_check_of_a_server_that_hangs_ends_in_time() -> None:
    server, port = await _server(None)
    async with server, httpx.AsyncClient() as client:
        probe = await make_check("manim", f"http://127.0.0.1:{port}", client, SystemClock(), timeout_s=0.2)()
    assert not probe.ok
    assert probe.error == "no answer within 0.2 s"


async def test_a_check_where_nothing_listens_says_so() -> None:
    server, port = await _server(None)
    server.close()
    await server.wait_closed()
    async with httpx.AsyncClient() as client:
        probe = await make_check("manim", f"http://127.0.0.1:{port}", client, SystemClock(), timeout_s=2)()
    assert not probe.ok
    assert "nothing answers" in (probe.error or "")
