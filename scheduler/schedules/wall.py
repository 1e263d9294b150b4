"""From the wall clock to moments: one start for each wall-clock time, also where clocks change. Pure.

A wall-clock time that does not exist (clocks go forward over it) counts as the first moment after the gap; one that
exists twice (clocks go back) counts the first time only.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def moment_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment of a naive wall-clock time in a zone, aware, in that zone."""
    first = wall.replace(tzinfo=zone, fold=0)
    back = first.astimezone(UTC).astimezone(zone)
    if back.replace(tzinfo=None) == wall:
        return back
    return _after_gap(wall, zone)


def _after_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first moment whose wall clock is not before ``wall``, when no moment shows ``wall``."""
    # The offset before the gap, applied to a time in it, lands behind the gap; the one after it lands before it.
    late = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    early = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    low, high = min(early, late), max(early, late)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).replace(tzinfo=None) >= wall:
            high = middle
        else:
            low = middle
    return high.replace(microsecond=0).astimezone(zone)
