"""The prober: asks every service how it is, keeps the answers, and tells the runner which one is down.

Its state is the circuit breaker (alerts.md): one state, one prober.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import structlog

from config.settings import HealthSettings
from scheduler.domain.service import Probe, ServiceHealth, ServiceState
from scheduler.health.standing import standing
from scheduler.ports.clock import Clock
from scheduler.ports.store import ProbeStore, StoreError

log = structlog.get_logger("predawn.prober")

Check = Callable[[], Awaitable[Probe]]

HISTORY = 60
"""Probes looked back at to tell a state."""
PRUNE_EVERY = 500
"""Probes between two clean-ups of old ones."""


class Prober:
    """Probes services side by side, each on its own rhythm.

    Args:
        store: where probes are kept.
        checks: one health check by service; they never raise.
        urls: base URLs by service.
        settings: interval, re-check after a failure, how long probes are kept.
    """

    def __init__(
        self,
        store: ProbeStore,
        checks: Mapping[str, Check],
        urls: Mapping[str, str],
        settings: HealthSettings,
        clock: Clock,
        *,
        blocking: Callable[..., Awaitable[Any]] = asyncio.to_thread,
    ) -> None:
        self._store = store
        self._checks = dict(checks)
        self._urls = urls
        self._settings = settings
        self._clock = clock
        self._blocking = blocking
        self._health: dict[str, ServiceHealth] = {}
        self._flights: dict[str, asyncio.Task[ServiceHealth]] = {}
        self._count = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Probe until ``stop`` is set."""
        async with asyncio.TaskGroup() as group:
            for service in self._checks:
                group.create_task(self._watch(service, stop))

    async def probe_now(self) -> tuple[ServiceHealth, ...]:
        """Probe all services once, side by side."""
        return tuple(await asyncio.gather(*(self._probe(service) for service in self._checks)))

    def health(self, service: str) -> ServiceHealth | None:
        """How a service stood after its last probe; None before the first."""
        return self._health.get(service)

    def is_down(self, service: str) -> bool:
        """Whether a service is known to be down (not probed yet: not known)."""
        health = self._health.get(service)
        return health is not None and health.state is ServiceState.DOWN

    async def _watch(self, service: str, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                health = await self._probe(service)
                failed = health.last_probe is not None and not health.last_probe.ok
            except StoreError as error:
                log.warning("probe not kept", service=service, error=str(error))
                failed = True
            pause = self._settings.recheck_s if failed else self._settings.interval_s
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                continue

    async def _probe(self, service: str) -> ServiceHealth:
        """One probe; whoever asks while it is in flight gets the same answer (single-flight)."""
        flight = self._flights.get(service)
        if flight is None:
            flight = asyncio.create_task(self._probe_once(service))
            self._flights[service] = flight
            flight.add_done_callback(lambda _: self._flights.pop(service, None))
        return await asyncio.shield(flight)

    async def _probe_once(self, service: str) -> ServiceHealth:
        before = self._health.get(service)
        probe = await self._checks[service]()
        await self._blocking(self._store.add_probe, probe)
        probes = await self._blocking(self._store.probes, service, limit=HISTORY)
        health = standing(
            service, self._urls[service], probes, now=self._clock.now(), stale_s=stale_after(self._settings)
        )
        self._health[service] = health
        if before is None or before.state is not health.state:
            log.info("service changed", service=service, state=health.state.value, error=probe.error)
        self._count += 1
        if self._count % PRUNE_EVERY == 0:
            before_day = self._clock.now() - timedelta(days=self._settings.keep_days)
            await self._blocking(self._store.prune_probes, before=before_day)
        return health


def stale_after(settings: HealthSettings) -> float:
    """Seconds after which a probe tells nothing any more: four intervals and a time-out."""
    return 4 * settings.interval_s + settings.timeout_s
