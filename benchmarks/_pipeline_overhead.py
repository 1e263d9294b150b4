"""What a job costs in the pipeline when its stages cost nothing: the runner's own time and the store's."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, cast

import structlog

from integrations.kit.artifacts import artifact_of
from scheduler.domain.codec import brief_to_json, script_to_json
from scheduler.domain.content import Brief, Headline, Script, Segment, SegmentKind
from scheduler.domain.deadline import NEEDS
from scheduler.domain.job import JobSpec
from scheduler.domain.render import Artifact, StageName, StageOutput
from scheduler.pipeline.runner import PipelineRunner
from scheduler.pipeline.stages import Pipeline, Policy, Stage
from scheduler.ports.clock import SystemClock
from scheduler.ports.provider import Call
from scheduler.ports.store import Store
from scheduler.store import open_store

BRIEF = Brief(date(2026, 11, 20), "A day", (Headline("One", ("It happened.",), "PIB"),))
SEGMENT = Segment(0, SegmentKind.POINT, "One", ("It happened.",), "It happened.", 3.0, number=1)
SCRIPT = Script("A day", BRIEF.date, "en", (SEGMENT,))
WARM_UP = 5


@dataclass(frozen=True, slots=True)
class Overhead:
    """What was measured, milliseconds for each job (medians), in ``synchronous`` mode of SQLite.

    Attributes:
        calls: (name of the store's method, calls, milliseconds) for one job, dearest first.
        hops: milliseconds between the loop and the threads that the store's calls ran in.
    """

    synchronous: str
    jobs: int
    total: float
    store: float
    hops: float
    calls: tuple[tuple[str, float, float], ...]

    @property
    def rest(self) -> float:
        """The runner itself: tasks, checks of files, JSON."""
        return self.total - self.store - self.hops


class _Nothing:
    """A provider that has its output ready."""

    service = None

    def __init__(self, stage: StageName, video: Artifact) -> None:
        self.name = f"ready-{stage.value}"
        clip = {f"{role}/0": video for role in ("clip", "narration")}
        self._output = {
            StageName.BRIEF: StageOutput(data={"brief": brief_to_json(BRIEF)}),
            StageName.SCRIPT_GEN: StageOutput(data={"script": script_to_json(SCRIPT)}),
            StageName.REVIDEO: StageOutput(data={"duration_s": 3.0}, artifacts={"video": video}),
            StageName.VERIFY: StageOutput(data={"duration_s": 3.0}),
            StageName.UPLOAD: StageOutput(data={"video_url": video.path, "thumbnail_url": None}),
        }.get(stage, StageOutput(artifacts=clip))

    async def run(self, call: Call) -> StageOutput:  # noqa: ARG002 - a provider's signature
        """At once."""
        return self._output


class _Timed:
    """A store that notes how long each call takes, by name."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.spent: dict[str, list[float]] = {}

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return method(*args, **kwargs)
            finally:
                self.spent.setdefault(name, []).append(time.perf_counter() - began)

        return timed


def fsync_ms(folder: Path, *, times: int = 50) -> float:
    """What the disk takes to make one page safe: the floor under every commit that survives a power cut."""
    file = os.open(folder / "fsync", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        spent: list[float] = []
        for _ in range(times):
            began = time.perf_counter()
            os.write(file, bytes(4096))
            os.fsync(file)
            spent.append(time.perf_counter() - began)
    finally:
        os.close(file)
    return statistics.median(spent) * 1000


async def measure(folder: Path, synchronous: Literal["FULL", "NORMAL"], jobs: int) -> Overhead:
    """``jobs`` jobs one after another, each from its claim to its completion."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    store = open_store(f"sqlite:///{folder / f'{synchronous}.db'}", synchronous=synchronous)
    video = folder / "video.mp4"
    video.write_bytes(bytes(1024))
    artifact = artifact_of(video, "video/mp4")
    stages = tuple(Stage(name, Policy(), needs, (_Nothing(name, artifact),)) for name, needs in NEEDS.items())
    timed, waited = _Timed(store), [0.0]

    async def blocking(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            return await asyncio.to_thread(function, *args, **kwargs)
        finally:
            waited[0] += time.perf_counter() - began

    runner = PipelineRunner(
        cast("Store", timed), Pipeline(stages), SystemClock(), work_dir=folder / "work", blocking=blocking
    )
    totals: list[float] = []
    hops: list[float] = []
    stores: list[float] = []
    for number in range(jobs + WARM_UP):
        store.enqueue(JobSpec("daily_ca", {}))
        if number == WARM_UP:
            timed.spent.clear()
        waited[0], before = 0.0, sum(map(sum, timed.spent.values()))
        began = time.perf_counter()
        (lease,) = await blocking(timed.claim, "bench", limit=1, lease_s=30.0)
        result = await runner.run(lease, lease_s=30.0)
        await blocking(timed.complete, lease, result)
        totals.append(time.perf_counter() - began)
        stores.append(sum(map(sum, timed.spent.values())) - before)
        hops.append(waited[0] - stores[-1])
    store.close()
    calls = sorted(
        ((name, len(spent) / jobs, sum(spent) / jobs * 1000) for name, spent in timed.spent.items()),
        key=lambda row: -row[2],
    )

    def median_ms(seconds: list[float]) -> float:
        return statistics.median(seconds[WARM_UP:]) * 1000

    return Overhead(synchronous, jobs, median_ms(totals), median_ms(stores), median_ms(hops), tuple(calls))


def run(jobs: int) -> tuple[Overhead, Overhead, float]:
    """With every commit safe, with the disk left out of it, and what one fsync takes (ms)."""
    with tempfile.TemporaryDirectory(prefix="predawn-bench-") as name:
        folder = Path(name)
        full = asyncio.run(measure(folder, "FULL", jobs))
        normal = asyncio.run(measure(folder, "NORMAL", jobs))
        return full, normal, fsync_ms(folder)
