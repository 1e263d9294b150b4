"""The outbox in the SQL store: rows in order, leases with a fence, and how every channel fares.

One writer at a time works on a channel: on PostgreSQL the channel's row is locked first, SQLite has one writer anyhow.
So rate limit and order hold over all processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, bindparam, delete, func, literal_column, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from scheduler.domain.outbox import Answer, ChannelHealth, Delivery, DeliveryState, Found, NewDelivery
from scheduler.domain.snapshot import Page
from scheduler.ports.outbox import DeliveryNotFoundError
from scheduler.store.alert_rows import alerts, outbox, outbox_channels
from scheduler.store.base import SqlBase
from scheduler.store.outbox_decisions import EXPIRED, LEASE_LOST, After, after, channel_after
from scheduler.store.outbox_put import put
from scheduler.store.plain import cursor_seq
from scheduler.store.sqltypes import db_time

_NOW = select(db_time())


def _in(states: Sequence[DeliveryState] | frozenset[DeliveryState]) -> ColumnElement[bool]:
    """States as literals, so that the partial indexes are used."""
    return or_(*(outbox.c.state == literal_column(f"'{state.value}'") for state in sorted(states)))


_LIVE = outbox.c.state.in_([literal_column(f"'{s}'") for s in ("queued", "leased", "ambiguous")])
_WAITING = (DeliveryState.QUEUED, DeliveryState.AMBIGUOUS)
_EARLIER = outbox.alias("earlier")
_FIRST_OF_SUBJECT = ~(
    select(_EARLIER.c.seq)
    .where(
        _EARLIER.c.channel == outbox.c.channel,
        _EARLIER.c.subject == outbox.c.subject,
        _EARLIER.c.seq < outbox.c.seq,
        _EARLIER.c.state.in_([literal_column(f"'{s}'") for s in ("queued", "leased", "ambiguous")]),
    )
    .exists()
)


class SqlOutbox(SqlBase):
    """See ``scheduler.ports.outbox.OutboxStore``."""

    def enqueue_deliveries(self, deliveries: Sequence[NewDelivery]) -> list[str]:
        """Put rows in, in this order, in one transaction; their ids."""
        with self._db.write() as connection:
            return put(connection, self._db, deliveries)

    def claim_delivery(
        self, channel: str, owner: str, *, lease_s: float, interval_s: float = 0.0, only_once: bool = False
    ) -> Delivery | None:
        """Lease the first row of a channel that is due and has none of its subject before it."""
        with self._db.write() as connection:
            now = self._now(connection)
            if self._channel_row(connection, channel, now)["open_at"] > now:
                return None
            self._sweep(connection, channel, now)
            mine = and_(outbox.c.channel == channel, _LIVE)
            if (
                only_once
                and connection.execute(select(outbox.c.seq).where(mine, _in([DeliveryState.LEASED])).limit(1)).first()
            ):
                return None
            query = (
                select(outbox)
                .where(mine, _in(_WAITING), outbox.c.next_at <= now, _FIRST_OF_SUBJECT)
                .order_by(outbox.c.seq)
                .limit(1)
            )
            row = connection.execute(query).mappings().first()
            if row is None:
                return None
            taken = {
                "state": DeliveryState.LEASED.value,
                "lease_owner": owner,
                "lease_expires_at": now + timedelta(seconds=lease_s),
                "fence": row["fence"] + 1,
                "attempts": row["attempts"] + 1,
            }
            connection.execute(update(outbox).where(outbox.c.seq == row["seq"]).values(taken))
            if interval_s > 0:
                connection.execute(
                    update(outbox_channels)
                    .where(outbox_channels.c.channel == channel)
                    .values(open_at=now + timedelta(seconds=interval_s))
                )
            thread = connection.execute(_thread_of(row["channel"], row["subject"], row["seq"])).scalar()
            doubtful = row["state"] == DeliveryState.AMBIGUOUS
            return delivery_of({**row, **taken}, thread=thread, doubtful=doubtful)

    def _channel_row(self, connection: Connection, channel: str, now: datetime) -> Any:
        fresh = self._insert(outbox_channels).values(channel=channel, failures=0, open_at=now)
        query = select(outbox_channels).where(outbox_channels.c.channel == channel).with_for_update()
        row = connection.execute(query).mappings().first()
        if row is None:
            connection.execute(fresh.on_conflict_do_nothing(index_elements=[outbox_channels.c.channel]))
            row = connection.execute(query).mappings().one()
        return row

    def _sweep(self, connection: Connection, channel: str, now: datetime) -> None:
        """Leases that ran out become doubtful, rows that are too late die."""
        mine = outbox.c.channel == channel
        connection.execute(
            update(outbox)
            .where(mine, _in([DeliveryState.LEASED]), outbox.c.lease_expires_at <= now)
            .values(
                state=DeliveryState.AMBIGUOUS.value,
                lease_owner=None,
                lease_expires_at=None,
                next_at=now,
                error=LEASE_LOST,
            )
        )
        connection.execute(
            update(outbox)
            .where(mine, _in(_WAITING), outbox.c.expires_at <= now)
            .values(
                state=DeliveryState.DEAD.value,
                ended_at=now,
                error=func.coalesce(outbox.c.error + literal_column("'; '"), "") + EXPIRED,
            )
        )

    def record_delivery(
        self, delivery: Delivery, answer: Answer | Found, *, retry_in_s: float = 0.0, pause_s: float = 0.0
    ) -> bool:
        """Write what became of a leased delivery, and how its channel fares. False: the lease was lost."""
        with self._db.write() as connection:
            now = self._now(connection)
            channel = self._channel_row(connection, delivery.channel, now)
            step = after(answer, doubtful=delivery.doubtful)
            held = and_(
                outbox.c.id == delivery.id,
                _in([DeliveryState.LEASED]),
                outbox.c.lease_owner == delivery.lease_owner,
                outbox.c.fence == delivery.fence,
            )
            changed = connection.execute(update(outbox).where(held).values(_row_after(step, now, retry_in_s)))
            if changed.rowcount == 0:
                return False
            health = channel_after(_health(channel), answer, now=now, pause_s=pause_s)
            connection.execute(
                update(outbox_channels)
                .where(outbox_channels.c.channel == delivery.channel)
                .values(
                    failures=health.failures,
                    failing_since=health.failing_since,
                    last_error=health.last_error,
                    last_sent_at=health.last_sent_at,
                    open_at=health.open_at,
                )
            )
            return True

    def next_delivery_in(self, channel: str) -> float | None:
        """Seconds until a row of the channel may be due, 0 for now. None: nothing waits."""
        due = select(func.min(func.coalesce(outbox.c.lease_expires_at, outbox.c.next_at))).where(
            outbox.c.channel == channel, _LIVE
        )
        opens = select(outbox_channels.c.open_at).where(outbox_channels.c.channel == channel)
        with self._db.read() as connection:
            soonest = connection.execute(due).scalar()
            if soonest is None:
                return None
            open_at = connection.execute(opens).scalar()
            at = soonest if open_at is None else max(soonest, open_at)
            return max(0.0, (at - self._now(connection)).total_seconds())

    def delivery(self, delivery_id: str) -> Delivery:
        """The row with this id or unique prefix."""
        where = and_(outbox.c.id >= delivery_id, outbox.c.id < delivery_id + "\U0010ffff")
        query = select(outbox).where(where).order_by(outbox.c.id).limit(2)
        rows: Sequence[RowMapping] = []
        if delivery_id:
            with self._db.read() as connection:
                rows = connection.execute(query).mappings().all()
        if not rows or (len(rows) > 1 and rows[0]["id"] != delivery_id):
            raise DeliveryNotFoundError(
                f"no delivery {delivery_id}" if not rows else f"{delivery_id} is the beginning of several deliveries"
            )
        return delivery_of(rows[0])

    def deliveries(
        self,
        *,
        states: Sequence[DeliveryState] = (),
        channels: Sequence[str] = (),
        alert_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Delivery]:
        """Rows by pages, newest first."""
        query = select(outbox).order_by(outbox.c.seq.desc()).limit(limit + 1)
        if states:
            query = query.where(_in(states))
        if channels:
            query = query.where(outbox.c.channel.in_(channels))
        if alert_id is not None:
            query = query.where(outbox.c.alert_id == alert_id)
        if cursor is not None:
            query = query.where(outbox.c.seq < cursor_seq(cursor))
        with self._db.read() as connection:
            found = [delivery_of(row) for row in connection.execute(query).mappings()]
        items = tuple(found[:limit])
        return Page(items, str(items[-1].seq) if len(found) > limit and items else None)

    def retry_delivery(self, delivery_id: str) -> bool:
        """An operator wants a dead, waiting or doubtful row tried now; expiry is lifted."""
        again = and_(outbox.c.id == delivery_id, _in([DeliveryState.DEAD, *_WAITING]))
        with self._db.write() as connection:
            now = self._now(connection)
            row = connection.execute(select(outbox.c.channel, outbox.c.state).where(again)).first()
            if row is None:
                return False
            state = DeliveryState.AMBIGUOUS if row.state == DeliveryState.AMBIGUOUS else DeliveryState.QUEUED
            connection.execute(
                update(outbox)
                .where(again)
                .values(state=state.value, next_at=now, expires_at=None, ended_at=None, error=None)
            )
            connection.execute(
                update(outbox_channels).where(outbox_channels.c.channel == row.channel).values(open_at=now)
            )
            return True

    def channel_health(self) -> list[ChannelHealth]:
        """How every channel fares that ever had a row, by name."""
        waiting = (
            select(outbox.c.channel, func.count(), func.min(outbox.c.waiting_since))
            .where(_LIVE)
            .group_by(outbox.c.channel)
        )
        dead = (
            select(outbox.c.channel, func.count())
            .join(outbox_channels, outbox_channels.c.channel == outbox.c.channel)
            .where(_in([DeliveryState.DEAD]), outbox.c.ended_at >= outbox_channels.c.failing_since)
            .group_by(outbox.c.channel)
        )
        with self._db.read() as connection:
            rows = connection.execute(select(outbox_channels)).mappings().all()
            waits = {name: (count, oldest) for name, count, oldest in connection.execute(waiting)}
            died = {name: count for name, count in connection.execute(dead)}  # noqa: C416 - typed rows
        known = {row["channel"]: _health(row) for row in rows}
        return [
            _with_queue(known.get(name, ChannelHealth(name)), *waits.get(name, (0, None)), died.get(name, 0))
            for name in sorted(known.keys() | waits.keys())
        ]

    def prune_deliveries(self, *, older_than_s: float) -> int:
        """Delete final rows that are older, but the ones an unresolved alert's thread hangs on; how many."""
        hangs = select(alerts.c.id).where(alerts.c.state != "resolved")
        with self._db.write() as connection:
            before = self._now(connection) - timedelta(seconds=older_than_s)
            gone = delete(outbox).where(
                _in([state for state in DeliveryState if state.is_final]),
                outbox.c.ended_at < bindparam("b_before", type_=outbox.c.ended_at.type),
                or_(outbox.c.alert_id.is_(None), outbox.c.alert_id.not_in(hangs)),
            )
            return connection.execute(gone, {"b_before": before}).rowcount


def _thread_of(channel: str, subject: str, before: int) -> Any:
    """The reference of the first row of a subject that was sent."""
    return (
        select(outbox.c.reference)
        .where(
            outbox.c.channel == channel,
            outbox.c.subject == subject,
            outbox.c.seq < before,
            outbox.c.state == DeliveryState.SENT.value,
            outbox.c.reference.is_not(None),
        )
        .order_by(outbox.c.seq)
        .limit(1)
    )


def _row_after(step: After, now: datetime, retry_in_s: float) -> dict[str, Any]:
    values: dict[str, Any] = {
        "state": step.state.value,
        "lease_owner": None,
        "lease_expires_at": None,
        "error": step.error,
        "next_at": now + timedelta(seconds=0 if step.at_once else retry_in_s),
    }
    if step.state.is_final:
        values["ended_at"] = now
    if step.reference is not None:
        values["reference"] = step.reference
    return values


def _health(row: Any) -> ChannelHealth:
    return ChannelHealth(
        channel=row["channel"],
        failures=row["failures"],
        failing_since=row["failing_since"],
        last_error=row["last_error"],
        last_sent_at=row["last_sent_at"],
        open_at=row["open_at"],
    )


def _with_queue(health: ChannelHealth, waiting: int, oldest: datetime | None, dead: int) -> ChannelHealth:
    return ChannelHealth(
        channel=health.channel,
        failures=health.failures,
        failing_since=health.failing_since,
        last_error=health.last_error,
        last_sent_at=health.last_sent_at,
        open_at=health.open_at,
        waiting=waiting,
        oldest_waiting=oldest,
        dead=dead,
    )


def delivery_of(row: Any, *, thread: str | None = None, doubtful: bool = False) -> Delivery:
    """A row of the outbox."""
    return Delivery(
        id=row["id"],
        seq=row["seq"],
        channel=row["channel"],
        kind=row["kind"],
        subject=row["subject"],
        payload=row["payload"],
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
        waiting_since=row["waiting_since"],
        next_at=row["next_at"],
        alert_id=row["alert_id"],
        key=row["key"],
        expires_at=row["expires_at"],
        lease_owner=row["lease_owner"],
        lease_expires_at=row["lease_expires_at"],
        fence=row["fence"],
        doubtful=doubtful,
        ended_at=row["ended_at"],
        reference=row["reference"],
        thread=thread,
        error=row["error"],
    )
