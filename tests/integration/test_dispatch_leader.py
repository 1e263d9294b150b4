"""Two daemons on one database: one schedules, the other stands by and takes over."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import time
from pathlib import Path
from typing import Any

from config.settings import QueueSettings
from scheduler.daemon import STANDBY, Daemon, Parts
from scheduler.domain.schedule import ScheduleDefinition
from scheduler.ports.clock import SystemClock
from scheduler.schedules.leader import ROLE, Leadership
from scheduler.schedules.timer import Timer
from scheduler.store import open_store
from scheduler.testing import FakeClock, MemoryStore

NIGHTLY = ScheduleDefinition("nightly", "daily_ca", "0 3 * * *", "Asia/Kolkata", time(6, 0))


async def now(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def leadership(store: MemoryStore, holder: str, clock: FakeClock) -> Leadership:
    return Leadership(store, holder, clock, ttl_s=15, blocking=now)


async def test_a_stand_by_takes_over_when_the_leader_falls_silent() -> None:
    clock = FakeClock()
    store = MemoryStore(clock)
    first, second = leadership(store, "far/1/1/a", clock), leadership(store, "far/2/2/b", clock)
    assert await first.renew()
    assert not await second.renew()
    assert (first.leads, second.leads) == (True, False)
    clock.advance(15)
    assert not first.leads, "a leader that was not heard for its whole time must not believe in itself"
    assert await second.renew()
    assert not await first.renew()
    assert (first.leads, second.leads) == (False, True)


async def test_a_leader_that_is_a_dead_process_of_this_machine_is_followed_at_once() -> None:
    clock = FakeClock()
    store = MemoryStore(clock)
    dead = f"{socket.gethostname().replace('/', '-')}/{2**22 + 1}/1/dead"
    store.lead(ROLE, dead, ttl_s=15)
    assert await leadership(store, "here/1/1/a", clock).renew()


async def test_only_the_leader_fires_and_the_next_one_catches_up() -> None:
    clock = FakeClock()
    store = MemoryStore(clock)
    leaders = [leadership(store, f"far/{n}/{n}/x", clock) for n in (1, 2)]
    timers = [Timer(store, [NIGHTLY], clock, leadership=one, blocking=now) for one in leaders]
    for timer in timers:
        await timer.begin()
    clock.advance(86_400)  # past the next start, and past the leader's time
    await timers[1].look()
    assert not store.list().items
    assert await leaders[1].renew()
    await timers[1].look()
    await timers[0].look()
    assert len(store.list().items) == 1


async def test_a_second_daemon_shows_as_stand_by_and_takes_over_when_the_first_stops(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    clock, settings = SystemClock(), QueueSettings(leader_s=1)
    names = ("far/1/1/a", "far/2/2/b")
    stores = [open_store(url) for _ in names]
    stops = [asyncio.Event() for _ in names]
    tasks: list[asyncio.Task[None]] = []
    for name, store, stop in zip(names, stores, stops, strict=True):
        started = asyncio.Event()
        timer = Timer(store, [NIGHTLY], clock, leadership=Leadership(store, name, clock, ttl_s=settings.leader_s))
        daemon = Daemon(name, "serve", Parts(timer=timer), store, clock)
        tasks.append(asyncio.create_task(daemon.run(stop, started=started)))
        await asyncio.wait_for(started.wait(), 10)
    await until(lambda: len(stores[0].processes()) == 2)
    assert {info.id: info.kind for info in stores[0].processes()} == {names[0]: "serve", names[1]: STANDBY}
    stops[0].set()
    await tasks[0]
    await until(lambda: (leader := stores[1].leader(ROLE)) is not None and leader.holder == names[1])
    stops[1].set()
    await tasks[1]
    for store in stores:
        store.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for is in a database
            await asyncio.sleep(0.01)
