"""The API under load: submissions and questions a second at 100 connections, while ten renders run.

    python -m benchmarks.api [--seconds 8] [--connections 100] [--renders 10]

The API runs alone in one process (``predawn api``) over SQLite with full durability, ten renders run in another
(``predawn worker``), and the clients in a third: all of it on this machine.

Each kind of request is measured twice. *Paced*: requests come at the target's rate, evenly, whether those before them
are answered or not; a request's time counts from the moment at which it was due. *Flat out*: every connection asks
again as soon as it is answered, which shows how many a second there can be; times are then those of the waiting line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks._api_client import Connection, percentile
from config.settings import SHIPPED_BRIEFS

READY_S = 60.0
TARGETS = {"submit": 500.0, "status": 1_500.0}
P99_MS = 50.0
WARM_S = 1.0
"""Seconds at the beginning that do not count: statements and routes are compiled when they are first used."""
ROUNDS = 4
"""Renders in the queue by one that runs: they must not run out."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One kind of request under load.

    Attributes:
        asked: requests a second that came; None: as many as were answered.
        cpu_ms: CPU time of the API's process by request.
        renders: the fewest that ran, before and after.
    """

    name: str
    asked: float | None
    rate: float
    cpu_ms: float
    p50_ms: float
    p99_ms: float
    errors: int
    renders: int


def environment(home: Path, port: int) -> dict[str, str]:
    """Settings of the processes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREDAWN_")}
    return kept | {
        "PREDAWN_HOME": str(home),
        "PREDAWN_API__PORT": str(port),
        "PREDAWN_API__RATE_PER_S": "1000000",
        "PREDAWN_API__BURST": "1000000",
        "PREDAWN_SERVICES__MANIM__ENABLED": "false",
        "PREDAWN_SERVICES__REVIDEO__ENABLED": "false",
        "PREDAWN_SERVICES__ORCHESTRATOR__ENABLED": "false",
        "PREDAWN_PIPELINE__ROUTES": '{ doubt = "pipeline" }',
    }


def predawn(env: dict[str, str], *words: str) -> str:
    """One command."""
    done = subprocess.run(
        [sys.executable, "-m", "console.cli.main", *words], env=env, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


async def load(
    port: int, connections: int, seconds: float, request: Callable[[int], bytes], *, rate: float | None
) -> tuple[list[float], int, float]:
    """Latencies in seconds, errors, and the time it took; ``rate``: requests a second that come (None: flat out)."""
    latencies: list[float] = []
    errors = 0
    clients = [Connection("127.0.0.1", port) for _ in range(connections)]
    await asyncio.gather(*(client.open() for client in clients))
    began = time.perf_counter() + 0.1
    counted = began + WARM_S
    until = counted + seconds
    pause = None if rate is None else connections / rate

    async def work(number: int, client: Connection) -> None:
        nonlocal errors
        count = 0
        due = began if pause is None else began + pause * number / connections
        while due < until:
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            status = await client.ask(request(number * 1_000_000 + count))
            ended = time.perf_counter()
            errors += status not in {200, 202}
            if due >= counted:
                latencies.append(ended - due)
            count += 1
            due = ended if pause is None else due + pause

    await asyncio.gather(*(work(number, client) for number, client in enumerate(clients)))
    took = time.perf_counter() - counted
    for client in clients:
        client.close()
    return latencies, errors, took


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    """CPU time that a process has taken, user and system."""
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def head(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """A request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", f"Authorization: Bearer {token}"]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def measure(seconds: float, connections: int, renders: int) -> list[Figure]:
    """All figures."""
    home, port = Path(tempfile.mkdtemp(prefix="predawn-bench-api-")), 18_103
    env = environment(home, port)
    token = predawn(env, "token", "add", "bench", "--role", "operator")
    brief = str(min(SHIPPED_BRIEFS.glob("*.md")))
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> None:
        started.append(
            subprocess.Popen([sys.executable, "-m", "console.cli.main", *words], env=env, stderr=subprocess.DEVNULL)
        )

    figures: list[Figure] = []
    try:
        start("api")
        await ready(port, token)
        body = json.dumps({"job_type": "daily_ca", "input": {"brief": brief}, "priority": "high"}).encode()
        asked_for = [await ask(port, head("POST", "/render", token, body)) for _ in range(renders * ROUNDS or 1)]
        if renders:
            start("worker")
        await ready(port, token, renders)

        def submit(number: int) -> bytes:
            question = json.dumps(
                {"job_type": "doubt", "input": {"question": f"What is number {number}?"}, "priority": "low"}
            )
            return head("POST", "/render", token, question.encode())

        status = head("GET", f"/jobs/{asked_for[-1]['job_id']}", token)
        asked: Sequence[tuple[str, Callable[[int], bytes]]] = (("status", lambda _number: status), ("submit", submit))
        for (name, request), rate in [(one, rate) for one in asked for rate in (TARGETS[one[0]], None)]:
            running, spent = await active(port, token), cpu_s(started[0])
            latencies, errors, took = await load(port, connections, seconds, request, rate=rate)
            spent = cpu_s(started[0]) - spent
            running = min(running, await active(port, token))
            figures.append(
                Figure(
                    name,
                    asked=rate,
                    rate=len(latencies) / took,
                    cpu_ms=spent / len(latencies) * 1000,
                    p50_ms=percentile(latencies, 0.5) * 1000,
                    p99_ms=percentile(latencies, 0.99) * 1000,
                    errors=errors,
                    renders=running,
                )
            )
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
    return figures


async def ready(port: int, token: str, renders: int = 0) -> None:
    """Wait until the API answers and so many renders run."""
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        try:
            if await active(port, token) >= renders:
                return
        except OSError:
            pass
        await asyncio.sleep(0.2)
    raise TimeoutError(f"{renders} renders do not run after {READY_S:g} s")


async def ask(port: int, request: bytes) -> Any:
    """One answer, over a connection of its own."""
    client = Connection("127.0.0.1", port)
    await client.open()
    await client.ask(request)
    client.close()
    return json.loads(client.body)


async def active(port: int, token: str) -> int:
    """How many renders run."""
    return int((await ask(port, head("GET", "/health", token)))["active_jobs"])


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--renders", type=int, default=10)
    asked = parser.parse_args()
    print(f"{os.cpu_count()} CPUs, {asked.connections} connections, {asked.seconds:g} s each\n")
    print(
        "| requests | come a second | answered a second | P50 ms | P99 ms | CPU ms each | errors | renders | target |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|---|")
    for one in asyncio.run(measure(asked.seconds, asked.connections, asked.renders)):
        if one.asked is None:
            come, target = "flat out", f"{TARGETS[one.name]:,.0f} a second: {said(one.rate >= TARGETS[one.name])}"
        else:
            come, target = f"{one.asked:,.0f}", f"P99 {P99_MS:g} ms: {said(one.p99_ms <= P99_MS)}"
        print(
            f"| {one.name} | {come} | {one.rate:,.0f} | {one.p50_ms:.1f} | {one.p99_ms:.1f} | {one.cpu_ms:.2f} "
            f"| {one.errors} | {one.renders} | {target} |",
            flush=True,
        )


def said(met: bool) -> str:  # noqa: FBT001 - the one thing it says
    """In a word."""
    return "met" if met else "missed"


if __name__ == "__main__":
    main()
