"""Many nights over several processes, and what they amount to; how they are shared out changes nothing."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path

from scheduler.domain.night import NightOutcome
from scheduler.domain.quantile import percentile
from scheduler.logs import quiet
from scheduler.schedules.due import next_nominal
from scheduler.simulate.plan import NightResult, Plan
from scheduler.simulate.world import World

CHUNK = 250
"""Nights that a process is given at once."""
LEAST = 10
"""Fewer nights are not worth a process."""
WORST = 5
"""Nights that are told of one by one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the nights amount to.

    Attributes:
        on_time: nights with a video by the deadline.
        late: with a video after it.
        missed: without one by six hours after it.
        degraded: nights on time whose video was degraded.
        under_p90: nights out before the P90 that was predicted at their start.
        margins_s: seconds before the deadline by share of nights: 0.01 is the margin that 1 % do not reach.
        took_s: seconds from start to video, likewise.
        worst: the nights with the least margin, with what happened in them.
    """

    nights: int
    on_time: int
    late: int
    missed: int
    degraded: int
    under_p90: int
    calls: int
    margins_s: dict[float, float]
    took_s: dict[float, float]
    worst: tuple[NightResult, ...]

    @property
    def on_time_rate(self) -> float:
        """Share of nights on time, 0–1."""
        return self.on_time / self.nights

    @property
    def degraded_rate(self) -> float:
        """Share of nights whose video was degraded, 0–1."""
        return self.degraded / self.nights


def simulate(plan: Plan, *, processes: int | None = None, progress: Callable[[int], None] | None = None) -> Outcome:
    """Simulate the plan's nights.

    Args:
        plan: what is simulated.
        processes: how many share the work; None: as many as there are processors, 1 for few nights.
        progress: hears of nights done.

    Raises:
        ValueError: the plan has no night.
    """
    if plan.nights < 1:
        raise ValueError(f"there must be at least one night, not {plan.nights}")
    found: list[NightResult] = []
    for results in _results(plan, processes):
        found += results
        if progress is not None:
            progress(len(found))
    found.sort(key=lambda night: night.number)
    return _sum_up(plan, found)


def _results(plan: Plan, processes: int | None) -> Iterator[list[NightResult]]:
    starts = list(enumerate(nominals(plan)))
    wanted = processes or os.cpu_count() or 1
    size = max(min(CHUNK, -(-len(starts) // wanted)), LEAST)
    chunks = [starts[begin : begin + size] for begin in range(0, len(starts), size)]
    wanted = min(wanted, len(chunks))
    if wanted == 1:
        for chunk in chunks:
            yield run_nights(plan, chunk)
        return
    with ProcessPoolExecutor(wanted, mp_context=get_context("spawn"), initializer=quiet) as pool:
        yield from pool.map(run_nights, [plan] * len(chunks), chunks)


def nominals(plan: Plan) -> list[datetime]:
    """The nominal starts of the plan's nights.

    Raises:
        ValueError: the schedule has fewer.
    """
    found: list[datetime] = []
    at = plan.first
    for _ in range(plan.nights):
        nominal = next_nominal(plan.definition, at)
        if nominal is None:
            raise ValueError(f"schedule {plan.definition.name} has only {len(found)} starts, not {plan.nights}")
        found.append(nominal)
        at = nominal
    return found


def run_nights(plan: Plan, starts: Sequence[tuple[int, datetime]], *, explain: bool = False) -> list[NightResult]:
    """Simulate these nights, by number and nominal start, in this process."""
    with tempfile.TemporaryDirectory(prefix="predawn-simulate-") as folder:
        world = World(plan, Path(folder))
        try:
            return [world.night(number, nominal, explain=explain) for number, nominal in starts]
        finally:
            world.close()


def _sum_up(plan: Plan, nights: Sequence[NightResult]) -> Outcome:
    counts = Counter(night.outcome for night in nights)
    late_first = sorted(nights, key=lambda night: (night.margin_s is not None, night.margin_s or 0.0, night.number))
    worst = [night.number for night in late_first[:WORST]]
    starts = nominals(plan)
    told = {night.number: night for night in run_nights(plan, [(n, starts[n]) for n in worst], explain=True)}
    margins = [night.margin_s for night in nights if night.margin_s is not None]
    took = [night.took_s for night in nights if night.took_s is not None]
    return Outcome(
        nights=len(nights),
        on_time=counts[NightOutcome.ON_TIME],
        late=counts[NightOutcome.LATE],
        missed=counts[NightOutcome.MISSED],
        degraded=sum(night.degraded and night.outcome is NightOutcome.ON_TIME for night in nights),
        under_p90=sum(night.under_p90 for night in nights),
        calls=sum(night.calls for night in nights),
        margins_s={share: percentile(margins, share) for share in (0.001, 0.01, 0.1, 0.5)} if margins else {},
        took_s={share: percentile(took, share) for share in (0.5, 0.9, 0.99, 0.999)} if took else {},
        worst=tuple(told[number] for number in worst),
    )
