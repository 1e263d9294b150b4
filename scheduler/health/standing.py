"""How services stand, folded from the probes that are kept. Pure: the console gets the same answer as the daemon."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from scheduler.domain.service import DOWN_AFTER, Maintenance, Probe, Rollup, ServiceHealth, ServiceState, next_state
from scheduler.health.rollups import percentile, slow_since

SPARK = 30
"""Latencies kept for the sparkline."""


def standing(
    service: str,
    url: str,
    probes: Sequence[Probe],
    *,
    now: datetime,
    stale_s: float,
    windows: Sequence[Rollup] = (),
    slow_ms: float = float("inf"),
    maintenance: Maintenance | None = None,
) -> ServiceHealth:
    """How a service stands at ``now``.

    Args:
        service: its name.
        url: its base URL.
        probes: oldest first.
        now: aware.
        stale_s: seconds after which the last probe tells nothing any more: the state is UNKNOWN then.
        windows: its last roll-ups of ``WINDOW_S``.
        slow_ms: P95 over which it is degraded, when that lasts.
        maintenance: set where an operator has taken it out; over when its time is.
    """
    state, since, consecutive = ServiceState.UNKNOWN, None, 0
    last: Probe | None = None
    for probe in probes:
        if last is not None and probe.at - last.at > timedelta(seconds=stale_s):
            # Nobody looked for a while: what was known then does not count against what is found now.
            state, since, last = ServiceState.UNKNOWN, None, None
        consecutive = consecutive + 1 if last is not None and last.ok == probe.ok else 1
        after = next_state(state, probe, consecutive)
        if after is not state:
            state, since = after, probe.at
        last = None if probe.doubtful else probe
    newest = probes[-1] if probes else None
    stale = newest is not None and now - newest.at > timedelta(seconds=stale_s)
    if newest is not None and stale:
        state, since = ServiceState.UNKNOWN, newest.at
    slow = slow_since(windows, now, slow_ms) if state is ServiceState.UP else None
    if slow is not None:
        state, since = ServiceState.DEGRADED, slow
    good = [probe.latency_ms for probe in probes if probe.ok and probe.latency_ms is not None]
    return ServiceHealth(
        service=service,
        url=url,
        state=state,
        since=since,
        last_probe=newest,
        consecutive=consecutive,
        latencies_ms=tuple(probe.latency_ms if probe.ok else None for probe in probes[-SPARK:]),
        p50_ms=percentile(good, 0.5),
        p95_ms=percentile(good, 0.95),
        maintenance=maintenance if maintenance is not None and maintenance.until > now else None,
        reason=_reason(state, newest, stale=stale, failures=consecutive, slow_ms=None if slow is None else slow_ms),
    )


def _reason(state: ServiceState, last: Probe | None, *, stale: bool, failures: int, slow_ms: float | None) -> str:
    """Why a service is not up, one line."""
    match state:
        case ServiceState.UP:
            return ""
        case ServiceState.UNKNOWN:
            return _why_unknown(last, stale=stale, failures=failures)
        case ServiceState.DEGRADED if slow_ms is not None:
            return f"the P95 of its answers stays over {slow_ms:g} ms"
        case _:
            return (last.error if last is not None else None) or state.value


def _why_unknown(last: Probe | None, *, stale: bool, failures: int) -> str:
    if last is None:
        return "never probed"
    if last.doubtful:
        return "nothing elsewhere can be reached: our own connection?"
    if stale or last.ok:
        return "not probed for a while"
    return f"failed {failures} of the {DOWN_AFTER} times that make it down: {last.error}"
