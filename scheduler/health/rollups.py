"""What probes come to over a span of time. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from scheduler.domain.service import SLOW_WINDOWS, WINDOW_S, Probe, Rollup

LEAST_PROBES = 3
"""Good probes that a window must have before its P95 says anything."""


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile; ``share`` is 0–1. None of no values."""
    ranked = sorted(values)
    return ranked[max(math.ceil(share * len(ranked)), 1) - 1] if ranked else None


def aligned(at: datetime, span_s: int) -> datetime:
    """The beginning of the span that a time lies in."""
    return datetime.fromtimestamp(at.timestamp() // span_s * span_s, UTC)


def spans_between(since: datetime, until: datetime, span_s: int) -> list[datetime]:
    """The beginnings of the spans that are over by ``until``, from the one that ``since`` lies in."""
    first, end = aligned(since, span_s), aligned(until, span_s)
    return [first + timedelta(seconds=span_s * n) for n in range(round((end - first).total_seconds() / span_s))]


def roll_up(service: str, start: datetime, span_s: int, probes: Sequence[Probe]) -> Rollup | None:
    """The figures of the probes that lie in one span; None: none does."""
    end = start + timedelta(seconds=span_s)
    inside = [probe for probe in probes if start <= probe.at < end and not probe.doubtful]
    if not inside:
        return None
    good = [probe.latency_ms for probe in inside if probe.ok and probe.latency_ms is not None]
    return Rollup(
        service=service,
        start=start,
        span_s=span_s,
        probes=len(inside),
        failures=sum(not probe.ok for probe in inside),
        p50_ms=percentile(good, 0.5),
        p95_ms=percentile(good, 0.95),
        p99_ms=percentile(good, 0.99),
        max_ms=max(good, default=None),
    )


def slow_since(windows: Sequence[Rollup], now: datetime, slow_ms: float) -> datetime | None:
    """Since when a service is slow: its P95 was over ``slow_ms`` in each of the last three whole windows.

    Args:
        windows: of ``WINDOW_S``, in any order.
        now: aware.
        slow_ms: the threshold.

    Returns:
        The beginning of the first slow window of the row that goes on until now; None: it is not slow.
    """
    by_start = {window.start: window for window in windows if window.span_s == WINDOW_S}
    start, slow = aligned(now, WINDOW_S), 0
    while True:
        window = by_start.get(start - timedelta(seconds=WINDOW_S))
        good = 0 if window is None else window.probes - window.failures
        if window is None or good < LEAST_PROBES or window.p95_ms is None or window.p95_ms <= slow_ms:
            return start if slow >= SLOW_WINDOWS else None
        start, slow = window.start, slow + 1
