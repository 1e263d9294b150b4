"""Stages that plug-ins add: where they run, what they change, and what their failure costs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pipeline_scene import Maker, Scene, busy

from scheduler.domain.failure import FailureClass, RenderFailedError, StageFailure
from scheduler.domain.job import Lease
from scheduler.domain.render import StageName, StageOutput
from scheduler.pipeline.added import LEFT_OUT, AddedStage, extended, problem_of
from scheduler.pipeline.routes import Routes, whole_route
from scheduler.pipeline.stages import Policy
from scheduler.pipeline.views import stage_views
from scheduler.ports.provider import Call
from scheduler.ports.store import Store
from scheduler.store import open_store

REVIDEO, VERIFY, UPLOAD = StageName.REVIDEO, StageName.VERIFY, StageName.UPLOAD
STAMP = StageName("stamp")


class Stamp(Maker):
    """Puts another video over the composed one."""

    async def make(self, call: Call, *, up_to: int = 0) -> StageOutput:
        assert call.needed_script().title == "Today"
        below = call.inputs[REVIDEO]
        return StageOutput(data={"stamped": below.provider}, artifacts={"video": self.write(call, "stamped.mp4")})


class StampedScene(Scene):
    """A scene whose pipeline has a stage more."""

    def __init__(self, store: Store, folder: Path) -> None:
        super().__init__(store, folder)
        self.stamp = Stamp("stamper")
        self.chains[STAMP] = [self.stamp]  # for its estimate
        self.added = AddedStage("stamp", (self.stamp,), after=(REVIDEO,), before=(VERIFY,), over=REVIDEO)

    def ways(self) -> Routes:
        return Routes(self.pipeline(), added=(self.added,))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[StampedScene]:
    store = open_store(f"sqlite:///{tmp_path / 'predawn.db'}")
    yield StampedScene(store, tmp_path)
    store.close()


def test_a_name_of_a_plug_in_s_stage_is_one_object_and_no_stage_of_ours() -> None:
    assert StageName("stamp") is STAMP
    assert (STAMP.value, STAMP == "stamp", f"{STAMP}") == ("stamp", True, "stamp")
    assert STAMP not in list(StageName)
    for wrong in ("Stamp", "", "a-b", "x" * 40, 7):
        with pytest.raises(ValueError, match="is not a valid StageName"):
            StageName(wrong)


async def test_what_it_makes_is_what_is_verified_and_published(scene: StampedScene) -> None:
    seen: dict[StageName, StageOutput] = {}

    async def look(call: Call) -> StageOutput | None:
        seen[call.stage] = call.inputs[REVIDEO]
        return None

    scene.first(VERIFY).plays = [look]
    scene.first(UPLOAD).plays = [look]
    result = await scene.render()
    assert not result.degraded
    assert str(result.video_url).endswith("stamp/stamped.mp4")
    for stage in (VERIFY, UPLOAD):
        assert seen[stage].data == {"duration_s": 9.0, "stamped": "revideo-api"}
    order = [row.stage for row in scene.rows()]
    assert order[-4:] == [REVIDEO, STAMP, VERIFY, UPLOAD]
    job = scene.store.list().items[0]
    assert [view.stage for view in stage_views(scene.rows(), job=job)] == [*StageName, STAMP]


async def test_when_it_fails_the_video_is_made_without_it(scene: StampedScene) -> None:
    scene.added = replace(scene.added, policy=Policy(attempts=2, timeout_s=5))
    scene.stamp.plays = busy(2)
    result = await scene.render()
    assert result.degraded
    assert str(result.video_url).endswith("revideo/video.mp4")
    assert [row.provider for row in scene.rows(STAMP)] == ["stamper", "stamper", LEFT_OUT]


async def test_when_there_is_no_time_for_it_it_is_left_out(scene: StampedScene) -> None:
    scene.estimates["stamper"] = (100.0, 200.0)
    result = await scene.render(deadline_in_s=60)
    assert result.degraded
    assert [(row.provider, row.detail.get("skipped")) for row in scene.rows(STAMP)] == [
        ("stamper", "deadline"),
        (LEFT_OUT, None),
    ]


async def test_one_that_is_not_optional_fails_the_render(scene: StampedScene) -> None:
    scene.added = replace(scene.added, optional=False)
    scene.stamp.plays = [StageFailure.invalid_input("no such stamp")]
    with pytest.raises(RenderFailedError, match="no such stamp"):
        await scene.render()
    assert not scene.rows(UPLOAD)


async def test_after_a_crash_it_is_not_done_again(scene: StampedScene) -> None:
    async def hang(_: Call) -> None:
        await asyncio.Event().wait()

    async def killed(lease: Lease) -> Lease:
        running = asyncio.create_task(scene.run(lease))
        async with asyncio.timeout(20):
            await scene.kept(STAMP, lease)
        running.cancel()
        await asyncio.wait({running})
        return scene.crash(lease)

    scene.enqueue()
    scene.first(VERIFY).plays = [hang]
    lease = await killed(scene.claim())
    await scene.run(lease)
    assert len(scene.stamp.calls) == 1, "it was kept"


async def test_it_is_done_again_over_a_video_that_is_made_again(scene: StampedScene) -> None:
    scene.enqueue()
    lease = scene.claim()
    scene.first(VERIFY).plays = [StageFailure("the disk is full", kind=FailureClass.UNAVAILABLE, retryable=False)]
    with pytest.raises(RenderFailedError):
        await scene.run(lease)
    composed = next(one for one in scene.store.checkpoints(lease.job.id) if one.stage is REVIDEO)
    await asyncio.to_thread(Path(composed.output.artifacts["video"].path).unlink)
    await scene.run(scene.crash(lease))
    assert len(scene.stamp.calls) == 2


async def test_a_rejected_video_is_stamped_anew(scene: StampedScene) -> None:
    scene.chains[REVIDEO].append(Maker("local-composer"))
    scene.policies[VERIFY] = Policy(attempts=1, timeout_s=5)
    scene.first(VERIFY).plays = [StageFailure.invalid_output("black")]
    result = await scene.render()
    assert result.degraded
    assert [call.inputs[REVIDEO].provider for call in scene.stamp.calls] == ["revideo-api", "local-composer"]
    assert str(result.video_url).endswith("stamp/stamped.mp4")


def test_only_the_job_types_that_want_it_and_the_routes_that_can_have_it(scene: StampedScene) -> None:
    pipeline = scene.pipeline()
    daily = replace(scene.added, job_types=frozenset({"daily_ca"}))
    assert extended(pipeline, (daily,), "doubt") is pipeline
    longer = extended(pipeline, (daily,), "daily_ca")
    assert [stage.name for stage in longer.stages][-4:] == [REVIDEO, STAMP, VERIFY, UPLOAD]
    assert longer.graph[VERIFY] == (REVIDEO, STAMP)
    assert longer.base is pipeline

    route = extended(whole_route(pipeline, Maker("whole"), timeout_s=5), (daily,), "daily_ca")
    assert [stage.name for stage in route.stages] == [StageName.BRIEF, REVIDEO, STAMP, VERIFY, UPLOAD]
    assert route.fallback is not None
    assert STAMP in route.fallback.names
    clips = replace(daily, name="grade", after=(StageName.MANIM,), before=(REVIDEO,), over=None)
    route = extended(whole_route(pipeline, Maker("whole"), timeout_s=5), (clips,), "daily_ca")
    assert StageName("grade") not in route.names, "a route without clips has none to grade"
    assert route.fallback is not None
    assert StageName("grade") in route.fallback.names


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, None),
        ({"name": "Stamp"}, "small letters"),
        ({"name": "verify"}, "predawn has a stage"),
        ({"chain": ()}, "at least one provider"),
        ({"chain": (Maker("a"), Maker("a"))}, "names of their own"),
        ({"chain": (Maker(LEFT_OUT),)}, "names of their own"),
        ({"before": ()}, "must each name stages"),
        ({"after": (STAMP,)}, "must each name stages"),
        ({"before": (StageName.BRIEF,)}, "must not come earlier"),
        ({"before": (REVIDEO,)}, "must not come earlier"),
        ({"over": StageName.MANIM}, "over must be one"),
    ],
)
def test_what_is_wrong_with_a_stage_is_said(changes: dict[str, Any], problem: str | None) -> None:
    added = AddedStage("stamp", (Maker("stamper"),), after=(REVIDEO,), before=(VERIFY,), over=REVIDEO)
    found = problem_of(replace(added, **changes))
    assert found == problem if problem is None else problem in str(found)
