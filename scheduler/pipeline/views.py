"""How the stages of a render stand, told from its attempts alone: for the console, the CLI and the forecast. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import assert_never

from scheduler.domain.deadline import NEEDS
from scheduler.domain.job import Job, JobStatus
from scheduler.domain.render import Attempt, AttemptStatus, StageName
from scheduler.domain.snapshot import StageState, StageView
from scheduler.pipeline.stages import ancestors


def stage_views(
    attempts: Iterable[Attempt], *, job: Job | None, order: Sequence[StageName] = tuple(NEEDS)
) -> tuple[StageView, ...]:
    """One view for each stage.

    Args:
        attempts: all attempts of one render, oldest first.
        job: whose render it is. What failed is being retried while the job runs, and waits while the job is queued.
        order: the stages to show; those that plug-ins add follow them once they have begun.
    """
    by_stage: dict[StageName, list[Attempt]] = {stage: [] for stage in order}
    for attempt in attempts:
        if attempt.stage in by_stage or attempt.stage not in NEEDS:
            by_stage.setdefault(attempt.stage, []).append(attempt)
    status = JobStatus.QUEUED if job is None else job.status
    return tuple(
        StageView(stage, StageState.UNUSED)
        if not found and _passed_by(stage, by_stage, status)
        else _view(stage, tuple(found), status)
        for stage, found in by_stage.items()
    )


def _passed_by(stage: StageName, by_stage: Mapping[StageName, Sequence[Attempt]], status: JobStatus) -> bool:
    """Whether a render without an attempt at ``stage`` went on to what comes after it.

    A route that has failed is no proof: as soon as something before the stage is done anew, the stage will be, too.
    """
    if status is JobStatus.COMPLETED:
        return True
    before = ancestors(stage)
    begun = {name: max(one.started_at for one in found) for name, found in by_stage.items() if found}
    after = [at for name, at in begun.items() if stage in ancestors(name)]
    return bool(after) and max(after) > max((at for name, at in begun.items() if name in before), default=min(after))


def _view(stage: StageName, attempts: tuple[Attempt, ...], status: JobStatus) -> StageView:
    if not attempts:
        return StageView(stage, StageState.WAITING)
    last = attempts[-1]
    state = _state(last, len(attempts), status)
    ended = state in {StageState.DONE, StageState.FAILED}
    return StageView(
        stage=stage,
        state=state,
        provider=last.provider,
        degraded=state == StageState.DONE and is_degraded(last),
        started_at=attempts[0].started_at,
        finished_at=_ended_at(last) if ended else None,
        attempts=attempts,
    )


def _state(last: Attempt, count: int, status: JobStatus) -> str:
    if last.status is AttemptStatus.COMPLETED:
        return StageState.DONE
    match status:
        case JobStatus.QUEUED:
            return StageState.WAITING
        case JobStatus.PROCESSING:
            first_call = last.status is AttemptStatus.STARTED and count == 1
            return StageState.RUNNING if first_call else StageState.RETRYING
        case JobStatus.COMPLETED | JobStatus.FAILED | JobStatus.CANCELLED:
            return StageState.FAILED
        case _:
            assert_never(status)


def is_degraded(attempt: Attempt) -> bool:
    """Whether what a completed attempt made is second choice: by a fallback, or from parts that are."""
    return attempt.fallback_position > 0 or attempt.detail.get("degraded") is True


def _ended_at(attempt: Attempt) -> datetime | None:
    if attempt.duration_ms is None:
        return None
    return attempt.started_at + timedelta(milliseconds=attempt.duration_ms)
