"""The schedules of the config as the engine knows them, and where the table says something else. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from config.settings import ScheduleSettings, Settings
from scheduler.domain.schedule import Difference, ScheduleDefinition, ScheduleState
from scheduler.schedules.zone import DEFAULT_ZONE


def schedule_definitions(settings: Settings) -> tuple[ScheduleDefinition, ...]:
    """The schedules of the config."""
    return tuple(_definition(name, one, settings.home) for name, one in settings.schedules.items())


def _definition(name: str, one: ScheduleSettings, home: Path) -> ScheduleDefinition:
    return ScheduleDefinition(
        name=name,
        job_type=one.job_type,
        cron=one.line,
        timezone=ZoneInfo(one.timezone).key,
        deadline=one.deadline,
        catch_up_s=one.catch_up_s,
        payload=one.payload,
        priority=one.priority,
        enabled=one.enabled,
        at=tuple(sorted(one.at)),
        holidays=tuple(sorted(set(one.holidays))),
        latest_start=one.latest_start,
        start_early=one.start_early,
        payload_file=None if one.payload_file is None else str(home / one.payload_file),
    )


def report_definition(settings: Settings) -> ScheduleDefinition:
    """When the daily report is due: a schedule of its own, in the deadline's zone, caught up for half a day."""
    by_need = sorted(schedule_definitions(settings), key=lambda one: (not one.enabled, one.deadline is None))
    zone, at = by_need[0].timezone if by_need else DEFAULT_ZONE, settings.report.at
    return ScheduleDefinition("report", "report", f"{at.minute} {at.hour} * * *", zone, catch_up_s=12 * 3600.0)


def differences(definitions: Sequence[ScheduleDefinition], states: Iterable[ScheduleState]) -> tuple[Difference, ...]:
    """Where the table differs from the config: edits that no daemon has taken over yet, and operators' changes."""
    found: list[Difference] = []
    table = {state.definition.name: state for state in states}
    for definition in definitions:
        state = table.pop(definition.name, None)
        if state is None:
            found.append(Difference(definition.name, "schedule", "declared", "not there: start the daemon anew"))
            continue
        found += [
            Difference(definition.name, field.name, _text(wanted), _text(kept))
            for field in dataclasses.fields(definition)
            if (wanted := getattr(definition, field.name)) != (kept := getattr(state.definition, field.name))
        ]
        if state.paused:
            found.append(Difference(definition.name, "paused", "no", "yes, by an operator"))
        if state.skip_dates:
            dates = ", ".join(day.isoformat() for day in state.skip_dates)
            found.append(Difference(definition.name, "skip_dates", "none", dates))
    found += [
        Difference(name, "schedule", "not there", "declared: restart the daemon to take it out") for name in table
    ]
    return tuple(found)


def _text(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case tuple():
            return ", ".join(str(one) for one in cast("tuple[object, ...]", value)) or "none"
        case _:
            return str(value)
