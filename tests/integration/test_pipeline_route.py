"""A job on a route: handed over as a whole, with the pipeline as its fallback."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline_scene import Maker, Scene

from scheduler.domain.failure import FailureClass, RenderFailedError, StageFailure
from scheduler.domain.job import JobSpec, Lease
from scheduler.domain.render import StageName, StageOutput
from scheduler.job_types import ORCHESTRATOR
from scheduler.pipeline.routes import Routes, whole_route
from scheduler.pipeline.stages import Policy
from scheduler.ports.provider import Call
from scheduler.ports.store import Store
from scheduler.store import open_store

BRIEF, SCRIPT, REVIDEO = StageName.BRIEF, StageName.SCRIPT_GEN, StageName.REVIDEO
VERIFY, UPLOAD = StageName.VERIFY, StageName.UPLOAD
BROKEN = StageFailure.invalid_output("not a video")


class Whole(Maker):
    """Makes the whole video from the brief alone."""

    async def make(self, call: Call, *, up_to: int = 0) -> StageOutput:
        assert call.script is None
        assert call.needed_brief().title == "Today"
        assert set(call.inputs) == {BRIEF}
        return StageOutput(data={"duration_s": 9.0, "whole": True}, artifacts={"video": self.write(call, "whole.mp4")})


class Hang:
    """A call that never ends."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def __call__(self, _: Call) -> None:
        self.begun.set()
        await asyncio.Event().wait()


class RouteScene(Scene):
    """A scene with a route beside its pipeline."""

    def __init__(self, store: Store, folder: Path) -> None:
        super().__init__(store, folder)
        self.whole = Whole("orchestrator-route", service="orchestrator")
        self.attempts = 2

    def ways(self) -> Routes:
        pipeline = self.pipeline()
        whole = whole_route(pipeline, self.whole, timeout_s=5, attempts=self.attempts)
        return Routes(pipeline, whole={ORCHESTRATOR: whole}, by_type={"doubt": ORCHESTRATOR})

    def enqueue(self, *, deadline_in_s: float | None = None) -> str:
        job_id = super().enqueue(deadline_in_s=deadline_in_s)
        self.store.cancel(job_id, by="test")
        deadline = self.store.get(job_id).deadline_at
        return self.store.enqueue(JobSpec("doubt", {"question": "Why?"}, deadline_at=deadline)).job.id

    async def stopped(self, lease: Lease, hang: Hang) -> None:
        """Run the job until ``hang`` is called, and then no further."""
        running = asyncio.create_task(self.run(lease))
        async with asyncio.timeout(5):
            await hang.begun.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    def used(self) -> list[tuple[str, str, str, bool]]:
        """Every row of the last render in short."""
        return [(row.stage.value, row.provider, row.status.value, row.resumed) for row in self.rows()]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[RouteScene]:
    store = open_store(f"sqlite:///{tmp_path / 'predawn.db'}", synchronous="NORMAL")
    yield RouteScene(store, tmp_path)
    store.close()


async def test_a_route_that_works_is_all_there_is(scene: RouteScene) -> None:
    result = await scene.render()

    assert [row[:2] for row in scene.used()] == [
        ("brief", "check"),
        ("revideo", "orchestrator-route"),
        ("verify", "probe"),
        ("upload", "folder"),
    ]
    assert (result.degraded, result.duration) == (False, 9.5)
    assert result.video_url.endswith("whole.mp4")
    assert scene.progress[-1][0] == 1.0


async def test_a_route_that_fails_is_followed_by_the_pipeline_in_the_same_render(scene: RouteScene) -> None:
    scene.whole.plays = [BROKEN, BROKEN]

    result = await scene.render()

    assert [row[1:3] for row in scene.used() if row[0] == "revideo"] == [
        ("orchestrator-route", "failed"),
        ("orchestrator-route", "failed"),
        ("revideo-api", "completed"),
    ]
    assert [row for row in scene.used() if row[0] == "brief"] == [
        ("brief", "check", "completed", False),
        ("brief", "check", "completed", True),
    ]
    assert result.degraded, "the pipeline is second choice here"
    assert scene.progress == sorted(scene.progress, key=lambda said: said[0]), "progress never falls"


async def test_a_whole_video_that_is_rejected_is_made_by_the_pipeline(scene: RouteScene) -> None:
    scene.policies[VERIFY] = Policy(attempts=1)
    scene.first(VERIFY).plays = [BROKEN]

    result = await scene.render()

    assert [row[1:3] for row in scene.used() if row[0] in {"revideo", "verify"}] == [
        ("orchestrator-route", "completed"),
        ("probe", "failed"),
        ("revideo-api", "completed"),
        ("probe", "completed"),
    ]
    assert result.degraded


@pytest.mark.parametrize("stage", [BRIEF, UPLOAD])
async def test_what_the_pipeline_would_do_alike_is_not_done_twice(scene: RouteScene, stage: StageName) -> None:
    scene.first(stage).plays = [StageFailure.invalid_input("wrong")]

    with pytest.raises(RenderFailedError, match="wrong") as caught:
        await scene.render()

    assert caught.value.error.stage == stage.value
    assert "script_gen" not in {row[0] for row in scene.used()}


async def test_without_time_for_both_the_route_is_left_out(scene: RouteScene) -> None:
    # Nothing is known of the route: it is taken to need 30 s, and the pipeline behind it 14.
    result = await scene.render(deadline_in_s=40)

    assert scene.whole.calls == []
    (skipped,) = [row for row in scene.rows(REVIDEO) if row.provider == "orchestrator-route"]
    assert skipped.detail == {"skipped": "deadline"}
    assert result.degraded


async def test_a_crash_on_the_route_goes_on_there_and_publishes_once(scene: RouteScene) -> None:
    hang = Hang()
    scene.first(UPLOAD).plays = [hang]
    scene.enqueue()
    lease = scene.claim()
    await scene.stopped(lease, hang)

    result = await scene.run(scene.crash(lease))

    assert len(scene.whole.calls) == 1
    assert not result.degraded
    assert [row[3] for row in scene.used()] == [True, True, True, False]


async def test_a_crash_after_the_route_failed_goes_on_in_the_pipeline(scene: RouteScene) -> None:
    hang = Hang()
    scene.whole.plays = [StageFailure.invalid_input("no such thing")]
    scene.first(StageName.MANIM).plays = [hang]
    scene.enqueue()
    lease = scene.claim()
    await scene.stopped(lease, hang)

    result = await scene.run(scene.crash(lease))

    assert len(scene.whole.calls) == 1, "the route had its chance"
    assert result.degraded, "and what follows is second choice, also after a crash"


async def test_a_rejected_video_of_the_route_is_not_taken_over_after_a_crash(scene: RouteScene) -> None:
    hang = Hang()
    scene.policies[VERIFY] = Policy(attempts=1)
    scene.first(VERIFY).plays = [BROKEN]
    scene.first(REVIDEO).plays = [hang]
    scene.enqueue()
    lease = scene.claim()
    await scene.stopped(lease, hang)

    result = await scene.run(scene.crash(lease))

    assert result.video_url.endswith("video.mp4")
    assert [row[1] for row in scene.used() if row[0] == "revideo"] == ["revideo-api"]


async def test_when_both_fail_the_pipelines_failure_is_told(scene: RouteScene) -> None:
    scene.whole.plays = [StageFailure.invalid_input("not this")]
    scene.first(REVIDEO).plays = [StageFailure.invalid_input("nor that")]

    with pytest.raises(RenderFailedError, match="nor that") as caught:
        await scene.render()

    assert caught.value.error.type is FailureClass.INVALID_INPUT
    (failed,) = [job for job in scene.store.list().items if job.job_type == "doubt"]
    assert len(scene.store.failures(failed.id)) == 1
