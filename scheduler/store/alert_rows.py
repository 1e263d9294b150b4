"""The tables of alerts and of the outbox, as SQLModel rows; see ``scheduler.store.rows``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Text
from sqlmodel import Field

from scheduler.store.rows import Row
from scheduler.store.sqltypes import JsonValue, UtcDateTime


class OutboxRow(Row, table=True):
    """Something to be said over a channel."""

    __tablename__ = "outbox"

    seq: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(sa_type=Text, unique=True)
    channel: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    alert_id: str | None = Field(sa_type=Text)
    key: str | None = Field(sa_type=Text, unique=True)
    payload: Any = Field(sa_type=JsonValue, nullable=False)
    state: str = Field(sa_type=Text)
    attempts: int
    created_at: datetime = Field(sa_type=UtcDateTime)
    waiting_since: datetime = Field(sa_type=UtcDateTime)
    next_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(sa_type=UtcDateTime)
    lease_owner: str | None = Field(sa_type=Text)
    lease_expires_at: datetime | None = Field(sa_type=UtcDateTime)
    fence: int
    ended_at: datetime | None = Field(sa_type=UtcDateTime)
    """When it was sent, died or was superseded."""
    reference: str | None = Field(sa_type=Text)
    error: str | None = Field(sa_type=Text)


class ChannelRow(Row, table=True):
    """How a channel fares, and until when it is closed."""

    __tablename__ = "outbox_channels"

    channel: str = Field(primary_key=True, sa_type=Text)
    failures: int
    failing_since: datetime | None = Field(sa_type=UtcDateTime)
    last_error: str | None = Field(sa_type=Text)
    last_sent_at: datetime | None = Field(sa_type=UtcDateTime)
    open_at: datetime = Field(sa_type=UtcDateTime)


class AlertRow(Row, table=True):
    """Trouble, from the first sample to its resolution."""

    __tablename__ = "alerts"

    seq: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(sa_type=Text, unique=True)
    fingerprint: str = Field(sa_type=Text)
    """Unique while the alert is not resolved."""
    state: str = Field(sa_type=Text)
    severity: str = Field(sa_type=Text)
    rule: str = Field(sa_type=Text)
    version: int
    """One more with every write: who writes over an older one is refused."""
    updated_at: datetime = Field(sa_type=UtcDateTime)
    fired_at: datetime | None = Field(sa_type=UtcDateTime)
    resolved_at: datetime | None = Field(sa_type=UtcDateTime)
    detail: Any = Field(sa_type=JsonValue, nullable=False)
    """The rest of ``scheduler.domain.alert.Alert``."""


class AlertEventRow(Row, table=True):
    """One thing that happened to an alert."""

    __tablename__ = "alert_events"

    seq: int = Field(primary_key=True, sa_type=BigInteger)
    alert_id: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=UtcDateTime)
    kind: str = Field(sa_type=Text)
    actor: str | None = Field(sa_type=Text)
    text: str = Field(sa_type=Text)


class AlertMuteRow(Row, table=True):
    """A fingerprint that is kept quiet for a while."""

    __tablename__ = "alert_mutes"

    fingerprint: str = Field(primary_key=True, sa_type=Text)
    until: datetime = Field(sa_type=UtcDateTime)
    actor: str = Field(sa_type=Text)
    since: datetime = Field(sa_type=UtcDateTime)


class AlertPressRow(Row, table=True):
    """A button that was pressed: once only, by its key."""

    __tablename__ = "alert_presses"

    alert_id: str = Field(primary_key=True, sa_type=Text)
    action: str = Field(primary_key=True, sa_type=Text)
    action_ts: str = Field(primary_key=True, sa_type=Text)
    at: datetime = Field(sa_type=UtcDateTime)
    actor: str = Field(sa_type=Text)
    outcome: str | None = Field(sa_type=Text)


outbox = Row.metadata.tables["outbox"]
outbox_channels = Row.metadata.tables["outbox_channels"]
alerts = Row.metadata.tables["alerts"]
alert_events = Row.metadata.tables["alert_events"]
alert_mutes = Row.metadata.tables["alert_mutes"]
alert_presses = Row.metadata.tables["alert_presses"]
