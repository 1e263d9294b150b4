"""The prober: asks every service how it is, keeps the answers, and tells the runner which one is down.

Its state is the circuit breaker (alerts.md): one state, one prober.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from config.settings import HealthSettings
from scheduler.domain.service import (
    DOWN_AFTER,
    HOUR_S,
    SLOW_WINDOWS,
    WINDOW_S,
    Maintenance,
    Probe,
    Rollup,
    ServiceHealth,
    ServiceState,
    ServiceTransition,
)
from scheduler.health.rollups import roll_up, spans_between
from scheduler.health.standing import standing
from scheduler.ports.clock import Clock
from scheduler.ports.store import HealthStore, StoreError

log = structlog.get_logger("predawn.prober")

Check = Callable[[], Awaitable[Probe]]
Connected = Callable[[], Awaitable[bool]]
"""Whether anything elsewhere can be reached at all."""

HISTORY = 60
"""Probes looked back at to tell a state."""
WINDOWS = SLOW_WINDOWS + 1
"""Roll-ups looked back at: of the last whole windows the newest may not be written yet."""
QUICK_S, BREATH_S = 0.5, 0.1
"""A failure that comes within so many seconds is looked at again after a breath, while nothing else is known of the
service: three in a row make it down, and nobody has to wait long for that."""
PRUNE_EVERY = 500
"""Probes between two clean-ups of old ones."""
WINDOW_DAYS = 7
"""Days that the roll-ups of five minutes are kept."""
CATCH_UP_HOURS = 48
"""Roll-ups that nobody made while no daemon ran are made for so long back."""


async def _connected() -> bool:
    return True


class Prober:
    """Probes services side by side, each on its own rhythm.

    Args:
        store: where probes are kept.
        checks: one health check by service; they never raise.
        urls: base URLs by service.
        settings: interval, re-check after a failure, how long probes are kept.
        elsewhere: services that are reached over the network; when all of them fail at once, ``connected`` is asked.
        connected: whether anything elsewhere can be reached.
    """

    def __init__(
        self,
        store: HealthStore,
        checks: Mapping[str, Check],
        urls: Mapping[str, str],
        settings: HealthSettings,
        clock: Clock,
        *,
        elsewhere: Collection[str] = (),
        connected: Connected = _connected,
        blocking: Callable[..., Awaitable[Any]] = asyncio.to_thread,
    ) -> None:
        self._store = store
        self._checks = dict(checks)
        self._urls = urls
        self._settings = settings
        self._clock = clock
        self._elsewhere = frozenset(elsewhere)
        self._connected = connected
        self._blocking = blocking
        self._health: dict[str, ServiceHealth] = {}
        self._maintenance: Mapping[str, Maintenance] = {}
        self._flights: dict[str, asyncio.Task[ServiceHealth]] = {}
        self._rolled: dict[tuple[str, int], datetime] = {}
        self._answers: dict[str, bool] = {}
        self._count = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Probe until ``stop`` is set."""
        async with asyncio.TaskGroup() as group:
            for service in self._checks:
                group.create_task(self._watch(service, stop))

    async def probe_now(self) -> tuple[ServiceHealth, ...]:
        """Probe all services now, side by side."""
        return tuple(await asyncio.gather(*(self._look(service) for service in self._checks)))

    async def before_render(self) -> None:
        """See how services stand before a render rests on it: those nobody has just looked at are probed now.

        It takes no longer than a probe, and fails at nothing: what is not known is found out by calling.
        """
        try:
            self._maintenance = await self._blocking(_by_service, self._store)
            now = self._clock.now()
            old = [name for name in self._checks if not self._is_fresh(name, now)]
            await asyncio.gather(*(self._look(service) for service in old))
        except StoreError as error:
            log.warning("services not looked at before a render", error=str(error))

    def health(self, service: str) -> ServiceHealth | None:
        """How a service stood after its last probe; None before the first."""
        health = self._health.get(service)
        out = self._maintenance.get(service)
        if out is not None and out.until <= self._clock.now():
            out = None
        if health is None:
            if out is None:
                return None
            health = ServiceHealth(service, self._urls.get(service, ""), ServiceState.UNKNOWN)
        return replace(health, maintenance=out)

    def is_down(self, service: str) -> bool:
        """Whether a service is known to be down (not probed yet: not known)."""
        health = self._health.get(service)
        return health is not None and health.state is ServiceState.DOWN

    def _is_fresh(self, service: str, now: datetime) -> bool:
        health = self._health.get(service)
        last = health.last_probe if health is not None else None
        if health is None or last is None or _undecided(health):
            return False
        return now - last.at < timedelta(seconds=2 * self._settings.interval_s)

    async def _watch(self, service: str, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                health = await self._look(service)
                failed = health.last_probe is not None and not health.last_probe.ok
            except StoreError as error:
                log.warning("probe not kept", service=service, error=str(error))
                failed = True
            pause = self._settings.recheck_s if failed else self._settings.interval_s
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                continue

    async def _look(self, service: str) -> ServiceHealth:
        """Probe a service; one of which nothing is known yet, and that fails quickly, as often as it takes to know."""
        began = self._clock.monotonic()
        health = await self._probe(service)
        for _ in range(DOWN_AFTER - 1):
            if not _undecided(health) or self._clock.monotonic() - began > QUICK_S:
                break
            await asyncio.sleep(BREATH_S)
            began = self._clock.monotonic()
            health = await self._probe(service)
        return health

    async def _probe(self, service: str) -> ServiceHealth:
        """One probe; whoever asks while it is in flight gets the same answer (single-flight)."""
        flight = self._flights.get(service)
        if flight is None:
            flight = asyncio.create_task(self._probe_once(service))
            self._flights[service] = flight
            flight.add_done_callback(lambda _: self._flights.pop(service, None))
        return await asyncio.shield(flight)

    async def _probe_once(self, service: str) -> ServiceHealth:
        probe = await self._checks[service]()
        self._answers[service] = probe.http_status is not None
        if service in self._elsewhere and not any(self._answers.get(other, True) for other in self._elsewhere):
            # Nothing elsewhere answers: is it them, or is it us?
            probe = replace(probe, doubtful=not await self._connected())
        health, before = await self._blocking(self._keep, service, probe)
        self._health[service] = health
        self._maintenance = (
            {**self._maintenance, service: health.maintenance}
            if health.maintenance
            else {name: out for name, out in self._maintenance.items() if name != service}
        )
        if before is not health.state:
            log.info("service changed", service=service, state=health.state.value, error=probe.error)
        return health

    def _keep(self, service: str, probe: Probe) -> tuple[ServiceHealth, ServiceState | None]:
        """Keep a probe and all that follows from it; how the service stands now and stood before. Blocking."""
        store, now = self._store, self._clock.now()
        before = self._health.get(service)
        store.add_probe(probe)
        self._roll(service, now)
        health = health_of(store, service, self._urls[service], self._settings, now=now)
        known = before.state if before is not None else None
        if known is None:
            last = store.transitions(service, limit=1)
            known = last[0].after if last else None
        if known is not health.state:
            was = known or ServiceState.UNKNOWN
            store.add_transition(ServiceTransition(service, probe.at, was, health.state, health.reason))
        self._count += 1
        if self._count % PRUNE_EVERY == 0:
            settings = self._settings
            store.prune_probes(before=now - timedelta(days=settings.keep_days))
            store.prune_rollups(WINDOW_S, before=now - timedelta(days=WINDOW_DAYS))
            store.prune_rollups(HOUR_S, before=now - timedelta(days=settings.keep_hours_days))
        return health, before.state if before is not None else None

    def _roll(self, service: str, now: datetime) -> None:
        """Write the roll-ups of the spans that are over since the last time. Blocking."""
        for span_s in (WINDOW_S, HOUR_S):
            since = self._rolled.get((service, span_s))
            if since is None:
                kept = self._store.rollups(service, span_s, limit=1)
                earliest = now - timedelta(hours=CATCH_UP_HOURS)
                since = max(kept[-1].start, earliest) if kept else earliest
            starts = spans_between(since, now, span_s)
            if starts:
                probes = self._store.probes_between(service, starts[0], now)
                made = [roll_up(service, start, span_s, probes) for start in starts]
                found: list[Rollup] = [one for one in made if one is not None]
                if found:
                    self._store.put_rollups(found)
            self._rolled[service, span_s] = now


def _undecided(health: ServiceHealth) -> bool:
    """Whether a service has failed, but not so often that it is known to be down."""
    last = health.last_probe
    return health.state is ServiceState.UNKNOWN and last is not None and not last.ok and not last.doubtful


def health_of(
    store: HealthStore,
    service: str,
    url: str,
    settings: HealthSettings,
    *,
    now: datetime,
    maintenance: Mapping[str, Maintenance] | None = None,
) -> ServiceHealth:
    """How a service stands by what is kept of it. Blocking."""
    out = _by_service(store) if maintenance is None else maintenance
    return standing(
        service,
        url,
        store.probes(service, limit=HISTORY),
        now=now,
        stale_s=stale_after(settings),
        windows=store.rollups(service, WINDOW_S, limit=WINDOWS),
        slow_ms=settings.slow_ms,
        maintenance=out.get(service),
    )


def _by_service(store: HealthStore) -> dict[str, Maintenance]:
    return {one.service: one for one in store.maintenance()}


def stale_after(settings: HealthSettings) -> float:
    """Seconds after which a probe tells nothing any more: four intervals and a time-out."""
    return 4 * settings.interval_s + settings.timeout_s
