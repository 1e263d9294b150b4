"""The on-time record in figures: rates against the target, budget, success, failures, durations. Pure.

One sample a night: 30 nights at 95 % allow 1.5 misses (alerts.md). Below ``ENOUGH`` samples the figures say that they
are few.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from scheduler.domain.failure import FailureRecord
from scheduler.domain.fingerprint import fingerprint
from scheduler.domain.night import Night, NightOutcome
from scheduler.domain.quantile import percentile
from scheduler.domain.render import RenderStatus

TARGET = 0.95
"""Share of nights that must be on time."""
ENOUGH = 20
"""Samples below which a rate says little."""
WINDOWS = (7, 30, 90)
"""Days that are always told."""


@dataclass(frozen=True, slots=True)
class OnTime:
    """The on-time rate over the run dates of some days.

    Attributes:
        days: how many run dates the window holds, up to today.
        n: nights that count (not skipped, not open).
        late: videos that came after the deadline.
        missed: nights without a video.
        degraded: nights on time whose first video was degraded.
        target: share that must be on time.
    """

    days: int
    n: int
    on_time: int
    late: int
    missed: int
    degraded: int
    skipped: int
    target: float = TARGET

    @property
    def rate(self) -> float | None:
        """Share of nights on time, 0–1; None: there is no night yet."""
        return self.on_time / self.n if self.n else None

    @property
    def allowed(self) -> float:
        """Misses that the target allows in this window."""
        return (1 - self.target) * self.n

    @property
    def budget_left(self) -> float:
        """Misses that are still allowed; negative: the target is not met."""
        return self.allowed - (self.n - self.on_time)

    @property
    def enough(self) -> bool:
        """Whether there are enough nights for the rate to mean something."""
        return self.n >= ENOUGH

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None: there are too few nights to say."""
        return None if not self.enough or self.rate is None else self.rate >= self.target


def on_time(nights: Iterable[Night], *, today: date, days: int, target: float = TARGET) -> OnTime:
    """The rate over the run dates ``(today - days, today]``."""
    first = today - timedelta(days=days)
    inside = [night for night in nights if first < night.run_date <= today]
    counted = [night for night in inside if night.outcome.counts]
    good = [night for night in counted if night.outcome is NightOutcome.ON_TIME]
    return OnTime(
        days=days,
        n=len(counted),
        on_time=len(good),
        late=sum(night.outcome is NightOutcome.LATE for night in counted),
        missed=sum(night.outcome is NightOutcome.MISSED for night in counted),
        degraded=sum(bool(night.degraded) for night in good),
        skipped=sum(night.outcome is NightOutcome.SKIPPED for night in inside),
        target=target,
    )


@dataclass(frozen=True, slots=True)
class Success:
    """How renders ended; cancelled and interrupted ones are neither success nor failure."""

    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    interrupted: int = 0

    @property
    def rate(self) -> float | None:
        """Share of ended renders that delivered, 0–1; None: none has ended."""
        ended = self.completed + self.failed
        return self.completed / ended if ended else None


def success_of(counts: Mapping[RenderStatus, int]) -> Success:
    """The figures of counted renders."""
    return Success(
        completed=counts.get(RenderStatus.COMPLETED, 0),
        failed=counts.get(RenderStatus.FAILED, 0),
        cancelled=counts.get(RenderStatus.CANCELLED, 0),
        interrupted=counts.get(RenderStatus.INTERRUPTED, 0),
    )


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failures with one fingerprint.

    Attributes:
        last_at: the start of the newest render that failed so.
        message: of the newest one.
    """

    fingerprint: str
    kind: str
    stage: str | None
    provider: str | None
    count: int
    last_at: datetime
    message: str


def group_failures(failures: Iterable[tuple[datetime, FailureRecord]]) -> tuple[FailureGroup, ...]:
    """Failures by fingerprint, the most frequent first."""
    found: defaultdict[str, list[tuple[datetime, FailureRecord]]] = defaultdict(list)
    for at, failure in failures:
        found[fingerprint(failure)].append((at, failure))
    groups: list[FailureGroup] = []
    for mark, members in found.items():
        at, newest = max(members, key=lambda pair: pair[0])
        groups.append(
            FailureGroup(
                fingerprint=mark,
                kind=newest.failure_reason.value,
                stage=newest.stage,
                provider=newest.provider,
                count=len(members),
                last_at=at,
                message=newest.message,
            )
        )
    return tuple(sorted(groups, key=lambda group: (-group.count, group.fingerprint)))


@dataclass(frozen=True, slots=True)
class StageTimes:
    """How long the good calls of a provider took in a stage, seconds."""

    stage: str
    provider: str
    n: int
    mean_s: float
    p50_s: float
    p90_s: float


def stage_times(durations: Mapping[tuple[str, str], Sequence[float]], order: Sequence[str]) -> tuple[StageTimes, ...]:
    """Average and percentiles by (stage, provider), stages in ``order``."""
    rank = {stage: n for n, stage in enumerate(order)}
    return tuple(
        StageTimes(
            stage=stage,
            provider=provider,
            n=len(seconds),
            mean_s=sum(seconds) / len(seconds),
            p50_s=percentile(seconds, 0.5),
            p90_s=percentile(seconds, 0.9),
        )
        for (stage, provider), seconds in sorted(
            durations.items(), key=lambda item: (rank.get(item[0][0], len(rank)), item[0])
        )
        if seconds
    )


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well finishes were foretold: of ``n`` nights with a prediction and a video, how many came before it."""

    n: int
    under_p50: int
    under_p90: int


def calibration(nights: Iterable[Night]) -> Calibration:
    """Compare what was predicted when the runs began with what happened."""
    judged = [
        (night.ready_at <= night.p50_at, night.ready_at <= night.p90_at)
        for night in nights
        if night.ready_at is not None and night.p50_at is not None and night.p90_at is not None
    ]
    return Calibration(n=len(judged), under_p50=sum(p50 for p50, _ in judged), under_p90=sum(p90 for _, p90 in judged))


@dataclass(frozen=True, slots=True)
class SlaReport:
    """The record over some days, told at ``at``.

    Attributes:
        days: the window of ``success``, ``failures``, ``stages``, ``calibration`` and ``nights``.
        timezone: in which its dates are.
        windows: on-time rates over 7, 30 and 90 days, and over ``days`` if that is another number.
        nights: newest first.
    """

    at: datetime
    days: int
    timezone: str
    windows: tuple[OnTime, ...]
    success: Success
    failures: tuple[FailureGroup, ...]
    stages: tuple[StageTimes, ...]
    calibration: Calibration
    nights: tuple[Night, ...]

    def window(self, days: int) -> OnTime | None:
        """The on-time rate over so many days, if it was asked for."""
        return next((window for window in self.windows if window.days == days), None)
