"""The outbox: what is to be said over channels, kept in the database until it has been said.

A row is put in by the transaction that has something to tell; the delivery loop takes it under a lease and says it.
Rows of one channel and subject go in the order they were put in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class DeliveryState(StrEnum):
    """Where a delivery is."""

    QUEUED = "queued"
    """Waiting for its turn, the channel's rate or the end of a back-off."""
    LEASED = "leased"
    """A process is saying it right now."""
    SENT = "sent"
    """The other side has it."""
    AMBIGUOUS = "ambiguous"
    """It may or may not have arrived (a time-out, a dropped connection, a killed process): looked for before it is said
    again."""
    DEAD = "dead"
    """It never will be: refused for good, or too late."""
    SUPERSEDED = "superseded"
    """A newer row says it better, or there is no need any more."""

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self in {DeliveryState.SENT, DeliveryState.DEAD, DeliveryState.SUPERSEDED}


LIVE = frozenset({DeliveryState.QUEUED, DeliveryState.LEASED, DeliveryState.AMBIGUOUS})
"""The states in which a row holds back those behind it."""


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """What is put into the outbox.

    Attributes:
        channel: ``slack``, ``email``, ``deadman``, ``callback``, or any name a ``Sender`` has.
        kind: what it is, for the sender: ``state``, ``reply``, ``report``…
        subject: rows of one channel and subject are said in order: an alert's id, a job's id.
        payload: JSON object, all that the sender needs.
        alert_id: the alert it belongs to, if any.
        key: unique over all rows; a second row with it is not put in. None: no key.
        delay_s: seconds to wait before it is first said.
        expires_s: seconds after which it is not worth saying any more; None: always is.
        supersedes: rows of the same channel, subject and kind that still wait are replaced by this one. It takes over
            since when they wait, so that replacing does not hide that nothing gets through.
    """

    channel: str
    kind: str
    subject: str
    payload: Mapping[str, Any] = field(default_factory=dict[str, Any])
    alert_id: str | None = None
    key: str | None = None
    delay_s: float = 0.0
    expires_s: float | None = None
    supersedes: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of ``outbox``. Times are aware UTC by the database's clock.

    Attributes:
        seq: grows by insertion.
        attempts: leases under which it was said or looked for.
        waiting_since: since when its matter waits to be said (older than ``created_at`` where it replaced others).
        next_at: not before this time.
        fence: fencing number, one more with each lease; a record under an older one is refused.
        doubtful: in a lease: it may have arrived already, so look before saying it again.
        reference: what the other side calls it (Slack's ``ts``, a Message-ID).
        thread: in a lease: the reference of the first row of its channel and subject that was sent.
        ended_at: when it was sent, died or was superseded.
        error: why the last attempt did not do it.
    """

    id: str
    seq: int
    channel: str
    kind: str
    subject: str
    payload: Mapping[str, Any]
    state: DeliveryState
    attempts: int
    created_at: datetime
    waiting_since: datetime
    next_at: datetime
    alert_id: str | None = None
    key: str | None = None
    expires_at: datetime | None = None
    lease_owner: str | None = None
    lease_expires_at: datetime | None = None
    fence: int = 0
    doubtful: bool = False
    ended_at: datetime | None = None
    reference: str | None = None
    thread: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """How a channel fares: a row of ``outbox_channels`` and what waits.

    Attributes:
        failures: calls in a row that failed.
        failing_since: the first of them; None: the last call went well.
        open_at: nothing is said before this time (rate limit, ``Retry-After``, back-off).
        waiting: rows that are not final.
        oldest_waiting: since when the oldest of them waits.
        dead: rows that died since the channel last worked.
    """

    channel: str
    failures: int = 0
    failing_since: datetime | None = None
    last_error: str | None = None
    last_sent_at: datetime | None = None
    open_at: datetime | None = None
    waiting: int = 0
    oldest_waiting: datetime | None = None
    dead: int = 0


@dataclass(frozen=True, slots=True)
class SocketLook:
    """Slack's socket.

    Attributes:
        down_since: since when there is no connection; None: there is one.
        connections: what Slack says how many there are for this app.
        error: why the last try failed.
    """

    down_since: datetime | None = None
    connections: int = 1
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """The other side has it; ``reference`` is its name for it."""

    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Permanent:
    """Refused for good: trying again cannot help. ``error`` says what to do."""

    error: str


@dataclass(frozen=True, slots=True)
class Transient:
    """It certainly did not arrive, and may later.

    Attributes:
        retry_after_s: what the other side asked us to wait (``Retry-After``).
        whole_channel: nothing else gets through either: the channel rests. False: only this row does.
    """

    error: str
    retry_after_s: float | None = None
    whole_channel: bool = True


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """It may have arrived: the answer was lost."""

    error: str
    whole_channel: bool = True


Answer = Sent | Permanent | Transient | Ambiguous
"""What became of one call."""


@dataclass(frozen=True, slots=True)
class Absent:
    """Looked for and not there: it can be said (again) without harm."""


Found = Sent | Absent | Transient
"""What became of looking for a doubtful delivery; ``Transient``: it could not be looked for now."""


def backoff_s(failures: int, *, first_s: float, most_s: float, chance: float) -> float:
    """Seconds to wait after so many failures in a row: doubling, bounded, and spread over its upper half. Pure.

    Args:
        failures: at least 1.
        first_s: after the first failure.
        most_s: never longer.
        chance: a random number of [0, 1).
    """
    whole = min(most_s, first_s * 2.0 ** min(failures - 1, 30))
    return whole * (0.5 + chance / 2)
