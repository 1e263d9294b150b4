"""A real installation in memory for the tests of the screens: operations over a store that a test fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from console_world import ACTOR, NOW, Options
from pydantic import SecretStr

from config.sections.alerts import AlertSettings, SlackSettings
from config.settings import Settings
from console.bootstrap.daemon import schedule_definitions
from console.bootstrap.reading import chains, job_types
from console.tui.app import PredawnApp
from scheduler.domain.access import Role
from scheduler.domain.failure import FailureClass
from scheduler.domain.job import Job, JobSpec
from scheduler.domain.render import Attempt, AttemptStatus, StageName
from scheduler.domain.service import HOUR_S, Probe, Rollup, ServiceHealth, ServiceState, ServiceTransition
from scheduler.operations import StoreOperations
from scheduler.ports.alerts import Trial, TrialStep
from scheduler.ports.operations import Actor
from scheduler.ports.recording import Recording
from scheduler.testing import FakeClock, MemoryStore

OPERATOR = Actor("ann", "tui", Role.OPERATOR, "host/pts/1")
VIEWER = Actor("bob", "tui", Role.VIEWER)


@dataclass
class Installation:
    """A store, operations over it, and a clock that stands still.

    Attributes:
        probed: how often services were probed by command.
        tested: channels over which a test was sent.
    """

    home: Path
    recording: Recording | None = None
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    probed: int = 0
    tested: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.store = MemoryStore(self.clock)
        slack = SlackSettings(bot_token=SecretStr("xoxb-1"), channel="C1")
        self.settings = Settings(home=self.home, alerts=AlertSettings(slack=slack))
        self.store.sync_schedules(schedule_definitions(self.settings), now=NOW - timedelta(days=3))
        self.operations = StoreOperations(
            self.store,
            self.settings,
            self.clock,
            job_types=job_types(self.settings, ask=False),
            chains=chains(self.settings),
            recording=self.recording,
            probe=self._probe,
            trial=self._trial,
        )

    def _probe(self) -> tuple[ServiceHealth, ...]:
        self.probed += 1
        self.store.add_probe(Probe("manim", self.clock.now(), ok=True, latency_ms=7.0))
        return self.operations.services()

    def _trial(self, channel: str) -> Trial:
        self.tested.append(channel)
        return Trial(channel, (TrialStep("bot token", fine=False, told="Slack does not know it"),))

    def app(self, actor: Actor = OPERATOR, **more: Any) -> PredawnApp:
        return PredawnApp(self.operations, actor=actor, settings=Options(), clock=self.clock, **more)

    def probes(self, service: str = "manim", count: int = 40) -> None:
        """Forty probes, the last four failed, and what the prober makes of them: a change of state, two hours."""
        for n in range(count):
            at = NOW - timedelta(seconds=15 * (count - n))
            failed = n >= count - 4
            latency = None if failed else 10.0 + n
            error = "connection refused" if failed else None
            self.store.add_probe(Probe(service, at, ok=not failed, latency_ms=latency, error=error))
        down_at = NOW - timedelta(seconds=30)
        up, down = ServiceState.UP, ServiceState.DOWN
        self.store.add_transition(ServiceTransition(service, down_at, up, down, "connection refused"))
        hour = NOW.replace(minute=0, second=0)
        self.store.put_rollups(
            [
                Rollup(service, hour - timedelta(hours=1), HOUR_S, 240, 0, 11.0, 14.0, 15.0, 18.0),
                Rollup(service, hour, HOUR_S, count, 4, 27.0, 44.0, 45.0, 45.0),
            ]
        )

    def job(self, key: str = "daily_ca:2026-11-21", payload: Mapping[str, Any] | None = None) -> Job:
        return self.store.enqueue(JobSpec("daily_ca", payload=payload or {}, idempotency_key=key)).job

    def calls(self, count: int = 3, *, error: str = "no answer within 240 s", job: Job | None = None) -> list[Attempt]:
        """Calls of a render, every third failed."""
        one = job or self.job(f"k{self.clock.monotonic()}{count}")
        lease = self.store.claim("w", limit=1, lease_s=3600, only=[one.id])[0]
        render = self.store.start_render(lease, correlation_id="c")
        assert render is not None
        made: list[Attempt] = []
        for n in range(count):
            failed = n % 3 == 2
            attempt = Attempt(
                id=f"{one.seq:08x}-0000-4000-8000-{n:012x}",
                render_id=render.id,
                job_id=one.id,
                stage=StageName.MANIM if failed else StageName.TTS,
                provider="manim-api" if failed else "espeak",
                status=AttemptStatus.FAILED if failed else AttemptStatus.COMPLETED,
                started_at=self.clock.now() + timedelta(seconds=n),
                duration_ms=1500 + n,
                fallback_position=1 if n % 4 == 3 else 0,
                error_class=FailureClass.TIMEOUT if failed else None,
                error_message=error if failed else None,
            )
            self.store.start_attempt(attempt)
            made.append(attempt)
        return made


assert ACTOR  # the same reader as in the other tests
