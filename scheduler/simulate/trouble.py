"""What befalls an installation over some weeks: outages, slow and dead machines, full disks, bad jobs. Pure.

Some of it is trouble that people must hear of, some is noise that they must not.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from scheduler.domain.deadline import Estimate
from scheduler.domain.render import StageName
from scheduler.simulate.faults import PROVIDERS_OF, Fault, FaultKind, Faults
from scheduler.simulate.providers import Durations

SERVICES = ("manim", "revideo", "orchestrator")
SERVICE_OF = {provider: service for service, providers in PROVIDERS_OF.items() for provider in providers}


class Kind(StrEnum):
    """What can befall it."""

    OUTAGE = "outage"
    BLIP = "blip"
    SLOW = "slow machine"
    DEAD = "dead machine"
    FULL = "full disk"
    BAD_JOBS = "bad jobs"
    FLOOD = "flood of jobs"


CALLS_FAIL = 0.03
"""Share of all calls to services that fail on the best of days."""
OF_NIGHTS = {Kind.SLOW: 0.15, Kind.FULL: 0.10, Kind.DEAD: 0.15, Kind.OUTAGE: 0.12, Kind.BAD_JOBS: 0.2, Kind.FLOOD: 0.2}
"""Share of nights in which it happens; the first three exclude each other, an outage is of each service."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that befalls it.

    Attributes:
        begins: aware.
        ends: aware.
        service: which one is out.
        size: how many times slower, or how many jobs.
    """

    kind: Kind
    begins: datetime
    ends: datetime
    service: str = ""
    size: float = 0.0

    def at(self, now: datetime) -> bool:
        """Whether it is so at a moment."""
        return self.begins <= now < self.ends


def befalls(nominal: datetime, rng: random.Random) -> list[Trouble]:
    """What befalls the night whose run starts at ``nominal``: most nights little, some nights a lot."""
    found: list[Trouble] = []

    def add(kind: Kind, after_min: float, for_min: float, service: str = "", size: float = 0.0) -> None:
        begins = nominal + timedelta(minutes=after_min)
        found.append(Trouble(kind, begins, begins + timedelta(minutes=for_min), service, size))

    machine = {kind: OF_NIGHTS[kind] for kind in (Kind.SLOW, Kind.FULL, Kind.DEAD)}
    [fate] = rng.choices([*machine, None], [*machine.values(), 1 - sum(machine.values())])
    if fate is Kind.SLOW:
        add(fate, rng.uniform(-15, 0), 600, size=math.exp(rng.uniform(2.3, 6.2)))
    elif fate is Kind.FULL:
        add(fate, rng.uniform(-15, 0), rng.uniform(40, 120))
    elif fate is Kind.DEAD:
        add(fate, rng.uniform(-15, 3), rng.uniform(10, 200))
    for service in SERVICES:
        if rng.random() < OF_NIGHTS[Kind.OUTAGE]:
            add(Kind.OUTAGE, rng.uniform(-20, 90), rng.uniform(4, 60), service)
    for _ in range(rng.choice([0, 1, 2, 4])):
        add(Kind.BLIP, rng.uniform(-30, 240), rng.uniform(0.02, 0.1), rng.choice(SERVICES))
    if rng.random() < OF_NIGHTS[Kind.BAD_JOBS]:
        add(Kind.BAD_JOBS, rng.uniform(20, 120), 60, size=rng.choice([2, 3, 4]))
    if rng.random() < OF_NIGHTS[Kind.FLOOD]:
        add(Kind.FLOOD, rng.uniform(20, 120), 1, size=rng.choice([12, 15, 45, 60]))
    return found


class Weather:
    """The troubles of a night, as what meets them sees them."""

    def __init__(self) -> None:
        self.troubles: Sequence[Trouble] = ()
        self.now: datetime | None = None

    def _now(self, kinds: Iterable[Kind]) -> list[Trouble]:
        now = self.now
        return [] if now is None else [one for one in self.troubles if one.kind in kinds and one.at(now)]

    def is_out(self, service: str) -> bool:
        """Whether a service refuses connections."""
        return any(one.service == service for one in self._now((Kind.OUTAGE, Kind.BLIP)))

    @property
    def slowness(self) -> float:
        """How many times longer everything takes."""
        return max((one.size for one in self._now((Kind.SLOW,))), default=1.0)

    @property
    def is_full(self) -> bool:
        """Whether nothing can be written any more."""
        return bool(self._now((Kind.FULL,)))

    @property
    def is_dead(self) -> bool:
        """Whether the machine that renders is gone."""
        return bool(self._now((Kind.DEAD,)))


@dataclass(frozen=True, slots=True)
class WeatheredDurations(Durations):
    """How long calls take in this weather."""

    weather: Weather = field(default_factory=Weather)

    def draw(self, stage: StageName, provider: str, rng: random.Random) -> float:
        """Seconds of one call."""
        return Durations.draw(self, stage, provider, rng) * self.weather.slowness


@dataclass(frozen=True, slots=True)
class WeatheredFaults(Faults):
    """What goes wrong with a call in this weather."""

    weather: Weather = field(default_factory=Weather)
    uploads: frozenset[str] = frozenset()

    def draw(self, provider: str, rng: random.Random) -> Fault | None:
        """What hits this call."""
        service = SERVICE_OF.get(provider)
        if service is not None and self.weather.is_out(service):
            return Fault(FaultKind.DOWN)
        if provider in self.uploads and self.weather.is_full:
            return Fault(FaultKind.HTTP, value=507)
        if service is not None and rng.random() < CALLS_FAIL:
            return Fault(FaultKind.HTTP, value=503)
        return Faults.draw(self, provider, rng)


USUAL_DOUBT = Estimate(45.0, 90.0)
"""Seconds that a doubt takes."""
DOUBTS_FAIL = 0.05
"""Share of them that fail on the best of days."""
