"""A pipeline of small real providers over a real SQLite store, with a clock moved by hand: for the pipeline's tests."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from config.settings import DeadlineSettings, EstimateSettings
from integrations.kit.artifacts import artifact_of
from scheduler.domain.codec import brief_to_json, script_to_json
from scheduler.domain.content import Brief, Headline, Script, Segment, SegmentKind
from scheduler.domain.deadline import NEEDS
from scheduler.domain.failure import StageFailure
from scheduler.domain.job import JobResult, JobSpec, Lease
from scheduler.domain.render import Attempt, StageName, StageOutput
from scheduler.domain.service import ServiceHealth
from scheduler.pipeline.ledger import Blocking
from scheduler.pipeline.routes import Routes
from scheduler.pipeline.runner import PipelineRunner
from scheduler.pipeline.stages import Pipeline, Policy, Stage
from scheduler.ports.clock import Clock
from scheduler.ports.provider import Call, Provider
from scheduler.ports.store import Store
from scheduler.testing import FakeClock

BRIEF = Brief(date(2026, 11, 20), "Today", (Headline("One", ("It happened.",), "PIB"),))
SEGMENTS = tuple(
    Segment(index, kind, f"Card {index}", (f"Line {index}",), f"Narration {index}.", 3.0)
    for index, kind in enumerate((SegmentKind.INTRO, SegmentKind.POINT, SegmentKind.OUTRO))
)
SCRIPT = Script("Today", date(2026, 11, 20), "en", SEGMENTS)
OWNER, LEASE_S = "worker-1", 30.0

Play = BaseException | Callable[[Call], Awaitable[StageOutput | None]]
"""What a provider does at a call instead of its work: raise, or run this (None: and then do its work)."""

FIRST = {
    StageName.BRIEF: "check",
    StageName.SCRIPT_GEN: "template",
    StageName.MANIM: "manim-api",
    StageName.TTS: "voice",
    StageName.REVIDEO: "revideo-api",
    StageName.VERIFY: "probe",
    StageName.UPLOAD: "folder",
}


@dataclass
class Maker:
    """A provider that writes real files. Segment stages keep a part for each segment.

    Attributes:
        plays: what happens at its first calls, one after another; after them it does its work.
        takes_s: seconds by which each call moves the clock.
        calls: the calls it got.
        made: names of the parts it made, in order.
    """

    name: str
    service: str | None = None
    plays: list[Play] = field(default_factory=list[Play])
    takes_s: float = 0.0
    clock: FakeClock | None = None
    degraded: bool = False
    calls: list[Call] = field(default_factory=list[Call])
    made: list[str] = field(default_factory=list[str])

    async def run(self, call: Call) -> StageOutput:
        self.calls.append(call)
        if self.clock is not None:
            self.clock.advance(self.takes_s)
        play = self.plays.pop(0) if self.plays else None
        if isinstance(play, BaseException):
            raise play
        instead = await play(call) if play is not None else None
        return instead or await self.make(call)

    async def make(self, call: Call, *, up_to: int = len(SEGMENTS)) -> StageOutput:
        match call.stage:
            case StageName.BRIEF:
                return StageOutput(data={"brief": brief_to_json(BRIEF)}, degraded=self.degraded)
            case StageName.SCRIPT_GEN:
                assert call.brief == BRIEF
                return StageOutput(data={"script": script_to_json(SCRIPT)})
            case StageName.MANIM | StageName.TTS:
                return await self._segments(call, up_to)
            case StageName.REVIDEO:
                assert {"clip/0", "clip/1", "clip/2"} <= set(call.inputs[StageName.MANIM].artifacts)
                return StageOutput(data={"duration_s": 9.0}, artifacts={"video": self.write(call, "video.mp4")})
            case StageName.VERIFY:
                assert "video" in call.inputs[StageName.REVIDEO].artifacts
                return StageOutput(data={"duration_s": 9.5})
            case StageName.UPLOAD:
                video = call.inputs[StageName.REVIDEO].artifacts["video"]
                return StageOutput(data={"video_url": Path(video.path).as_uri(), "thumbnail_url": None})

    async def _segments(self, call: Call, up_to: int) -> StageOutput:
        role = "clip" if call.stage is StageName.MANIM else "narration"
        parts = dict(call.parts)
        for segment in call.needed_script().segments[:up_to]:
            part = str(segment.index)
            if part not in parts:
                parts[part] = StageOutput(artifacts={role: self.write(call, f"{role}-{part}.bin")})
                self.made.append(part)
                await call.save_part(part, parts[part])
                call.progress(len(parts) / len(SEGMENTS), "")
        return StageOutput(artifacts={f"{role}/{part}": output.artifacts[role] for part, output in parts.items()})

    def write(self, call: Call, name: str) -> Any:
        path = call.workdir / name
        path.write_text(f"{self.name} {name} {len(self.calls)}", encoding="utf-8")
        return artifact_of(path, "application/octet-stream")


class Scene:
    """A store, a job under a lease, a pipeline of makers, and a runner for it."""

    def __init__(self, store: Store, folder: Path, clock: Clock | None = None) -> None:
        self.store = store
        self.folder = folder
        # The database has a clock of its own, which sets the time limit: both begin at the same time.
        self.moved = FakeClock(datetime.now(UTC))
        self.clock: Clock = clock or self.moved
        self.waits: list[float] = []
        self.progress: list[tuple[float, str]] = []
        self.policies: dict[StageName, Policy] = {}
        self.health: dict[str, ServiceHealth] = {}
        self.estimates: dict[str, tuple[float, float]] = {}
        self.blocking: Blocking = asyncio.to_thread
        self.sleep: Callable[[float], Awaitable[None]] = self._sleep
        self.chains: dict[StageName, list[Any]] = {stage: [Maker(name)] for stage, name in FIRST.items()}

    def chain(self, stage: StageName, *providers: Maker) -> None:
        self.chains[stage] = list(providers)

    def first(self, stage: StageName) -> Maker:
        return self.chains[stage][0]

    def pipeline(self) -> Pipeline:
        stages: list[Stage] = []
        for name, needs in NEEDS.items():
            chain: tuple[Provider, ...] = tuple(self.chains[name])
            stages.append(Stage(name, self.policies.get(name, Policy(timeout_s=5)), needs, chain))
        return Pipeline(tuple(stages))

    def ways(self) -> Pipeline | Routes:
        return self.pipeline()

    def runner(self) -> PipelineRunner:
        estimates = {
            maker.name: EstimateSettings(p50_s=p50, p90_s=p90)
            for chain in self.chains.values()
            for maker in chain
            for p50, p90 in [self.estimates.get(maker.name, (1, 2))]
        }
        return PipelineRunner(
            self.store,
            self.ways(),
            self.clock,
            work_dir=self.folder / "work",
            deadline=DeadlineSettings(estimates=estimates, margin_s=0),
            health=self.health.get,
            blocking=self.blocking,
            rng=random.Random(7),
            sleep=self.sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.moved.advance(seconds)
        await asyncio.sleep(0)

    def enqueue(self, *, deadline_in_s: float | None = None) -> str:
        deadline = None if deadline_in_s is None else self.clock.now() + timedelta(seconds=deadline_in_s)
        return self.store.enqueue(JobSpec("daily_ca", {"brief": "x"}, deadline_at=deadline)).job.id

    def claim(self, owner: str = OWNER) -> Lease:
        (lease,) = self.store.claim(owner, limit=1, lease_s=LEASE_S)
        return lease

    async def run(self, lease: Lease) -> JobResult:
        return await self.runner().run(
            lease, lease_s=LEASE_S, report=lambda progress, stage: self.progress.append((progress, stage))
        )

    async def render(self, *, deadline_in_s: float | None = None) -> JobResult:
        """One job from the queue to its result (which is not written to the job: the worker does that)."""
        self.enqueue(deadline_in_s=deadline_in_s)
        return await self.run(self.claim())

    async def kept(self, stage: StageName, lease: Lease) -> None:
        """Wait until the checkpoint of a stage is there."""
        while not any(c.stage is stage and not c.part for c in self.store.checkpoints(lease.job.id)):  # noqa: ASYNC110 - the database has no event
            await asyncio.sleep(0.01)

    def crash(self, lease: Lease) -> Lease:
        """The worker dies; another one claims the job."""
        self.store.expire_owner(lease.owner)
        while not self.store.reap().expired:
            """The lease ends with this millisecond: it is over at the latest when the next one begins."""
        return self.claim("worker-2")

    def rows(self, stage: StageName | None = None) -> list[Attempt]:
        (render,) = self._renders()[-1:]
        return [row for row in self.store.attempts(render_id=render.id) if stage in {None, row.stage}]

    def _renders(self) -> list[Any]:
        return [render for job in self.store.list().items for render in self.store.renders(job.id)]

    def told(self, stage: StageName) -> list[tuple[str, str, str | None]]:
        """The rows of a stage in short: provider, status, class."""
        return [
            (row.provider, row.status.value, row.error_class.value if row.error_class else None)
            for row in self.rows(stage)
        ]


def busy(times: int = 1) -> list[Play]:
    return [StageFailure.api_error("503 from the service", status=503) for _ in range(times)]


def patient(policy: Policy | None = None, **changes: Any) -> Policy:
    return replace(policy or Policy(timeout_s=5, jitter=0.0), **changes)


def by_stage(rows: list[Attempt]) -> Mapping[StageName, list[Attempt]]:
    found: dict[StageName, list[Attempt]] = {}
    for row in rows:
        found.setdefault(row.stage, []).append(row)
    return found
