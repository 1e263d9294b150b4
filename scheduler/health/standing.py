"""How services stand, folded from the probes that are kept. Pure: the console gets the same answer as the daemon."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from scheduler.domain.service import Probe, ServiceHealth, ServiceState, next_state

SPARK = 30
"""Latencies kept for the sparkline."""


def standing(service: str, url: str, probes: Sequence[Probe], *, now: datetime, stale_s: float) -> ServiceHealth:
    """How a service stands at ``now``.

    Args:
        service: its name.
        url: its base URL.
        probes: oldest first.
        now: aware.
        stale_s: seconds after which the last probe tells nothing any more: the state is UNKNOWN then.
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
        last = probe
    if last is not None and now - last.at > timedelta(seconds=stale_s):
        state, since = ServiceState.UNKNOWN, last.at
    return ServiceHealth(
        service=service,
        url=url,
        state=state,
        since=since,
        last_probe=last,
        consecutive=consecutive,
        latencies_ms=tuple(probe.latency_ms if probe.ok else None for probe in probes[-SPARK:]),
    )
