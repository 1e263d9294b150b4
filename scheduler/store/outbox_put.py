"""Putting deliveries into the outbox, inside whatever transaction has something to tell."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, func, literal_column, select, update

from scheduler.domain.outbox import DeliveryState, NewDelivery
from scheduler.store.alert_rows import outbox
from scheduler.store.engine import Database
from scheduler.store.outbox_decisions import REPLACED
from scheduler.store.sqltypes import db_time

_NOW = select(db_time())
_QUEUED = outbox.c.state == literal_column(f"'{DeliveryState.QUEUED.value}'")


def put(connection: Connection, database: Database, new: Sequence[NewDelivery]) -> list[str]:
    """Put deliveries into the outbox inside a transaction that is open; their ids, in order.

    For a key that is taken nothing is put in and the id of the row that has it is answered.
    """
    if not new:
        return []
    now: datetime = connection.execute(_NOW, {"shift": database.shift_s}).scalar_one()
    return [_put_one(connection, one, now) for one in new]


def _put_one(connection: Connection, one: NewDelivery, now: datetime) -> str:
    if one.key is not None:
        taken = connection.execute(select(outbox.c.id).where(outbox.c.key == one.key)).scalar()
        if taken is not None:
            return str(taken)
    waiting_since, next_at = now, now + timedelta(seconds=one.delay_s)
    if one.supersedes:
        mine = and_(
            outbox.c.channel == one.channel,
            outbox.c.subject == one.subject,
            outbox.c.kind == one.kind,
            _QUEUED,
        )
        oldest = connection.execute(select(func.min(outbox.c.waiting_since), func.max(outbox.c.next_at)).where(mine))
        since, due = oldest.one()
        if since is not None:
            waiting_since, next_at = since, max(next_at, due)
            connection.execute(
                update(outbox).where(mine).values(state=DeliveryState.SUPERSEDED.value, ended_at=now, error=REPLACED)
            )
    delivery_id = str(uuid.uuid4())
    connection.execute(
        outbox.insert().values(
            id=delivery_id,
            channel=one.channel,
            kind=one.kind,
            subject=one.subject,
            alert_id=one.alert_id,
            key=one.key,
            payload=one.payload,
            state=DeliveryState.QUEUED.value,
            attempts=0,
            created_at=now,
            waiting_since=waiting_since,
            next_at=next_at,
            expires_at=None if one.expires_s is None else now + timedelta(seconds=one.expires_s),
            fence=0,
        )
    )
    return delivery_id
