from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from scheduler.domain.deadline import NEEDS, Estimate
from scheduler.domain.job import Job, JobStatus, Priority
from scheduler.domain.render import StageName, StageOutput
from scheduler.pipeline.budget import budget_for, must_end_at, reserve_s
from scheduler.pipeline.stages import Pipeline, Policy, Stage
from scheduler.ports.provider import Call

NOW = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Named:
    name: str
    service: str | None = None

    async def run(self, call: Call) -> StageOutput:
        return StageOutput(provider=self.name)


def pipeline_of(**chains: tuple[str, ...]) -> Pipeline:
    policy = Policy(timeout_s=240)
    return Pipeline(
        tuple(
            Stage(name, policy, needs, tuple(Named(provider) for provider in chains.get(name.value, ("only",))))
            for name, needs in NEEDS.items()
        )
    )


PIPELINE = pipeline_of(manim=("api", "cards"), revideo=("remote", "local"))
ESTIMATES = {
    ("manim", "api"): Estimate(10, 60),
    ("manim", "cards"): Estimate(6, 20),
    ("revideo", "remote"): Estimate(4, 8),
    ("revideo", "local"): Estimate(12, 30),
    **{(stage, "only"): Estimate(1, 2) for stage in ("brief", "script_gen", "tts", "verify", "upload")},
}


def test_the_reserve_is_what_the_last_resorts_of_the_later_stages_need_along_the_longest_path() -> None:
    assert reserve_s(PIPELINE, StageName.MANIM, (), ESTIMATES) == 30 + 2 + 2
    assert reserve_s(PIPELINE, StageName.SCRIPT_GEN, (), ESTIMATES) == 20 + 34
    assert reserve_s(PIPELINE, StageName.SCRIPT_GEN, {StageName.MANIM}, ESTIMATES) == 2 + 34
    assert reserve_s(PIPELINE, StageName.UPLOAD, (), ESTIMATES) == 0


@pytest.mark.parametrize(
    ("time_left_s", "allowed", "timeout_s"),
    [
        (None, True, 240),
        (1000.0, True, 240),
        (34 + 20 + 100.0, True, 100),
        (34 + 20 + 10.0, True, 10),
        (34 + 20 + 9.9, False, 0),
        (-5.0, False, 0),
    ],
)
def test_a_provider_gets_what_its_fallback_and_the_reserve_leave(
    time_left_s: float | None, allowed: bool, timeout_s: float
) -> None:
    budget = budget_for(
        PIPELINE,
        PIPELINE.stage(StageName.MANIM),
        "api",
        rest=("cards",),
        calls=0,
        done=(),
        estimates=ESTIMATES,
        time_left_s=time_left_s,
    )

    assert (budget.allowed, budget.timeout_s) == (allowed, timeout_s)


def test_the_last_resort_is_always_tried_with_all_its_time() -> None:
    stage = PIPELINE.stage(StageName.MANIM)

    budget = budget_for(PIPELINE, stage, "cards", rest=(), calls=3, done=(), estimates=ESTIMATES, time_left_s=-60.0)

    assert (budget.allowed, budget.timeout_s) == (True, 240)


@pytest.mark.parametrize(
    ("time_left_s", "calls", "allowed", "timeout_s"),
    [
        (4 + 30 + 4.0, 0, True, 4),
        (4 + 30 + 3.9, 0, False, 0),  # the last resort is still on time
        (4 + 29.9, 0, True, 8),  # it would be late: the quick one gets one short call
        (-60.0, 0, True, 8),
        (4 + 29.9, 1, False, 0),
    ],
)
def test_a_quick_provider_gets_one_short_call_when_its_slow_fallback_would_be_late(
    time_left_s: float, calls: int, allowed: bool, timeout_s: float
) -> None:
    budget = budget_for(
        PIPELINE,
        PIPELINE.stage(StageName.REVIDEO),
        "remote",
        rest=("local",),
        calls=calls,
        done=(),
        estimates=ESTIMATES,
        time_left_s=time_left_s,
    )

    assert (budget.allowed, budget.timeout_s) == (allowed, timeout_s)


JOB = Job(
    id="j",
    seq=1,
    job_type="daily_ca",
    priority=Priority.HIGH,
    status=JobStatus.PROCESSING,
    payload={},
    retry_count=0,
    max_retries=3,
    created_at=NOW,
    updated_at=NOW,
)
SOON, LATER = NOW + timedelta(minutes=5), NOW + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("deadline", "limit", "published", "end"),
    [
        (None, None, False, None),
        (SOON, None, False, SOON),
        (SOON, LATER, False, SOON),
        (LATER, SOON, False, SOON),
        (SOON, LATER, True, LATER),
        (SOON, None, True, None),
    ],
)
def test_a_render_must_end_by_its_deadline_or_its_time_limit(
    deadline: datetime | None, limit: datetime | None, published: bool, end: datetime | None
) -> None:
    assert must_end_at(replace(JOB, deadline_at=deadline, time_limit_at=limit), published=published) == end


@pytest.mark.parametrize(("there_is_s", "aimed_before_s"), [(10_800, 120), (1_200, 120), (600, 60), (0, 0), (-60, 0)])
def test_a_render_aims_at_a_margin_before_its_deadline_of_at_most_a_tenth_of_its_time(
    there_is_s: float, aimed_before_s: float
) -> None:
    deadline = NOW + timedelta(seconds=there_is_s)
    job = replace(JOB, deadline_at=deadline, time_limit_at=None, started_at=NOW)
    assert must_end_at(job, published=False, margin_s=120) == deadline - timedelta(seconds=aimed_before_s)
