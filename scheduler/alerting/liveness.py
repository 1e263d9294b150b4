"""The liveness ping: sent only while everything that matters is fresh, so that a frozen part is heard of as silence."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from config.sections.alerts import DeadmanSettings
from scheduler.alerting.evaluator import Vitals
from scheduler.domain.outbox import Answer, Sent
from scheduler.ports.clock import Clock

log = structlog.get_logger("predawn.deadman")

TRY_AGAIN_S = 30.0
"""Seconds to the next try after a ping that did not arrive, or was not sent."""


@dataclass(frozen=True, slots=True)
class Signs:
    """When each part was last seen to work, on one counter; None: never yet."""

    scheduler: float | None
    evaluated: float | None
    wrote: float | None
    delivering: float | None
    oldest_waiting_s: float


def stale(signs: Signs, *, now: float, fresh_s: float, outbox_age_s: float) -> tuple[str, ...]:
    """What is not fresh; empty: we are alive. Pure."""
    parts = {
        "scheduler": signs.scheduler,
        "rules": signs.evaluated,
        "database": signs.wrote,
        "outbox loop": signs.delivering,
    }
    found = [name for name, at in parts.items() if at is None or now - at > fresh_s]
    if signs.oldest_waiting_s > outbox_age_s:
        found.append("outbox age")
    return tuple(found)


class Liveness:
    """Pings every so often while all signs are fresh.

    Args:
        settings: how often, and what is fresh.
        clock: its counter.
        vitals: of the evaluator.
        scheduler: when the timer last looked.
        delivering: when the delivery loop last turned.
        ping: sends one ping.
    """

    def __init__(
        self,
        settings: DeadmanSettings,
        clock: Clock,
        *,
        vitals: Vitals,
        scheduler: Callable[[], float | None],
        delivering: Callable[[], float | None],
        ping: Callable[[], Awaitable[Answer]],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._vitals = vitals
        self._scheduler = scheduler
        self._delivering = delivering
        self._ping = ping

    async def run(self, stop: asyncio.Event) -> None:
        """Ping until ``stop`` is set."""
        while not stop.is_set():
            pause = self._settings.every_s if await self.beat() else min(TRY_AGAIN_S, self._settings.every_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    async def beat(self) -> bool:
        """Ping if we are alive; whether the ping arrived. A stand-by leaves it to the one that works."""
        vitals = self._vitals
        if vitals.standby:
            return True
        signs = Signs(self._scheduler(), vitals.evaluated, vitals.wrote, self._delivering(), vitals.oldest_waiting_s)
        old = stale(
            signs,
            now=self._clock.monotonic(),
            fresh_s=self._settings.fresh_s,
            outbox_age_s=self._settings.outbox_age_s,
        )
        if old:
            log.warning("no liveness ping: not fresh", parts=", ".join(old))
            return False
        answer = await self._ping()
        if not isinstance(answer, Sent):
            log.warning("liveness ping did not arrive", error=answer.error)
        return isinstance(answer, Sent)
