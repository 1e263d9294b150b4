"""Deadline first: may this provider be tried (again), or must we step down? Pure decisions.

The pipeline is a chain of stages towards a deadline. The *reserve* of a stage is what the last resorts of the
stages after it still need (P90). A provider may be tried only while its own time-out and the reserve fit before the
deadline; otherwise the runner steps down to a cheaper provider, so that a render degrades rather than comes late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from scheduler.domain.render import StageName


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long one call of a provider takes, seconds."""

    p50_s: float
    p90_s: float


@dataclass(frozen=True, slots=True)
class AttemptBudget:
    """May the provider be tried, and for how long.

    Attributes:
        allowed: False: step down.
        timeout_s: seconds the attempt may take.
        why: one sentence for the log.
    """

    allowed: bool
    timeout_s: float
    why: str


def attempt_budget(
    *,
    time_left_s: float | None,
    timeout_s: float,
    expected: Estimate,
    reserve_s: float,
    last_resort: bool,
    step_down_s: float = 0.0,
) -> AttemptBudget:
    """Decide about one attempt.

    Args:
        time_left_s: seconds to the deadline; None: there is none.
        timeout_s: the stage's own limit for an attempt.
        expected: how long the provider takes by history or by the configured default.
        reserve_s: what the last resorts of the stages after this one need (P90).
        last_resort: nothing cheaper comes after it in the chain: it is always tried, also past the deadline, because
            a late video is better than none.
        step_down_s: what the last resort of this chain needs (P90); it must fit if this one fails.
    """
    if time_left_s is None:
        return AttemptBudget(allowed=True, timeout_s=timeout_s, why="no deadline")
    if last_resort:
        return AttemptBudget(allowed=True, timeout_s=timeout_s, why="last resort")
    usable = time_left_s - reserve_s - step_down_s
    if usable < expected.p50_s:
        why = (
            f"{max(time_left_s, 0):.0f} s to the deadline, {reserve_s + step_down_s:.0f} s kept for what must follow: "
            f"{max(usable, 0):.0f} s is less than the {expected.p50_s:.0f} s it usually takes"
        )
        return AttemptBudget(allowed=False, timeout_s=0.0, why=why)
    return AttemptBudget(allowed=True, timeout_s=min(timeout_s, usable), why=f"{usable:.0f} s usable")


class Verdict(StrEnum):
    """Will the morning's video be there? The words of the console and of ``predawn status``."""

    READY = "READY"
    ON_TRACK = "ON TRACK"
    AT_RISK = "AT RISK"
    MISSED = "MISSED"
    IDLE = "IDLE"
    """No schedule with a deadline is enabled: there is nothing to be on time for."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """When a run will be out.

    Attributes:
        p50_at: it ends before this time in half of the cases (aware UTC); None when it has ended.
        p90_at: and before this one in nine of ten.
        path: the critical path: the stages that are left whose P90 add up to ``p90_at``, in order.
        wait_s: seconds (P90) of it that are spent waiting for a worker.
    """

    p50_at: datetime | None
    p90_at: datetime | None
    path: tuple[PathStep, ...] = field(default=(), compare=False)
    wait_s: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class PathStep:
    """A stage of the critical path, with what it still takes, seconds."""

    stage: StageName
    p50_s: float
    p90_s: float


NEEDS: Mapping[StageName, tuple[StageName, ...]] = {
    StageName.BRIEF: (),
    StageName.SCRIPT_GEN: (StageName.BRIEF,),
    StageName.MANIM: (StageName.SCRIPT_GEN,),
    StageName.TTS: (StageName.SCRIPT_GEN,),
    StageName.REVIDEO: (StageName.MANIM, StageName.TTS),
    StageName.VERIFY: (StageName.REVIDEO,),
    StageName.UPLOAD: (StageName.VERIFY,),
}
"""What each stage waits for: the pipeline's DAG."""


def path_after(
    stage: StageName,
    cost_s: Mapping[StageName, float],
    done: Iterable[StageName] = (),
    needed: Mapping[StageName, tuple[StageName, ...]] = NEEDS,
) -> float:
    """Seconds from the end of ``stage`` to the end of the pipeline, along the longest path of what is not done."""
    finished = frozenset(done)
    followers = [s for s, needs in needed.items() if stage in needs]
    return max(
        (
            (0.0 if follower in finished else cost_s.get(follower, 0.0))
            + path_after(follower, cost_s, finished, needed)
            for follower in followers
        ),
        default=0.0,
    )


def path_to_end(
    cost_s: Mapping[StageName, float],
    done: Iterable[StageName] = (),
    needed: Mapping[StageName, tuple[StageName, ...]] = NEEDS,
) -> float:
    """Seconds the whole pipeline still takes, along the longest path of the stages that are not done."""
    finished = frozenset(done)
    first = StageName.BRIEF
    return (0.0 if first in finished else cost_s.get(first, 0.0)) + path_after(first, cost_s, finished, needed)


def critical_path(
    cost_s: Mapping[StageName, float],
    done: Iterable[StageName] = (),
    needed: Mapping[StageName, tuple[StageName, ...]] = NEEDS,
) -> tuple[StageName, ...]:
    """The stages that are not done along the longest path from the beginning to the end, in order."""
    finished = frozenset(done)
    path: list[StageName] = []
    stage: StageName | None = StageName.BRIEF
    while stage is not None:
        if stage not in finished:
            path.append(stage)
        stage = max(
            (name for name, needs in needed.items() if stage in needs),
            key=lambda name: (
                (0.0 if name in finished else cost_s.get(name, 0.0)) + path_after(name, cost_s, finished, needed)
            ),
            default=None,
        )
    return tuple(path)


def verdict(
    *,
    now: datetime,
    deadline_at: datetime | None,
    ready_at: datetime | None,
    failed: bool,
    prediction: Prediction | None,
    warning_s: float,
) -> Verdict:
    """The verdict on one run. Pure.

    Args:
        now: aware.
        deadline_at: when it must be out; None gives IDLE.
        ready_at: when its video was out, or None.
        failed: it has finally failed: only an operator can save it.
        prediction: when it will be out.
        warning_s: seconds before the deadline that P90 may not pass (alerts.md: 15 minutes).
    """
    if deadline_at is None:
        return Verdict.IDLE
    if ready_at is not None:
        return Verdict.READY if ready_at <= deadline_at else Verdict.MISSED
    if now >= deadline_at:
        return Verdict.MISSED
    if failed or prediction is None or prediction.p90_at is None:
        return Verdict.AT_RISK
    late = prediction.p90_at > deadline_at - timedelta(seconds=warning_s)
    return Verdict.AT_RISK if late else Verdict.ON_TRACK
