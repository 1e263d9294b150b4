"""kill -9 at every boundary of transition, lease, send and record: nothing is lost, nothing comes twice.

The short form kills 20 processes on SQLite and 10 on PostgreSQL; ``make chaos-alerts`` kills 200 on each.
"""

from __future__ import annotations

import asyncio
import importlib
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alerts_victim import BOUNDARIES, run
from psycopg import sql

from scheduler.domain.outbox import DeliveryState
from scheduler.store import open_store

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "integration"))

LONG = os.environ.get("PREDAWN_TEST_CHAOS") == "long"
KILLS, ROUNDS = (200, 10) if LONG else (20, 1)


@pytest.fixture
def forks(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Processes that fork from one that has everything imported: starting 200 would take longer than they live."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parents[1])]))
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["alerts_victim", "scheduler.store.sql_store"])
    return context


async def victim(forks: Any, *arguments: object) -> int:
    process = forks.Process(target=run, args=arguments)
    process.start()
    await asyncio.to_thread(process.join, 90)
    assert process.exitcode is not None
    return int(process.exitcode)


@pytest.mark.timeout(3600)
async def test_kills_at_every_boundary_lose_nothing_and_double_nothing_on_sqlite(tmp_path: Path, forks: Any) -> None:
    await keeps_the_promise([f"sqlite:///{tmp_path / f'{number}.db'}" for number in range(ROUNDS)], forks, KILLS)


@pytest.mark.timeout(3600)
async def test_kills_at_every_boundary_lose_nothing_and_double_nothing_on_postgresql(
    postgresql: str, forks: Any
) -> None:
    kills = KILLS if LONG else 10
    await keeps_the_promise([new_database(postgresql, f"round{number}") for number in range(ROUNDS)], forks, kills)


def new_database(server: str, name: str) -> str:
    """A database of its own, so that each round begins with nothing told."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


async def keeps_the_promise(urls: Sequence[str], forks: Any, kills: int) -> None:
    """So many kills, shared out over the databases: every alert is told, and none twice."""
    # By its name: the type checker does not see the path that was added above.
    fake_slack: Any = importlib.import_module("alerts_slack").fake_slack
    slack: Any

    per_round = kills // len(urls)
    totals: Counter[str] = Counter()
    async with fake_slack() as slack:
        for url in urls:
            store = open_store(url, synchronous="NORMAL")
            before = len(slack.messages)
            killed = 0
            for kill in range(per_round):
                boundary = BOUNDARIES[kill % len(BOUNDARIES)]
                # Each process has a new trouble to tell beside those before, so that every boundary is really passed.
                code = await victim(forks, url, slack.url, boundary, 1, kill + 1)
                killed += code == -9
            assert await victim(forks, url, slack.url, "none", 1, per_round) == 0
            told = Counter(
                str(message.metadata["event_payload"]["alert"])
                for message in slack.messages[before:]
                if message.thread_ts is None
            )
            alerts = store.alerts(limit=1000).items
            rows = store.deliveries(limit=1000).items
            assert len(alerts) == per_round
            assert all(row.state in {DeliveryState.SENT, DeliveryState.SUPERSEDED} for row in rows)
            totals["kills"] += killed
            totals["alerts"] += len(alerts)
            totals["lost"] += sum(1 for alert in alerts if told[alert.id] == 0)
            totals["twice"] += sum(count - 1 for count in told.values() if count > 1)
            store.close()
        totals["looked for"] = sum(1 for _, method, _ in slack.calls if method == "conversations.history")
    print(f"\nalerts under kill -9, {sa.make_url(urls[0]).get_backend_name()}: {dict(totals)}")
    assert totals["kills"] == kills
    assert totals["looked for"] >= kills // len(BOUNDARIES)  # each kill between send and record leaves a doubt
    assert (totals["lost"], totals["twice"]) == (0, 0)
