"""The evaluator: looks, applies the rules, and writes what changed with what is to be said of it."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import time, timedelta
from typing import Any

import structlog

from config.sections.alerts import AlertSettings
from scheduler.alerting.extras import nightly_pings, report_rows
from scheduler.alerting.machine import step
from scheduler.alerting.observation import Observation
from scheduler.alerting.plan import SLACK, Channels, plan
from scheduler.alerting.rules import endings, evaluate
from scheduler.domain.alert import Alert, Limits
from scheduler.domain.leader import Leader
from scheduler.ports.clock import Clock
from scheduler.ports.store import Store, StoreError
from scheduler.queue.owner import is_dead_here

log = structlog.get_logger("predawn.alerts")

REPORT_AT = time(6, 15)
"""Local time of the daily report."""

ROLE = "alerts"
SHORTEST_LEASE_S = 15.0
PRUNE_EVERY = 1000
"""Looks between two clean-ups of the outbox."""

Alarm = Callable[[str, str], Awaitable[None]]
"""A last resort that needs no database: a subject and a text go out by e-mail."""


@dataclass(slots=True)
class Vitals:
    """When this process last did what it should, on the clock's counter; None: never yet.

    Attributes:
        evaluated: the rules ran to their end.
        wrote: the database took a write.
        oldest_waiting_s: age of the oldest message in the outbox, at the last look.
        standby: another process evaluates.
    """

    evaluated: float | None = None
    wrote: float | None = None
    oldest_waiting_s: float = 0.0
    standby: bool = False


def limits_of(settings: AlertSettings) -> Limits:
    """The times of the states."""
    return Limits(
        reopen_s=settings.reopen_s,
        ack_s=settings.ack_s,
        ack_near_s=settings.ack_near_s,
        near_s=settings.near_s,
        mention_s=settings.mention_s,
        email_s=settings.email_s,
    )


class Evaluator:
    """Evaluates the rules; of several processes on one database one does.

    Args:
        store: alerts, outbox and who evaluates.
        gather: takes a look (blocking; runs off the event loop).
        settings: rules and times.
        clock: the time of day, and a counter for the vital signs.
        owner: this process.
        slack: whether Slack is set up.
        plain: the channels that get what e-mail gets.
        warning_s: seconds before the deadline that P90 may not pass.
        deadman: whether the nightly outside check is set up.
        alarm: the last resort when the database cannot be used.
        report: the text of the daily report, of a look and the open alerts; None: it is not sent.
        report_at: local time at which it is sent.
        on_rows: called when something was put into the outbox.
    """

    def __init__(
        self,
        store: Store,
        gather: Callable[[], Observation],
        settings: AlertSettings,
        clock: Clock,
        owner: str,
        *,
        slack: bool = False,
        plain: tuple[str, ...] = (),
        warning_s: float = 900.0,
        deadman: bool = False,
        alarm: Alarm | None = None,
        report: Callable[[Observation, tuple[Alert, ...]], Mapping[str, Any]] | None = None,
        report_at: time = REPORT_AT,
        on_rows: Callable[[], None] | None = None,
        blocking: Callable[..., Awaitable[Any]] = asyncio.to_thread,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._store = store
        self._gather = gather
        self._settings = settings
        self._limits = limits_of(settings)
        self._clock = clock
        self._owner = owner
        self._channels = Channels(slack=slack, plain=plain, group_above=settings.group_above)
        self._warning_s = warning_s
        self._deadman = deadman
        self._alarm = alarm
        self._report = report
        self._report_at = report_at
        self._on_rows = on_rows
        self._blocking = blocking
        self._new_id = new_id
        self._broken_since: float | None = None
        self._alarmed = False
        self._told: set[str] = set()
        self._looks = 0
        self.vitals = Vitals()

    @property
    def _lease_s(self) -> float:
        return max(3 * self._settings.every_s, SHORTEST_LEASE_S)

    async def run(self, stop: asyncio.Event) -> None:
        """Look every so often until ``stop`` is set."""
        try:
            while not stop.is_set():
                await self.tick()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._settings.every_s)
        finally:
            with contextlib.suppress(StoreError):
                await self._blocking(self._store.resign, ROLE, self._owner)

    async def tick(self) -> None:
        """One look; a database in trouble is told by the last resort when it lasts."""
        try:
            said = await self._blocking(self.look)
        except StoreError as error:
            await self._broken(f"the database cannot be used: {error}")
        except Exception as error:  # a look that fails must not end the looking; liveness goes stale and tells
            log.exception("rules could not be evaluated")
            await self._broken(f"the rules cannot be evaluated: {type(error).__name__}: {error}")
        else:
            if self._alarmed:
                log.warning("rules are evaluated again")
            self._broken_since, self._alarmed = None, False
            if said and self._on_rows is not None:
                self._on_rows()

    async def _broken(self, problem: str) -> None:
        now = self._clock.monotonic()
        self._broken_since = now if self._broken_since is None else self._broken_since
        log.error("no look at the alerts", problem=problem)
        lasted = now - self._broken_since
        if self._alarmed or self._alarm is None or lasted < self._settings.rules.undeliverable_s:
            return
        self._alarmed = True
        text = (
            f"{problem}\n\nFor {lasted:.0f} s no rule could be evaluated and no alert be kept. Renders that run may go "
            "on, but nobody will be told of anything until this is put right.\n\nLook with: predawn status"
        )
        try:
            await self._alarm("predawn cannot watch: " + problem.split(":", maxsplit=1)[0], text)
        except Exception:  # nothing is left to tell it with but the log and the dead-man's switch
            log.exception("the last resort failed as well")
            self._alarmed = False

    def look(self) -> bool:
        """One look, blocking; whether something was put into the outbox.

        Raises:
            StoreError: the database cannot be used.
        """
        leads = self._lead()
        self.vitals.wrote = self._clock.monotonic()
        self.vitals.standby = not leads
        if not leads:
            return False
        observed = self._gather()
        alerts = self._store.watched_alerts(resolved_within_s=self._limits.reopen_s)
        stepped = step(
            alerts,
            evaluate(observed, self._settings.rules, warning_s=self._warning_s),
            now=observed.now,
            limits=self._limits,
            new_id=self._new_id,
            mutes=self._store.mutes(),
            maintenance=observed.maintenance,
            endings=endings(observed.runs, observed.now),
        )
        planned = plan(stepped, now=observed.now, limits=self._limits, channels=self._channels_now(observed))
        rows = self._once(observed, tuple(change.after for change in stepped.changes if change.after.is_open))
        whole = replace(planned, deliveries=(*planned.deliveries, *rows))
        if whole and not self._store.apply_alerts(whole):
            log.info("another process has written an alert; looking again")
            return False
        self._told |= {row.key for row in rows if row.key is not None}
        self._tidy()
        self._note(observed)
        return bool(whole.deliveries or whole.folds)

    def _lead(self) -> bool:
        won: Leader | None = self._store.lead(ROLE, self._owner, ttl_s=self._lease_s)
        if won is None:
            other = self._store.leader(ROLE)
            if other is not None and is_dead_here(other.holder) and self._store.resign(ROLE, other.holder):
                won = self._store.lead(ROLE, self._owner, ttl_s=self._lease_s)
        return won is not None

    def _channels_now(self, observed: Observation) -> Channels:
        undeliverable = self._settings.rules.undeliverable_s
        if not self._channels.slack:
            return self._channels
        failing = any(
            health.channel == SLACK
            and health.failing_since is not None
            and observed.now - health.failing_since >= timedelta(seconds=undeliverable)
            for health in observed.channels
        )
        stuck = self._store.stuck_alerts(SLACK, older_than_s=undeliverable)
        return replace(self._channels, slack_failing=failing, stuck=stuck)

    def _once(self, observed: Observation, open_alerts: tuple[Alert, ...]) -> list[Any]:
        """What is said once a day or a run: the daily report, the outside check of the night."""
        rows: list[Any] = []
        if self._deadman:
            rows += nightly_pings(observed)
        if self._report is not None:
            targets = (SLACK,) if self._channels.slack else self._channels.plain
            rows += report_rows(observed, open_alerts, targets, at=self._report_at, text=self._report, told=self._told)
        return [row for row in rows if row.key not in self._told]

    def _tidy(self) -> None:
        self._looks += 1
        if self._looks % PRUNE_EVERY == 1:
            self._store.prune_deliveries(older_than_s=self._settings.keep_days * 86_400.0)
        if len(self._told) > PRUNE_EVERY:
            # Their keys are unique in the outbox all the same.
            self._told.clear()

    def _note(self, observed: Observation) -> None:
        oldest = [health.oldest_waiting for health in observed.channels if health.oldest_waiting is not None]
        self.vitals.evaluated = self._clock.monotonic()
        self.vitals.oldest_waiting_s = max(((observed.now - since).total_seconds() for since in oldest), default=0.0)
