"""How long providers take, and when a render will be out: estimates from history, and the prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from config.settings import DeadlineSettings
from scheduler.domain.deadline import NEEDS, Estimate, PathStep, Prediction, critical_path, path_to_end
from scheduler.domain.quantile import percentile
from scheduler.domain.render import StageName
from scheduler.domain.snapshot import StageState, StageView
from scheduler.pipeline.added import LEFT_OUT
from scheduler.pipeline.stages import Graph, ancestors
from scheduler.ports.store import RenderStore

UNKNOWN_ESTIMATE = Estimate(p50_s=30.0, p90_s=120.0)
"""For a provider with neither history nor a configured estimate."""
ANY_STAGE = ""
"""Stands for the stages that plug-ins add: what is configured for a provider holds there, too."""
OVERTIME = 0.1
"""Share of its estimate that a call which has outlived it is still given."""


Estimates = Mapping[tuple[str, str], Estimate]
"""How long one call of a provider takes, by (stage, provider)."""


def estimate_of(estimates: Estimates, stage: StageName, provider: str) -> Estimate:
    """The estimate for one provider in one stage; a cautious guess for one that nothing is known of."""
    known = estimates.get((stage.value, provider)) or estimates.get((ANY_STAGE, provider))
    return UNKNOWN_ESTIMATE if known is None else known


def estimates_from(durations: Mapping[tuple[str, str], Sequence[float]], settings: DeadlineSettings) -> Estimates:
    """The configured estimates, and history where there is enough of it.

    Args:
        durations: seconds of completed attempts by (stage, provider).
        settings: defaults, and how many attempts are enough.
    """
    configured = {
        (stage, name): Estimate(p50_s=estimate.p50_s, p90_s=estimate.p90_s)
        for stage in (*(stage.value for stage in StageName), ANY_STAGE)
        for name, estimate in settings.estimates.items()
    }
    history = {
        key: Estimate(p50_s=percentile(seconds, 0.5), p90_s=percentile(seconds, 0.9))
        for key, seconds in durations.items()
        if len(seconds) >= settings.min_samples
    }
    return {(ANY_STAGE, LEFT_OUT): Estimate(0.0, 0.1)} | configured | history


def load_estimates(store: RenderStore, settings: DeadlineSettings) -> Estimates:
    """Estimates from what the store remembers. One read; blocking."""
    return estimates_from(store.stage_durations(), settings)


def predict(
    views: Sequence[StageView],
    chains: Mapping[StageName, Sequence[str]],
    estimates: Estimates,
    *,
    now: datetime,
    starts_at: datetime | None = None,
    graph: Graph = NEEDS,
) -> Prediction:
    """When a render will be out, if every stage from here on is done by the provider that does it now or comes first.

    Args:
        views: stages as they stand; empty for a render that has not started.
        chains: provider names by stage, best first.
        estimates: how long providers take.
        now: aware.
        starts_at: when it will start, for one that has not.
        graph: what each stage waits for, with those that plug-ins add.

    Returns:
        Times along the longest path that is left. P90 adds up the P90 of every stage and so errs on the safe side.
        Both None when all stages are done.
    """
    by_stage = {view.stage: view for view in views}
    done = {view.stage for view in views if view.state == StageState.DONE}
    # What only leads to a stage that is done is not to be done any more: a route has fewer stages.
    done = done.union(*(ancestors(stage, graph) for stage in done))
    if done >= set(graph):
        return Prediction(p50_at=None, p90_at=None)
    p50: dict[StageName, float] = {}
    p90: dict[StageName, float] = {}
    for stage in graph:
        if stage not in done:
            left = _left(stage, by_stage.get(stage), chains, estimates, now)
            p50[stage], p90[stage] = left.p50_s, left.p90_s
    begin = max(now, starts_at) if starts_at is not None else now
    return Prediction(
        p50_at=begin + timedelta(seconds=path_to_end(p50, done, graph)),
        p90_at=begin + timedelta(seconds=path_to_end(p90, done, graph)),
        path=tuple(PathStep(stage, p50[stage], p90[stage]) for stage in critical_path(p90, done, graph)),
    )


def _left(
    stage: StageName,
    view: StageView | None,
    chains: Mapping[StageName, Sequence[str]],
    estimates: Estimates,
    now: datetime,
) -> Estimate:
    """Seconds a stage that is not done still takes."""
    first = next(iter(chains.get(stage, ())), "")
    if view is None or view.state not in {StageState.RUNNING, StageState.RETRYING}:
        return estimate_of(estimates, stage, first)
    expected = estimate_of(estimates, stage, view.provider or first)
    call = view.attempts[-1] if view.attempts else None
    # Between two calls nothing runs: the next one starts from the beginning.
    elapsed = 0.0 if call is None or call.duration_ms is not None else (now - call.started_at).total_seconds()
    return Estimate(
        p50_s=max(expected.p50_s - elapsed, OVERTIME * expected.p50_s),
        p90_s=max(expected.p90_s - elapsed, OVERTIME * expected.p90_s),
    )
