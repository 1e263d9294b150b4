"""What follows from an answer, for a delivery and its channel: the same for every store. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from scheduler.domain.outbox import (
    Absent,
    Ambiguous,
    Answer,
    ChannelHealth,
    DeliveryState,
    Found,
    Permanent,
    Sent,
    Transient,
)

LEASE_LOST = "the process that was saying it died or lost touch: it may have arrived"
REPLACED = "a newer one says it"
EXPIRED = "too late to be worth saying"
ABSENT = "looked for and not there: said again"


@dataclass(frozen=True, slots=True)
class After:
    """What a delivery becomes.

    Attributes:
        at_once: it is due again now, whatever the back-off.
    """

    state: DeliveryState
    error: str | None = None
    reference: str | None = None
    at_once: bool = False


def after(answer: Answer | Found, *, doubtful: bool) -> After:
    """What a leased delivery becomes; ``doubtful``: it was looked for, and so stays doubtful if that failed."""
    match answer:
        case Sent(reference):
            return After(DeliveryState.SENT, reference=reference)
        case Permanent(error):
            return After(DeliveryState.DEAD, error)
        case Transient(error):
            return After(DeliveryState.AMBIGUOUS if doubtful else DeliveryState.QUEUED, error)
        case Ambiguous(error):
            return After(DeliveryState.AMBIGUOUS, error)
        case Absent():
            return After(DeliveryState.QUEUED, ABSENT, at_once=True)
        case _:
            assert_never(answer)


def channel_after(health: ChannelHealth, answer: Answer | Found, *, now: datetime, pause_s: float) -> ChannelHealth:
    """How the channel fares after an answer; it rests for ``pause_s`` seconds."""
    open_at = max(health.open_at or now, now + timedelta(seconds=pause_s))
    match answer:
        case Sent():
            return replace(health, failures=0, failing_since=None, last_error=None, last_sent_at=now, open_at=open_at)
        case Absent():
            return replace(health, open_at=open_at)
        case Permanent(error) | Transient(error) | Ambiguous(error):
            return replace(
                health,
                failures=health.failures + 1,
                failing_since=health.failing_since or now,
                last_error=error,
                open_at=open_at,
            )
        case _:
            assert_never(answer)
