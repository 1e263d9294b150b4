"""Alerts in memory, beside the outbox."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from scheduler.domain.alert import Alert, AlertEvent, AlertState, Mute
from scheduler.domain.outbox import LIVE, Delivery, DeliveryState
from scheduler.domain.snapshot import Page
from scheduler.ports.alert_store import AlertNotFoundError, AlertPlan, Fold
from scheduler.ports.clock import Clock
from scheduler.store.alert_decisions import FOLDED, summary_of
from scheduler.store.memory_jobs import by_prefix
from scheduler.store.memory_outbox import MemoryOutbox
from scheduler.store.plain import cursor_seq

_NEVER_SAID = {DeliveryState.QUEUED, DeliveryState.SUPERSEDED, DeliveryState.DEAD}


class MemoryAlerts(MemoryOutbox):
    """See ``scheduler.ports.alert_store.AlertStore``."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._alerts: dict[str, Alert] = {}
        self._alert_seq = 0
        self._alert_events: list[AlertEvent] = []
        self._mutes: dict[str, Mute] = {}
        self._presses: dict[tuple[str, str, str], str | None] = {}

    def _hangs(self, delivery: Delivery) -> bool:
        alert = self._alerts.get(delivery.alert_id or "")
        return alert is not None and alert.state is not AlertState.RESOLVED

    def watched_alerts(self, *, resolved_within_s: float) -> builtins.list[Alert]:
        """See ``AlertStore``."""
        with self._outbox_lock:
            since = self._outbox_clock.now() - timedelta(seconds=resolved_within_s)
            return [
                alert
                for alert in self._alerts.values()
                if alert.state is not AlertState.RESOLVED
                or (alert.resolved_at is not None and alert.resolved_at >= since)
            ]

    def apply_alerts(self, plan: AlertPlan) -> bool:
        """See ``AlertStore``."""
        with self._outbox_lock:
            if not all(self._may_write(alert) for alert in plan.alerts):
                return False
            if any(
                (had := self._alerts.get(alert.id)) is None or had.version != alert.version for alert in plan.dropped
            ):
                return False
            for alert in plan.alerts:
                had = self._alerts.get(alert.id)
                if had is None:
                    self._alert_seq += 1
                seq = had.seq if had is not None else self._alert_seq
                self._alerts[alert.id] = replace(alert, seq=seq, version=alert.version + 1)
            for alert in plan.dropped:
                del self._alerts[alert.id]
            self._alert_events += plan.events
            self.enqueue_deliveries(plan.deliveries)
            for fold in plan.folds:
                self._fold(fold)
            return True

    def _may_write(self, alert: Alert) -> bool:
        had = self._alerts.get(alert.id)
        if alert.version > 0:
            return had is not None and had.version == alert.version
        return had is None and not any(
            other.fingerprint == alert.fingerprint and other.state is not AlertState.RESOLVED
            for other in self._alerts.values()
        )

    def _fold(self, fold: Fold) -> None:
        mine = [r for r in self._deliveries.values() if (r.channel, r.subject) == (fold.channel, fold.alert_id)]
        if {row.state for row in mine} - _NEVER_SAID:
            self.enqueue_deliveries(fold.otherwise)
            return
        now = self._outbox_clock.now()
        for row in mine:
            if row.state is DeliveryState.QUEUED:
                self._set_delivery(replace(row, state=DeliveryState.SUPERSEDED, ended_at=now, error=FOLDED))
        waiting = next(
            (
                row.payload
                for row in self._deliveries.values()
                if (row.channel, row.kind, row.state) == (fold.channel, "summary", DeliveryState.QUEUED)
            ),
            None,
        )
        self.enqueue_deliveries([summary_of(fold, waiting)])

    def alert(self, alert_id: str) -> Alert:
        """See ``AlertStore``."""
        with self._outbox_lock:
            found = by_prefix(list(self._alerts), alert_id)
            if len(found) != 1:
                raise AlertNotFoundError(
                    f"{alert_id} is the beginning of several alerts" if found else f"no alert {alert_id}"
                )
            return self._alerts[found[0]]

    def alerts(self, *, states: Sequence[AlertState] = (), limit: int = 50, cursor: str | None = None) -> Page[Alert]:
        """See ``AlertStore``."""
        last = None if cursor is None else cursor_seq(cursor)
        with self._outbox_lock:
            found = [
                alert
                for alert in sorted(self._alerts.values(), key=lambda a: -a.seq)
                if (alert.state in states if states else alert.fired_at is not None)
                and (last is None or alert.seq < last)
            ]
        items = tuple(found[:limit])
        return Page(items, str(items[-1].seq) if len(found) > limit and items else None)

    def alert_events(self, alert_id: str) -> builtins.list[AlertEvent]:
        """See ``AlertStore``."""
        with self._outbox_lock:
            return [event for event in self._alert_events if event.alert_id == alert_id]

    def stuck_alerts(self, channel: str, *, older_than_s: float) -> frozenset[str]:
        """See ``AlertStore``."""
        with self._outbox_lock:
            cut = self._outbox_clock.now() - timedelta(seconds=older_than_s)
            return frozenset(
                row.alert_id
                for row in self._deliveries.values()
                if row.alert_id is not None and row.channel == channel and self._is_stuck(row, cut)
            )

    def _is_stuck(self, row: Delivery, cut: datetime) -> bool:
        if row.state in LIVE:
            return row.waiting_since <= cut
        return (
            row.state is DeliveryState.DEAD
            and self._hangs(row)
            and not any(
                (later.channel, later.subject, later.state) == (row.channel, row.subject, DeliveryState.SENT)
                and later.seq > row.seq
                for later in self._deliveries.values()
            )
        )

    def mutes(self) -> builtins.list[Mute]:
        """See ``AlertStore``."""
        with self._outbox_lock:
            now = self._outbox_clock.now()
            return sorted((m for m in self._mutes.values() if m.until > now), key=lambda m: m.fingerprint)

    def set_mute(self, fingerprint: str, *, actor: str, for_s: float) -> Mute:
        """See ``AlertStore``."""
        with self._outbox_lock:
            now = self._outbox_clock.now()
            self._mutes[fingerprint] = Mute(fingerprint, now + timedelta(seconds=for_s), actor, now)
            return self._mutes[fingerprint]

    def unmute(self, fingerprint: str) -> bool:
        """See ``AlertStore``."""
        with self._outbox_lock:
            mute = self._mutes.pop(fingerprint, None)
            return mute is not None and mute.until > self._outbox_clock.now()

    def press(self, alert_id: str, action: str, action_ts: str, *, actor: str) -> bool:
        """See ``AlertStore``."""
        del actor
        with self._outbox_lock:
            key = (alert_id, action, action_ts)
            if key in self._presses:
                return False
            self._presses[key] = None
            return True

    def pressed(self, alert_id: str, action: str, action_ts: str, outcome: str) -> None:
        """See ``AlertStore``."""
        with self._outbox_lock:
            self._presses[(alert_id, action, action_ts)] = outcome
