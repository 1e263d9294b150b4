"""The dead-man's switch and the last resort: what is heard when predawn itself is in trouble."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest
from aiohttp import web
from alerts_world import START, Mailbox, a_job, a_run, at_once, failures, free_port, mail_server
from sqlalchemy import event
from test_alerts_faults import tell

from config.sections.alerts import AlertSettings, DeadmanSettings, EmailSettings, RuleSettings
from integrations.deadman.sender import DeadmanSender, ping
from integrations.email.sender import compose, post
from integrations.kit.http import open_client
from integrations.kit.notices import Letter
from scheduler.alerting.delivery import DeliveryLoop, Lane
from scheduler.alerting.evaluator import Evaluator
from scheduler.alerting.extras import nightly_pings
from scheduler.alerting.liveness import Liveness, Signs, stale
from scheduler.alerting.observation import Observation
from scheduler.domain.job import JobStatus
from scheduler.domain.outbox import DeliveryState, NewDelivery
from scheduler.ports.store import StoreUnavailableError
from scheduler.store import open_store
from scheduler.store.sql_store import SqlStore
from scheduler.testing import FakeClock, MemoryStore


class Check:
    """An outside check on loopback: remembers its pings."""

    def __init__(self) -> None:
        self.pings: list[str] = []
        self.status = 200
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/{tail:.*}", self._ping)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        port = free_port()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{port}/abc"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _ping(self, request: web.Request) -> web.Response:
        self.pings.append(request.path)
        return web.Response(status=self.status, text="OK")


async def test_10_a_frozen_evaluator_ends_the_liveness_pings_while_the_process_lives() -> None:
    clock, store = FakeClock(START), MemoryStore()
    thaw = asyncio.Event()
    frozen = False

    async def blocking(work: Callable[..., Any], *args: Any, **values: Any) -> Any:
        if frozen:
            await thaw.wait()
        return work(*args, **values)

    settings = AlertSettings(deadman=DeadmanSettings(every_s=300, fresh_s=180))
    evaluator = Evaluator(store, lambda: Observation(clock.now()), settings, clock, "me", blocking=blocking)
    async with Check() as check, open_client(loopback=True) as client:
        live = Liveness(
            settings.deadman,
            clock,
            vitals=evaluator.vitals,
            scheduler=clock.monotonic,
            delivering=clock.monotonic,
            ping=lambda: ping(client, check.url),
        )
        for _ in range(3):
            await evaluator.tick()
            assert await live.beat()
            clock.advance(60)
        assert check.pings == ["/abc"] * 3
        frozen = True
        stuck = asyncio.create_task(evaluator.tick())
        for _ in range(5):
            await asyncio.sleep(0)
            clock.advance(60)
            await live.beat()
        assert len(check.pings) <= 5
        before = len(check.pings)
        for _ in range(5):
            clock.advance(60)
            assert not await live.beat()
        assert len(check.pings) == before
        thaw.set()
        await stuck
        assert await live.beat()
        tell(10, "evaluator frozen, process alive", None, "liveness pings stop within 3 min and go on when it thaws")


async def test_10_a_locked_database_still_gets_an_email_out(tmp_path: Path) -> None:
    path, box = tmp_path / "p.db", Mailbox()
    clock, store = FakeClock(START), open_store(f"sqlite:///{path}", busy_timeout_s=0.05)
    with mail_server(box) as port:
        email = EmailSettings(host="127.0.0.1", port=port, starttls=False, to=("ops@example.org",))

        async def alarm(subject: str, text: str) -> None:
            await post(email, compose(email, Letter(subject, text)))

        settings = AlertSettings(email=email)
        evaluator = Evaluator(
            store, lambda: Observation(clock.now()), settings, clock, "me", alarm=alarm, blocking=at_once
        )
        await evaluator.tick()
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        for _ in range(20):
            await evaluator.tick()
            clock.advance(30)
        assert len(box.mails) == 1
        assert "is locked by another process" in box.text()
        holder.execute("ROLLBACK")
        holder.close()
        await evaluator.tick()
        assert evaluator.vitals.wrote == clock.monotonic()
    store.close()
    tell(10, "locked database", None, "1 e-mail after 2 min, without the database")


async def test_10_a_full_disk_still_gets_an_email_out(tmp_path: Path) -> None:
    clock, store = FakeClock(START), open_store(f"sqlite:///{tmp_path / 'p.db'}", busy_timeout_s=0.05)
    told: list[str] = []

    async def alarm(_subject: str, text: str) -> None:
        told.append(text)

    settings = AlertSettings(rules=RuleSettings(undeliverable_s=60))
    evaluator = Evaluator(
        store,
        lambda: Observation(clock.now(), ended=failures(3)),
        settings,
        clock,
        "me",
        slack=True,
        alarm=alarm,
        blocking=at_once,
    )
    fill(store)
    for _ in range(10):
        await evaluator.tick()
        clock.advance(30)
    store.close()
    assert len(told) == 1
    assert "full" in told[0]
    tell(10, "full disk", None, "1 e-mail, without the database")


def fill(store: SqlStore) -> None:
    """Let the file take not one page more, which is what a full disk is to SQLite, and use up what is left in it."""
    with store.database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()

    @event.listens_for(store.database.engine, "begin")
    def _full(connection: Any) -> None:  # pyright: ignore[reportUnusedFunction] - SQLAlchemy calls it
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    def use_up(size: int) -> None:
        for _ in range(500):
            store.enqueue_deliveries([NewDelivery("none", "test", "x", payload={"text": "x" * size})])

    for size in (4000, 400, 40, 1):
        with pytest.raises(StoreUnavailableError, match="disk is full"):
            use_up(size)


async def test_the_night_pings_once_for_each_thing_that_happens() -> None:
    store = MemoryStore()
    async with Check() as check, open_client(loopback=True) as client:
        lane = Lane(DeadmanSender(client, check.url))
        loop = DeliveryLoop(store, [lane], "me", rng=random.Random(1), blocking=at_once)
        job = a_job(1, JobStatus.PROCESSING, started_at=START)
        for look in (
            Observation(START, runs=(a_run(job=None),)),
            Observation(START, runs=(a_run(job=job),)),
            Observation(START, runs=(a_run(job=job),)),
            Observation(START, runs=(a_run(job=job, ready_at=START),)),
        ):
            store.enqueue_deliveries(nightly_pings(look))
        while await loop.step(lane) == 0:
            pass
        assert check.pings == ["/abc/start", "/abc"]
        assert all(row.state is DeliveryState.SENT for row in store.deliveries().items)


async def test_a_check_that_is_not_there_is_told_precisely() -> None:
    async with Check() as check, open_client(loopback=True) as client:
        check.status = 404
        answer = await ping(client, check.url)
        assert "404" in str(answer)
        check.status = 503
        assert "503" in str(await ping(client, check.url))


def test_staleness_names_what_is_old() -> None:
    fresh = Signs(100, 100, 100, 100, 0)
    assert stale(fresh, now=100, fresh_s=10, outbox_age_s=60) == ()
    old = Signs(None, 80, 95, 80, 61)
    assert stale(old, now=100, fresh_s=10, outbox_age_s=60) == ("scheduler", "rules", "outbox loop", "outbox age")
