"""The embedded dispatcher: hears of what others write, and costs next to nothing while nobody does."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from dispatch_world import fresh_database, postgresql_server, url_of

from scheduler.domain.job import JobSpec, Priority
from scheduler.ports.store import StoreUnavailableError
from scheduler.queue.embedded import EmbeddedDispatcher
from scheduler.queue.notices import Notices
from scheduler.store import open_store


class Looks:
    """A worker's hands that note when they were told to look."""

    slots = 10
    free = 10

    def __init__(self) -> None:
        self.times: list[float] = []
        self.again = asyncio.Event()

    def look(self) -> None:
        self.times.append(time.monotonic())
        self.again.set()

    async def take(self, job_id: str) -> bool:
        raise NotImplementedError

    async def next(self) -> None:
        self.again.clear()
        await asyncio.wait_for(self.again.wait(), 5)


async def settled(looks: Looks, poll_s: float) -> None:
    """Wait until nothing was heard for a few polls."""
    while True:
        seen = len(looks.times)
        await asyncio.sleep(poll_s * 5)
        if len(looks.times) == seen:
            return


async def test_a_write_of_another_process_is_heard_within_a_few_polls_and_silence_wakes_nobody(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    store, other = open_store(url), open_store(url)
    looks, stop = Looks(), asyncio.Event()
    running = asyncio.create_task(EmbeddedDispatcher(store.data_version, poll_s=0.015).run(looks, stop))
    await settled(looks, 0.015)
    quiet = len(looks.times)
    took: list[float] = []
    for _ in range(5):
        await asyncio.to_thread(other.enqueue, JobSpec("daily_ca"))
        written = time.monotonic()
        if len(looks.times) == quiet:
            await looks.next()
        took.append(looks.times[-1] - written)
        await settled(looks, 0.015)
        quiet = len(looks.times)
    stop.set()
    await running
    store.close()
    other.close()
    assert min(took) < 0.05
    assert not [thread for thread in threading.enumerate() if thread.name == "dispatcher"]


async def test_a_database_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler.queue.embedded.RETRY_S", 0.02)
    away = True

    def version() -> int:
        if away:
            raise StoreUnavailableError("locked")
        return 1

    looks, stop = Looks(), asyncio.Event()
    running = asyncio.create_task(EmbeddedDispatcher(version, poll_s=0.01).run(looks, stop))
    await asyncio.sleep(0.1)
    assert len(looks.times) == 1  # the one at the start
    away = False
    await looks.next()
    stop.set()
    await running


async def test_wake_lets_the_worker_look_at_once() -> None:
    looks, stop = Looks(), asyncio.Event()
    dispatcher = EmbeddedDispatcher(lambda: 1, poll_s=60)
    dispatcher.wake()  # before it runs: nobody to wake, nothing breaks
    running = asyncio.create_task(dispatcher.run(looks, stop))
    await asyncio.sleep(0)
    seen = len(looks.times)
    dispatcher.wake()
    assert len(looks.times) == seen + 1
    stop.set()
    await running


async def test_on_postgresql_what_anyone_queues_is_heard_and_a_lost_connection_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.queue.notices.RETRY_S", 0.05)
    listening = "SELECT pid FROM pg_stat_activity WHERE application_name = 'predawn notices' AND datname = %s"
    with postgresql_server(tmp_path) as server, fresh_database(server) as name:
        url = url_of(server, name)
        store, looks, stop = open_store(url), Looks(), asyncio.Event()
        # It polls once a minute: what is heard within seconds was said.
        dispatcher = EmbeddedDispatcher(store.data_version, poll_s=60, listen=Notices(url).listen)
        running = asyncio.create_task(dispatcher.run(looks, stop))

        async def heard(act: Callable[[], object]) -> None:
            looks.again.clear()
            seen = len(looks.times)
            await asyncio.to_thread(act)
            while len(looks.times) == seen:
                await looks.next()

        with psycopg.connect(url, autocommit=True) as other:
            await looks.next()  # it listens
            await heard(lambda: other.execute("INSERT INTO jobs (job_type, payload) VALUES ('daily_ca', '{}')"))
            job = store.enqueue(JobSpec("daily_ca")).job
            store.cancel(job.id, by="ann")
            await settled(looks, 0.05)
            await heard(lambda: store.retry(job.id, by="ann"))
            await settled(looks, 0.05)
            quiet = len(looks.times)
            store.set_priority(job.id, Priority.HIGH)  # wakes, and does no harm
            assert len(store.claim("w", limit=9, lease_s=9)) == 2
            await settled(looks, 0.05)
            assert len(looks.times) <= quiet + 1  # claims are no news
            (pid,) = other.execute(listening, (name,)).fetchone() or (0,)
            await heard(lambda: other.execute("SELECT pg_terminate_backend(%s)", (pid,)))
            await heard(lambda: other.execute("INSERT INTO jobs (job_type, payload) VALUES ('daily_ca', '{}')"))
        stop.set()
        await asyncio.wait_for(running, 5)
        store.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "notices"]
