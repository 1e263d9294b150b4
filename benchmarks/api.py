"""The API under load: submissions and questions a second at 100 connections, while ten renders run.

    python -m benchmarks.api [--seconds 8] [--connections 100] [--renders 10]

The API runs alone in one process (``predawn api``) over SQLite with full durability, ten renders run in another
(``predawn worker``), and the clients in a third: all of it on this machine.
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


@dataclass(frozen=True, slots=True)
class Figure:
    """One kind of request under load."""

    name: str
    rate: float
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
    port: int, connections: int, seconds: float, request: Callable[[int], bytes]
) -> tuple[list[float], int, float]:
    """Latencies in seconds, errors, and the time it took."""
    latencies: list[float] = []
    errors = 0
    clients = [Connection("127.0.0.1", port) for _ in range(connections)]
    await asyncio.gather(*(client.open() for client in clients))
    until = time.perf_counter() + seconds

    async def work(number: int, client: Connection) -> None:
        nonlocal errors
        count = 0
        while time.perf_counter() < until:
            began = time.perf_counter()
            status = await client.ask(request(number * 1_000_000 + count))
            latencies.append(time.perf_counter() - began)
            errors += status not in {200, 202}
            count += 1

    began = time.perf_counter()
    await asyncio.gather(*(work(number, client) for number, client in enumerate(clients)))
    took = time.perf_counter() - began
    for client in clients:
        client.close()
    return latencies, errors, took


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
    payload = json.dumps({"brief": brief})
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> None:
        started.append(
            subprocess.Popen([sys.executable, "-m", "console.cli.main", *words], env=env, stderr=subprocess.DEVNULL)
        )

    figures: list[Figure] = []
    try:
        start("api")
        for _ in range(renders):
            predawn(env, "jobs", "submit", "daily_ca", "--payload", payload, "--priority", "high")
        if renders:
            start("worker")
        one = await ready(port, token, renders)

        def submit(number: int) -> bytes:
            question = json.dumps(
                {"job_type": "doubt", "input": {"question": f"What is number {number}?"}, "priority": "low"}
            )
            return head("POST", "/render", token, question.encode())

        status = head("GET", f"/jobs/{one}", token)
        asked: Sequence[tuple[str, Callable[[int], bytes]]] = (("status", lambda _number: status), ("submit", submit))
        for name, request in asked:
            running = await active(port, token)
            latencies, errors, took = await load(port, connections, seconds, request)
            figures.append(
                Figure(
                    name,
                    rate=len(latencies) / took,
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


async def ready(port: int, token: str, renders: int) -> str:
    """Wait until the API answers and the renders run; the id of a job."""
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        try:
            if await active(port, token) >= renders:
                break
        except OSError:
            pass
        await asyncio.sleep(0.2)
    client = Connection("127.0.0.1", port)
    await client.open()
    await client.ask(head("GET", "/jobs?limit=1", token))
    items: Any = json.loads(client.body)["items"]
    if not items:
        body = json.dumps({"job_type": "doubt", "input": {"question": "What is asked for?"}}).encode()
        await client.ask(head("POST", "/render", token, body))
        return str(json.loads(client.body)["job_id"])
    client.close()
    return str(items[0]["job_id"])


async def active(port: int, token: str) -> int:
    """How many renders run."""
    client = Connection("127.0.0.1", port)
    await client.open()
    await client.ask(head("GET", "/health", token))
    client.close()
    return int(json.loads(client.body)["active_jobs"])


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--renders", type=int, default=10)
    asked = parser.parse_args()
    print(f"{os.cpu_count()} CPUs, {asked.connections} connections, {asked.seconds:g} s each")
    print(f"{'':8} {'a second':>9} {'P50 ms':>8} {'P99 ms':>8} {'errors':>7} {'renders':>8}  target")
    for one in asyncio.run(measure(asked.seconds, asked.connections, asked.renders)):
        met = one.rate >= TARGETS[one.name] and one.p99_ms <= P99_MS
        print(
            f"{one.name:8} {one.rate:9,.0f} {one.p50_ms:8.1f} {one.p99_ms:8.1f} {one.errors:7} {one.renders:8}  "
            f"{TARGETS[one.name]:,.0f} a second, P99 {P99_MS:g} ms: {'met' if met else 'missed'}"
        )


if __name__ == "__main__":
    main()
