from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scheduler.domain.job import Job, JobStatus, Priority
from scheduler.domain.render import Attempt, AttemptStatus, StageName
from scheduler.domain.snapshot import StageState
from scheduler.pipeline.views import stage_views

NOW = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
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


def attempt(status: AttemptStatus, *, provider: str = "manim-api", at_s: float = 0, **fields: Any) -> Attempt:
    return Attempt(
        id=f"{provider}-{at_s}",
        render_id="r",
        job_id="j",
        stage=fields.pop("stage", StageName.MANIM),
        provider=provider,
        status=status,
        started_at=NOW + timedelta(seconds=at_s),
        duration_ms=None if status is AttemptStatus.STARTED else 2_000,
        **fields,
    )


STARTED, FAILED, COMPLETED = AttemptStatus.STARTED, AttemptStatus.FAILED, AttemptStatus.COMPLETED


@pytest.mark.parametrize(
    ("statuses", "job", "state"),
    [
        ([], JobStatus.PROCESSING, StageState.WAITING),
        ([STARTED], JobStatus.PROCESSING, StageState.RUNNING),
        ([FAILED], JobStatus.PROCESSING, StageState.RETRYING),
        ([FAILED, STARTED], JobStatus.PROCESSING, StageState.RETRYING),
        ([FAILED, COMPLETED], JobStatus.PROCESSING, StageState.DONE),
        ([FAILED, FAILED], JobStatus.FAILED, StageState.FAILED),
        ([STARTED], JobStatus.CANCELLED, StageState.FAILED),
        # Its worker died: the next one does it again.
        ([STARTED], JobStatus.QUEUED, StageState.WAITING),
        ([FAILED], JobStatus.QUEUED, StageState.WAITING),
        ([COMPLETED], JobStatus.QUEUED, StageState.DONE),
        ([COMPLETED], JobStatus.FAILED, StageState.DONE),
    ],
)
def test_how_a_stage_stands(statuses: list[AttemptStatus], job: JobStatus, state: str) -> None:
    attempts = [attempt(status, at_s=n) for n, status in enumerate(statuses)]

    views = {view.stage: view for view in stage_views(attempts, job=replace(JOB, status=job))}

    assert views[StageName.MANIM].state == state
    assert views[StageName.MANIM].attempts == tuple(attempts)


def test_every_stage_is_shown_in_the_order_of_the_pipeline_also_without_a_job() -> None:
    views = stage_views([], job=None)

    assert [view.stage for view in views] == list(StageName)
    assert {view.state for view in views} == {StageState.WAITING}


def test_times_run_from_the_first_attempt_to_the_end_of_the_last() -> None:
    attempts = [attempt(FAILED), attempt(COMPLETED, provider="static-cards", at_s=10, fallback_position=1)]

    view = {view.stage: view for view in stage_views(attempts, job=JOB)}[StageName.MANIM]

    assert (view.started_at, view.finished_at) == (NOW, NOW + timedelta(seconds=12))
    assert (view.provider, view.degraded) == ("static-cards", True)


def test_a_first_provider_that_used_parts_of_a_fallback_is_degraded_too() -> None:
    view = stage_views([attempt(COMPLETED, stage=StageName.BRIEF, detail={"degraded": True})], job=JOB)[0]

    assert view.degraded


def test_a_stage_that_runs_has_not_ended() -> None:
    view = stage_views([attempt(STARTED, stage=StageName.BRIEF)], job=JOB)[0]

    assert view.finished_at is None
    assert not view.degraded


def test_stages_that_another_route_went_by_are_not_used() -> None:
    def states(*made: Attempt, job: JobStatus = JobStatus.PROCESSING) -> list[str]:
        return [view.state for view in stage_views(made, job=replace(JOB, status=job))]

    waiting, done, running, unused = StageState.WAITING, StageState.DONE, StageState.RUNNING, StageState.UNUSED
    brief = attempt(COMPLETED, stage=StageName.BRIEF, provider="brief-check")
    route = attempt(STARTED, stage=StageName.REVIDEO, provider="orchestrator-route", at_s=1)
    assert states(brief) == [done, *[waiting] * 6]
    assert states(brief, route) == [done, unused, unused, unused, running, waiting, waiting]

    failed = attempt(FAILED, stage=StageName.REVIDEO, provider="orchestrator-route", at_s=1)
    script = attempt(COMPLETED, stage=StageName.SCRIPT_GEN, provider="chat-script", at_s=9)
    assert states(brief, failed, script)[1:4] == [done, waiting, waiting], "the pipeline has taken over"

    made = [
        attempt(COMPLETED, stage=stage, provider="p", at_s=n)
        for n, stage in enumerate((StageName.BRIEF, StageName.REVIDEO, StageName.VERIFY, StageName.UPLOAD))
    ]
    assert states(*made, job=JobStatus.COMPLETED) == [done, unused, unused, unused, done, done, done]
