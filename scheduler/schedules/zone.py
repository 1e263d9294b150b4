"""The one time zone in which times are told to people: the deadline's. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from scheduler.domain.schedule import ScheduleState

DEFAULT_ZONE = "UTC"


def deadline_zone(states: Iterable[ScheduleState]) -> str:
    """IANA name of the zone of the first enabled schedule with a deadline; of any schedule; UTC when there is none."""
    by_need = sorted(states, key=lambda state: (not state.definition.enabled, state.definition.deadline is None))
    return by_need[0].definition.timezone if by_need else DEFAULT_ZONE
