"""The deadline before each attempt: how much must be kept for what follows, and what that leaves. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from scheduler.domain.deadline import AttemptBudget, attempt_budget, path_after, path_to_end
from scheduler.domain.job import Job
from scheduler.domain.render import StageName
from scheduler.pipeline.forecast import Estimates, estimate_of
from scheduler.pipeline.routes import COMMON, fallback_of
from scheduler.pipeline.stages import Pipeline, Stage

SOON_S = 30.0
"""A provider that takes at most this long (P90, seconds) is still asked once when the deadline has gone by."""
MARGIN_SHARE = 0.1
"""Share of the time from a job's start to its deadline that the margin may take."""
FALLBACK = "the pipeline"
"""Stands for a whole route among the providers that can still be asked; no provider's name has a space."""


def must_end_at(job: Job, *, published: bool, margin_s: float = 0.0) -> datetime | None:
    """When a render of ``job`` must have ended: its deadline or its time limit, whichever is first; None: neither.

    Once a video of the job is ``published`` the deadline is met, and a further render (a re-render) has no hurry.

    Args:
        job: leased.
        published: whether a video of it is out.
        margin_s: seconds before the deadline by which it should be out: reserves are P90, and a tenth of them takes
            longer. At most a tenth of the time there is.
    """
    limits = [job.time_limit_at, None if published else _aimed_at(job, margin_s)]
    return min((limit for limit in limits if limit is not None), default=None)


def _aimed_at(job: Job, margin_s: float) -> datetime | None:
    if job.deadline_at is None:
        return None
    there_is_s = (job.deadline_at - (job.started_at or job.created_at)).total_seconds()
    return job.deadline_at - timedelta(seconds=max(min(margin_s, MARGIN_SHARE * there_is_s), 0.0))


def reserve_s(pipeline: Pipeline, stage: StageName, done: Collection[StageName], estimates: Estimates) -> float:
    """Seconds (P90) that the last resorts of the stages after ``stage`` need.

    The last resort, not the quickest: it is the one that depends on nobody, so it is what a later stage needs when
    everything before it in its chain fails.
    """
    return path_after(stage, _last_resorts(pipeline, estimates), done, pipeline.graph)


def _last_resorts(pipeline: Pipeline, estimates: Estimates) -> dict[StageName, float]:
    return {s.name: estimate_of(estimates, s.name, s.providers[-1]).p90_s for s in pipeline.stages}


def budget_for(
    pipeline: Pipeline,
    stage: Stage,
    provider: str,
    *,
    rest: Sequence[str],
    calls: int,
    done: Collection[StageName],
    estimates: Estimates,
    time_left_s: float | None,
) -> AttemptBudget:
    """May ``provider`` be asked now, and for how long.

    What must fit after it is the last resort of its chain and those of the later stages; on a route with a fallback,
    the last resorts of all that one's stages. As long as they do, a video is out on time whatever fails.

    Args:
        pipeline: all stages, for the reserve.
        stage: the stage to be done.
        provider: who is to be asked.
        rest: providers that can still be asked after it, in order.
        calls: calls of it so far.
        done: stages that have ended.
        estimates: how long providers take.
        time_left_s: seconds until the render must have ended; None: there is no limit.
    """
    expected = estimate_of(estimates, stage.name, provider)
    costs = {name: estimate_of(estimates, stage.name, name).p90_s for name in rest}
    step_down_s = costs.get(stage.providers[-1], costs[rest[-1]]) if rest else 0.0
    fallback = fallback_of(pipeline, stage.name)
    if fallback is not None and stage.checks is None:
        # Whatever is tried on this way, the whole of the next one must fit behind it. A video that is there is judged
        # in any case: not to look at it would be to lose it.
        whole_s = path_to_end(_last_resorts(fallback, estimates), COMMON & frozenset(done), fallback.graph)
        costs[FALLBACK], step_down_s = whole_s, step_down_s + whole_s
    kept_s = reserve_s(pipeline, stage.name, done, estimates)
    budget = attempt_budget(
        time_left_s=time_left_s,
        timeout_s=stage.policy.timeout_s,
        expected=expected,
        reserve_s=kept_s,
        last_resort=not costs,
        step_down_s=step_down_s,
    )
    if budget.allowed or time_left_s is None:
        return budget
    too_late_anyway = time_left_s - kept_s < step_down_s
    if time_left_s <= 0 and calls == 0 and expected.p90_s <= SOON_S:
        # The deadline has gone by: a few seconds more do not matter, a mute video would.
        return AttemptBudget(
            allowed=True,
            timeout_s=min(stage.policy.timeout_s, expected.p90_s),
            why=f"late already: one call of at most {expected.p90_s:.0f} s",
        )
    if too_late_anyway and calls == 0 and expected.p90_s < min(costs.values()):
        # Stepping down is meant to save time. Here it would not: the quick one is the best chance that is left.
        return AttemptBudget(
            allowed=True,
            timeout_s=min(stage.policy.timeout_s, expected.p90_s),
            why=f"short of time, and nothing quicker follows: one call of at most {expected.p90_s:.0f} s",
        )
    return budget
