"""The outbox in memory."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from scheduler.domain.outbox import LIVE, Answer, ChannelHealth, Delivery, DeliveryState, Found, NewDelivery
from scheduler.domain.snapshot import Page
from scheduler.ports.clock import Clock
from scheduler.ports.outbox import DeliveryNotFoundError
from scheduler.store.memory_jobs import by_prefix
from scheduler.store.outbox_decisions import EXPIRED, LEASE_LOST, REPLACED, after, channel_after
from scheduler.store.plain import cursor_seq

_WAITING = frozenset({DeliveryState.QUEUED, DeliveryState.AMBIGUOUS})


class MemoryOutbox:
    """See ``scheduler.ports.outbox.OutboxStore``; a dict in order of insertion."""

    def __init__(self, clock: Clock) -> None:
        self._outbox_clock = clock
        self._outbox_lock = threading.RLock()
        self._deliveries: dict[str, Delivery] = {}
        self._delivery_seq = 0
        self._channels: dict[str, ChannelHealth] = {}

    def _hangs(self, delivery: Delivery) -> bool:
        """Whether an unresolved alert needs the row; overridden where alerts are kept."""
        del delivery
        return False

    def enqueue_deliveries(self, deliveries: Sequence[NewDelivery]) -> list[str]:
        """See ``OutboxStore``."""
        with self._outbox_lock:
            return [self._put_delivery(one) for one in deliveries]

    def _put_delivery(self, one: NewDelivery) -> str:
        for row in self._deliveries.values():
            if one.key is not None and row.key == one.key:
                return row.id
        now = self._outbox_clock.now()
        waiting_since, next_at = now, now + timedelta(seconds=one.delay_s)
        for row in list(self._deliveries.values()):
            same = (row.channel, row.subject, row.kind) == (one.channel, one.subject, one.kind)
            if one.supersedes and same and row.state is DeliveryState.QUEUED:
                waiting_since, next_at = min(waiting_since, row.waiting_since), max(next_at, row.next_at)
                self._set_delivery(replace(row, state=DeliveryState.SUPERSEDED, ended_at=now, error=REPLACED))
        self._delivery_seq += 1
        row = Delivery(
            id=str(uuid.uuid4()),
            seq=self._delivery_seq,
            channel=one.channel,
            kind=one.kind,
            subject=one.subject,
            payload=one.payload,
            state=DeliveryState.QUEUED,
            attempts=0,
            created_at=now,
            waiting_since=waiting_since,
            next_at=next_at,
            alert_id=one.alert_id,
            key=one.key,
            expires_at=None if one.expires_s is None else now + timedelta(seconds=one.expires_s),
        )
        return self._set_delivery(row).id

    def _set_delivery(self, row: Delivery) -> Delivery:
        self._deliveries[row.id] = row
        return row

    def claim_delivery(
        self, channel: str, owner: str, *, lease_s: float, interval_s: float = 0.0, only_once: bool = False
    ) -> Delivery | None:
        """See ``OutboxStore``."""
        with self._outbox_lock:
            now = self._outbox_clock.now()
            health = self._channels.setdefault(channel, ChannelHealth(channel, open_at=now))
            if health.open_at is not None and health.open_at > now:
                return None
            self._sweep_outbox(channel, now)
            live = [row for row in self._deliveries.values() if row.channel == channel and row.state in LIVE]
            if only_once and any(row.state is DeliveryState.LEASED for row in live):
                return None
            held: set[str] = set()
            for row in live:
                if row.state in _WAITING and row.next_at <= now and row.subject not in held:
                    if interval_s > 0:
                        self._channels[channel] = replace(health, open_at=now + timedelta(seconds=interval_s))
                    return self._lease_delivery(row, owner, now + timedelta(seconds=lease_s))
                held.add(row.subject)
            return None

    def _lease_delivery(self, row: Delivery, owner: str, until: datetime) -> Delivery:
        leased = self._set_delivery(
            replace(
                row,
                state=DeliveryState.LEASED,
                lease_owner=owner,
                lease_expires_at=until,
                fence=row.fence + 1,
                attempts=row.attempts + 1,
            )
        )
        sent = (
            other.reference
            for other in self._deliveries.values()
            if (other.channel, other.subject) == (row.channel, row.subject)
            and other.state is DeliveryState.SENT
            and other.reference is not None
            and other.seq < row.seq
        )
        return replace(leased, thread=next(sent, None), doubtful=row.state is DeliveryState.AMBIGUOUS)

    def _sweep_outbox(self, channel: str, now: datetime) -> None:
        for row in list(self._deliveries.values()):
            if row.channel != channel:
                continue
            if row.state is DeliveryState.LEASED and row.lease_expires_at is not None and row.lease_expires_at <= now:
                free = replace(row, lease_owner=None, lease_expires_at=None, next_at=now, error=LEASE_LOST)
                row = self._set_delivery(replace(free, state=DeliveryState.AMBIGUOUS))  # noqa: PLW2901 - looked at again below
            if row.state in _WAITING and row.expires_at is not None and row.expires_at <= now:
                error = f"{row.error}; {EXPIRED}" if row.error else EXPIRED
                self._set_delivery(replace(row, state=DeliveryState.DEAD, ended_at=now, error=error))

    def record_delivery(
        self, delivery: Delivery, answer: Answer | Found, *, retry_in_s: float = 0.0, pause_s: float = 0.0
    ) -> bool:
        """See ``OutboxStore``."""
        with self._outbox_lock:
            row = self._deliveries.get(delivery.id)
            if row is None or (row.state, row.lease_owner, row.fence) != (
                DeliveryState.LEASED,
                delivery.lease_owner,
                delivery.fence,
            ):
                return False
            now = self._outbox_clock.now()
            step = after(answer, doubtful=delivery.doubtful)
            self._set_delivery(
                replace(
                    row,
                    state=step.state,
                    lease_owner=None,
                    lease_expires_at=None,
                    error=step.error,
                    next_at=now + timedelta(seconds=0 if step.at_once else retry_in_s),
                    ended_at=now if step.state.is_final else None,
                    reference=step.reference or row.reference,
                )
            )
            health = self._channels.get(row.channel, ChannelHealth(row.channel))
            self._channels[row.channel] = channel_after(health, answer, now=now, pause_s=pause_s)
            return True

    def next_delivery_in(self, channel: str) -> float | None:
        """See ``OutboxStore``."""
        with self._outbox_lock:
            live = [row for row in self._deliveries.values() if row.channel == channel and row.state in LIVE]
            if not live:
                return None
            at = min(row.lease_expires_at or row.next_at for row in live)
            open_at = self._channels.get(channel, ChannelHealth(channel)).open_at
            at = at if open_at is None else max(at, open_at)
            return max(0.0, (at - self._outbox_clock.now()).total_seconds())

    def delivery(self, delivery_id: str) -> Delivery:
        """See ``OutboxStore``."""
        with self._outbox_lock:
            found = by_prefix(list(self._deliveries), delivery_id)
            if len(found) != 1:
                raise DeliveryNotFoundError(
                    f"{delivery_id} is the beginning of several deliveries" if found else f"no delivery {delivery_id}"
                )
            return self._deliveries[found[0]]

    def deliveries(
        self,
        *,
        states: Sequence[DeliveryState] = (),
        channels: Sequence[str] = (),
        alert_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Delivery]:
        """See ``OutboxStore``."""
        last = None if cursor is None else cursor_seq(cursor)
        with self._outbox_lock:
            found = [
                row
                for row in reversed(self._deliveries.values())
                if (not states or row.state in states)
                and (not channels or row.channel in channels)
                and (alert_id is None or row.alert_id == alert_id)
                and (last is None or row.seq < last)
            ]
        items = tuple(found[:limit])
        return Page(items, str(items[-1].seq) if len(found) > limit and items else None)

    def retry_delivery(self, delivery_id: str) -> bool:
        """See ``OutboxStore``."""
        with self._outbox_lock:
            row = self._deliveries.get(delivery_id)
            if row is None or row.state not in {DeliveryState.DEAD, *_WAITING}:
                return False
            now = self._outbox_clock.now()
            state = row.state if row.state is DeliveryState.AMBIGUOUS else DeliveryState.QUEUED
            self._set_delivery(replace(row, state=state, next_at=now, expires_at=None, ended_at=None, error=None))
            if row.channel in self._channels:
                self._channels[row.channel] = replace(self._channels[row.channel], open_at=now)
            return True

    def channel_health(self) -> list[ChannelHealth]:
        """See ``OutboxStore``."""
        with self._outbox_lock:
            names = sorted(self._channels.keys() | {r.channel for r in self._deliveries.values() if r.state in LIVE})
            return [self._fares(name) for name in names]

    def _fares(self, name: str) -> ChannelHealth:
        health = self._channels.get(name, ChannelHealth(name))
        rows = [row for row in self._deliveries.values() if row.channel == name]
        waits = [row.waiting_since for row in rows if row.state in LIVE]
        dead = [
            row
            for row in rows
            if row.state is DeliveryState.DEAD
            and health.failing_since is not None
            and row.ended_at is not None
            and row.ended_at >= health.failing_since
        ]
        return replace(health, waiting=len(waits), oldest_waiting=min(waits, default=None), dead=len(dead))

    def prune_deliveries(self, *, older_than_s: float) -> int:
        """See ``OutboxStore``."""
        with self._outbox_lock:
            before = self._outbox_clock.now() - timedelta(seconds=older_than_s)
            old = [
                row.id
                for row in self._deliveries.values()
                if row.ended_at is not None and row.ended_at < before and not self._hangs(row)
            ]
            for delivery_id in old:
                del self._deliveries[delivery_id]
            return len(old)
