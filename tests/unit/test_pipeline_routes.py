from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from config.settings import PipelineSettings
from scheduler.domain.content import Brief
from scheduler.domain.deadline import NEEDS, Estimate
from scheduler.domain.job import Job, JobStatus, Priority
from scheduler.domain.render import Checkpoint, StageName, StageOutput
from scheduler.job_types import ORCHESTRATOR, PIPELINE, SORA, JobType, by_name, unknown_type
from scheduler.pipeline.budget import budget_for
from scheduler.pipeline.progress import ProgressMeter
from scheduler.pipeline.routes import Routes, fallback_of, whole_route
from scheduler.pipeline.stages import Pipeline, Policy, Stage
from scheduler.ports.content import ResolvedBrief
from scheduler.ports.provider import Call

NOW = datetime(2026, 11, 20, tzinfo=UTC)
BRIEF, SCRIPT, MANIM, REVIDEO = StageName.BRIEF, StageName.SCRIPT_GEN, StageName.MANIM, StageName.REVIDEO
VERIFY, UPLOAD = StageName.VERIFY, StageName.UPLOAD


@dataclass(frozen=True)
class Named:
    name: str
    service: str | None = None

    async def run(self, call: Call) -> StageOutput:
        return StageOutput(provider=self.name)


@dataclass(frozen=True)
class NoBriefs:
    def resolve(self, payload: Any, run_date: date | None) -> ResolvedBrief:
        return ResolvedBrief(Brief(date(2026, 11, 20), "x", ()), stale=False, origin="test")


PLAIN = Pipeline(
    tuple(Stage(name, Policy(timeout_s=240, weight=2), needs, (Named("own"),)) for name, needs in NEEDS.items())
)
WHOLE = whole_route(PLAIN, Named("remote"), timeout_s=600)
ROUTES = Routes(PLAIN, whole={ORCHESTRATOR: WHOLE}, by_type={"doubt": ORCHESTRATOR, "daily_ca": PIPELINE})


def job(job_type: str = "daily_ca", **payload: Any) -> Job:
    return Job("j", 1, job_type, Priority.HIGH, JobStatus.PROCESSING, payload, 0, 3, NOW, NOW)


def kept(*stages: StageName) -> list[Checkpoint]:
    return [Checkpoint("j", stage, "", StageOutput(provider="x"), 1) for stage in stages]


def test_a_whole_route_makes_the_video_from_the_brief() -> None:
    assert [(stage.name, stage.needs, stage.providers) for stage in WHOLE.stages] == [
        (BRIEF, (), ("own",)),
        (REVIDEO, (BRIEF,), ("remote",)),
        (VERIFY, (REVIDEO,), ("own",)),
        (UPLOAD, (VERIFY,), ("own",)),
    ]
    stage = WHOLE.stage(REVIDEO)
    assert (stage.policy.timeout_s, stage.policy.attempts, stage.policy.weight) == (600, 2, 8)
    assert WHOLE.fallback is PLAIN


@pytest.mark.parametrize(
    ("which", "wanted"),
    [
        (job("daily_ca"), PIPELINE),
        (job("doubt"), ORCHESTRATOR),
        (job("other"), PIPELINE),
        (job("daily_ca", route=ORCHESTRATOR), ORCHESTRATOR),
        (job("doubt", route=PIPELINE), PIPELINE),
        (job("doubt", route=SORA), PIPELINE),
        (job("doubt", route=["x"]), PIPELINE),
    ],
)
def test_the_route_is_the_jobs_own_or_its_types_if_it_is_configured(which: Job, wanted: str) -> None:
    assert ROUTES.wanted(which) == wanted


@pytest.mark.parametrize(
    ("stages", "way"),
    [
        ((), WHOLE),
        ((BRIEF,), WHOLE),
        ((BRIEF, REVIDEO), WHOLE),
        ((BRIEF, REVIDEO, VERIFY), WHOLE),
        ((BRIEF, SCRIPT), PLAIN),
        ((BRIEF, REVIDEO, SCRIPT), PLAIN),
        ((BRIEF, MANIM), PLAIN),
    ],
)
def test_a_job_goes_on_where_it_has_begun(stages: tuple[StageName, ...], way: Pipeline) -> None:
    assert ROUTES.of(job("doubt"), kept(*stages)) is way
    assert ROUTES.of(job("daily_ca"), kept(*stages)) is PLAIN


def test_what_only_another_route_makes_is_foreign() -> None:
    assert ROUTES.foreign_to(PLAIN) == {"remote"}
    assert ROUTES.foreign_to(WHOLE) == frozenset()


def test_only_a_fallback_is_second_choice() -> None:
    assert ROUTES.is_second_choice(job("doubt"), PLAIN)
    assert not ROUTES.is_second_choice(job("doubt"), WHOLE)
    assert not ROUTES.is_second_choice(job("daily_ca"), PLAIN)


@pytest.mark.parametrize(("stage", "helps"), [(BRIEF, False), (REVIDEO, True), (VERIFY, True), (UPLOAD, False)])
def test_the_pipeline_is_no_help_where_it_would_do_the_same(stage: StageName, *, helps: bool) -> None:
    assert (fallback_of(WHOLE, stage) is not None) is helps
    assert fallback_of(PLAIN, stage) is None


ESTIMATES = {
    (REVIDEO.value, "remote"): Estimate(60, 300),
    (REVIDEO.value, "own"): Estimate(10, 30),
    **{(stage.value, "own"): Estimate(1, 2) for stage in (BRIEF, SCRIPT, StageName.TTS, VERIFY, UPLOAD)},
    (MANIM.value, "own"): Estimate(5, 20),
}
# What the pipeline needs behind a route that failed: script 2, manim 20, revideo 30, verify 2, upload 2.
RESERVE_S = 2 + 20 + 30 + 2 + 2
# And verify and upload of the route itself.
AFTER_S = 2 + 2


@pytest.mark.parametrize(
    ("time_left_s", "allowed", "timeout_s"),
    [
        (None, True, 600),
        (2000.0, True, 600),
        (AFTER_S + RESERVE_S + 60.0, True, 60),
        (AFTER_S + RESERVE_S + 59.0, False, 0),
        (RESERVE_S - 20.0, False, 0),
        (-5.0, False, 0),
    ],
)
def test_a_route_leaves_the_whole_pipeline_its_time(
    time_left_s: float | None, timeout_s: float, *, allowed: bool
) -> None:
    stage = WHOLE.stage(REVIDEO)
    budget = budget_for(
        WHOLE, stage, "remote", rest=(), calls=0, done={BRIEF}, estimates=ESTIMATES, time_left_s=time_left_s
    )
    assert (budget.allowed, budget.timeout_s) == (allowed, timeout_s)


def test_a_video_that_is_there_is_judged_however_late_it_is() -> None:
    budget = budget_for(
        WHOLE, WHOLE.stage(VERIFY), "own", rest=(), calls=0, done={BRIEF, REVIDEO}, estimates=ESTIMATES, time_left_s=1.0
    )
    assert budget.allowed


def test_progress_goes_on_from_the_route_that_failed() -> None:
    said: list[float] = []
    meter = ProgressMeter({BRIEF: 1.0, REVIDEO: 1.0}, lambda progress, _: said.append(progress), start=0.6)
    meter.start(BRIEF)
    meter.finish(BRIEF)
    meter.finish(REVIDEO)
    assert said == [0.6, 0.6, 1.0]


@pytest.mark.parametrize(
    ("own", "routes", "settings", "chosen"),
    [
        (None, (PIPELINE, ORCHESTRATOR), PipelineSettings(), PIPELINE),
        (None, (PIPELINE, ORCHESTRATOR), PipelineSettings(route="orchestrator"), ORCHESTRATOR),
        (ORCHESTRATOR, (PIPELINE, ORCHESTRATOR), PipelineSettings(), ORCHESTRATOR),
        (ORCHESTRATOR, (PIPELINE, ORCHESTRATOR), PipelineSettings(routes={"it": "pipeline"}), PIPELINE),
        (None, (PIPELINE, ORCHESTRATOR), PipelineSettings(routes={"it": "orchestrator"}), ORCHESTRATOR),
        (None, (PIPELINE, ORCHESTRATOR), PipelineSettings(routes={"other": "orchestrator"}), PIPELINE),
        (ORCHESTRATOR, (PIPELINE,), PipelineSettings(route="orchestrator"), PIPELINE),
        (SORA, (PIPELINE, ORCHESTRATOR, SORA), PipelineSettings(route="orchestrator"), SORA),
    ],
)
def test_the_default_route_of_a_type(
    own: str | None, routes: tuple[str, ...], settings: PipelineSettings, chosen: str
) -> None:
    assert JobType("it", NoBriefs(), route=own, routes=routes).default_route(settings) == chosen


def test_types_are_told_by_name() -> None:
    one = JobType("one", NoBriefs())
    assert by_name([one]) == {"one": one}
    with pytest.raises(ValueError, match="two job types are called 'one'"):
        by_name([one, replace(one)])
    assert unknown_type("x", {"b", "a"}) == "job type 'x' is unknown; this installation has: a, b"
