"""A simulation put together: the schedule, chains and policies of the settings, and the history of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time

from config.settings import Settings
from console.bootstrap.reading import NIGHTLY_LIMIT_S, chains, open_installation_store
from scheduler.domain.job import QueueConfig
from scheduler.domain.render import StageName
from scheduler.domain.schedule import ScheduleDefinition
from scheduler.ports.store import StoreError
from scheduler.schedules.definitions import schedule_definitions
from scheduler.simulate.faults import Faults, parse_faults
from scheduler.simulate.plan import Plan
from scheduler.simulate.run import Outcome, simulate

HISTORY = 200
"""Calls of each provider that durations are drawn from."""

__all__ = ["Asked", "Outcome", "make_plan", "simulate"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for.

    Attributes:
        schedule: its name; None: the first one with a deadline.
        start: another time of day to start at, local.
        deadline: another deadline, local.
        history: whether durations are drawn from what the database remembers.
    """

    nights: int
    seed: int
    faults: Sequence[str] = ()
    schedule: str | None = None
    start: time | None = None
    deadline: time | None = None
    history: bool = True
    deadline_logic: bool = True


def make_plan(settings: Settings, asked: Asked) -> Plan:
    """The plan of a simulation.

    Raises:
        ValueError: a fault cannot be read, or there is no such schedule.
    """
    known = tuple(dict.fromkeys(name for stage in StageName for name in _all_providers(settings, stage)))
    faults = parse_faults(asked.faults, known)
    history: Mapping[tuple[str, str], Sequence[float]] = _history(settings) if asked.history else {}
    return Plan(
        definition=_definition(settings, asked),
        pipeline=settings.pipeline,
        chains=_chains(settings, faults),
        deadline=settings.deadline,
        queue=QueueConfig(
            "daily_ca",
            timeout_s=NIGHTLY_LIMIT_S,
            max_retries=settings.queue.max_retries,
            retry_delay_s=settings.queue.retry_delay_s,
        ),
        faults=faults,
        seed=asked.seed,
        nights=asked.nights,
        first=datetime(2026, 1, 1, tzinfo=UTC),
        history=history,
        deadline_logic=asked.deadline_logic,
    )


def _definition(settings: Settings, asked: Asked) -> ScheduleDefinition:
    found = [one for one in schedule_definitions(settings) if one.deadline is not None and not one.at]
    if asked.schedule is not None:
        found = [one for one in found if one.name == asked.schedule]
    if not found:
        raise ValueError(f"no schedule with a deadline and recurring starts is called {asked.schedule or 'anything'}")
    # The job type decides the limits, not the pipeline: every simulated job takes all its stages.
    definition = replace(found[0], job_type="daily_ca", enabled=True, holidays=(), payload={}, payload_file=None)
    if asked.start is not None:
        rest = definition.cron.split()[2:]
        definition = replace(definition, cron=" ".join([str(asked.start.minute), str(asked.start.hour), *rest]))
    return definition if asked.deadline is None else replace(definition, deadline=asked.deadline)


def _all_providers(settings: Settings, stage: StageName) -> tuple[str, ...]:
    return getattr(settings.pipeline.stages, stage.value).providers


def _chains(settings: Settings, faults: Faults) -> dict[StageName, tuple[str, ...]]:
    """The chains of this installation, and whatever else a fault is for: to ask what it would do if it were there."""
    here = chains(settings)
    return {
        stage: tuple(
            name for name in _all_providers(settings, stage) if name in here[stage] or name in faults.by_provider
        )
        for stage in StageName
    }


def _history(settings: Settings) -> dict[tuple[str, str], list[float]]:
    """What the database remembers; nothing where there is none."""
    if settings.database.url is None and not (settings.home / "predawn.db").exists():
        return {}
    try:
        store = open_installation_store(settings)
    except StoreError:
        return {}
    try:
        return store.stage_durations(limit=HISTORY)
    finally:
        store.close()
