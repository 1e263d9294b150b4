"""Twenty renders against services that each fail 30 % of the time and hang 10 %: all on time, degraded ones marked."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any

import pytest
from matrix_media import RememberingMedia, memory_beside
from matrix_world import BRIEF, STARTED, Made, connected, finished, scaled
from starlette.types import ASGIApp, Receive, Scope, Send

from console.bootstrap.daemon import Installation
from integrations.local_services.faults import Fault, FaultKind
from integrations.local_services.faulty import FaultyApp
from integrations.local_services.running import LocalServices
from scheduler.domain.job import JobSpec, JobStatus

WHOLE = os.environ.get("PREDAWN_TEST_MATRIX") == "whole"
SEEDS = [int(seed) for seed in os.environ.get("PREDAWN_TEST_SEEDS", "20").split()]
"""Nights: what fails when. ``PREDAWN_TEST_SEEDS="1 2 3"`` runs several."""
RENDERS = 20
AT_ONCE = 3
FAILS, HANGS = 0.3, 0.1
DEADLINE_S = 60.0
FAILING = (Fault(FaultKind.HTTP, 500), Fault(FaultKind.GARBAGE), Fault(FaultKind.ERROR200))
STAND_INS = {
    "template-script",
    "static-cards",
    "cached-audio",
    "espeak",
    "silence",
    "orchestrator",
    "local-composer",
    "local-directory",
}
"""Providers that are not the first of their chain."""


class Moody:
    """``app`` on a bad night: whatever work it is asked for, it may hang for good or answer with an error of some kind.

    Asking how a job stands and fetching a file go well: what is rolled for is the work, not each of its twenty answers.
    """

    def __init__(self, app: ASGIApp, rng: Random, closing: asyncio.Event, told: Counter[str]) -> None:
        self._app = app
        self._rng = rng
        self._told = told
        self._failing = [FaultyApp(app, fault, rng=rng, closing=closing) for fault in FAILING]
        self._hanging = FaultyApp(app, Fault(FaultKind.HANG), rng=rng, closing=closing)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        draw = self._rng.random()
        if draw < HANGS:
            self._told["hung"] += 1
            await self._hanging(scope, receive, send)
        elif draw < HANGS + FAILS:
            self._told["failed"] += 1
            await self._rng.choice(self._failing)(scope, receive, send)
        else:
            self._told["answered"] += 1
            await self._app(scope, receive, send)


class MoodyServices(LocalServices):
    """The local services, all of them moody."""

    def __init__(self, home: Path, *, seed: int) -> None:
        super().__init__(RememberingMedia(memory_beside(home.parent)), home, dict.fromkeys(STARTED, 0))
        self.told: Counter[str] = Counter()
        self._dice = seed
        self._over = asyncio.Event()

    async def _program(self, name: str, fault: Fault | None, stack: AsyncExitStack) -> ASGIApp:
        app = await super()._program(name, fault, stack)
        return Moody(app, Random(f"{self._dice}:{name}"), self._over, self.told)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        await super().__aexit__(kind, error, trace)


@pytest.mark.skipif(not WHOLE, reason="minutes of rendering: `make matrix` runs it")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
async def test_on_a_night_when_services_fail_and_hang_every_video_is_out_on_time(
    tmp_path: Path, record_property: Any, seed: int
) -> None:
    settings = scaled(tmp_path, slots=AT_ONCE)
    services = MoodyServices(tmp_path / "services", seed=seed)
    slots = asyncio.Semaphore(AT_ONCE)
    async with services as started:
        with Installation(connected(settings, started.urls)) as installation:
            stop = asyncio.Event()
            running = asyncio.create_task(installation.daemon("render").run(stop))

            async def render(number: int) -> Made:
                async with slots:
                    # Each is the first of its own day, so that none replaces another's video.
                    brief = BRIEF | {"date": f"2026-11-{number + 1:02}"}
                    return await finished(installation, JobSpec("daily_ca", {"brief": brief}), deadline_s=DEADLINE_S)

            try:
                renders = await asyncio.gather(*(render(number) for number in range(RENDERS)))
            finally:
                stop.set()
                await running
    for number, one in enumerate(renders):
        record_property("row", json.dumps(row_of(seed, number, one)))
    told = services.told
    assert [one.detail.job.status for one in renders] == [JobStatus.COMPLETED] * RENDERS
    assert all(one.on_time for one in renders)
    for one in renders:
        assert one.detail.job.degraded == bool(STAND_INS & set(one.used))
    assert told["hung"] > told.total() * HANGS / 2, "it was a bad night"


def row_of(seed: int, number: int, done: Made) -> dict[str, Any]:
    return {
        "table": f"a night of services that fail 30 % of the time and hang 10 % (seed {seed})",
        "order": number,
        "case": f"render {number + 1}",
        "tried in vain": done.tried(),
        "used": ", ".join(name for name in done.used if name not in {"brief-check", "media-probe"}),
        "outcome": done.detail.job.status.value,
        "degraded": "degraded" if done.detail.job.degraded else "full",
        "seconds": f"{done.took_s:.1f}",
        "on time": "yes" if done.on_time else "NO",
    }
