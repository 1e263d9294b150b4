"""The outbox's ports: the store that keeps deliveries, and the senders that say them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from scheduler.domain.outbox import Answer, ChannelHealth, Delivery, DeliveryState, Found, NewDelivery
from scheduler.domain.snapshot import Page


class DeliveryNotFoundError(LookupError):
    """No delivery has this id, or several start with it."""


class OutboxStore(Protocol):
    """Deliveries. Leases and due times are judged by the database's clock. Raises ``StoreError``."""

    def enqueue_deliveries(self, deliveries: Sequence[NewDelivery]) -> list[str]:
        """Put rows in, in this order, in one transaction; their ids (an id that is there already for a taken key).

        Parts that have a transaction open use ``scheduler.store.outbox_store.put`` inside it.
        """
        ...

    def claim_delivery(
        self, channel: str, owner: str, *, lease_s: float, interval_s: float = 0.0, only_once: bool = False
    ) -> Delivery | None:
        """Lease the first row of a channel that is due and has none of its subject before it. None: there is none now.

        A lease that ran out makes its row doubtful. The channel is closed for ``interval_s`` seconds after a claim: the
        rate limit, over all processes.

        Args:
            channel: its name.
            owner: unique among processes.
            lease_s: seconds until another process may take it.
            interval_s: seconds to the channel's next claim.
            only_once: nothing else of the channel may be in flight (one call at a time over all processes).
        """
        ...

    def record_delivery(
        self, delivery: Delivery, answer: Answer | Found, *, retry_in_s: float = 0.0, pause_s: float = 0.0
    ) -> bool:
        """Write what became of a leased delivery, and how its channel fares. False: the lease is lost.

        Args:
            delivery: as claimed.
            answer: of the call; of a look for a doubtful one: ``Absent`` queues it to be said at once.
            retry_in_s: seconds until it is tried again, where it is.
            pause_s: seconds for which the whole channel rests.
        """
        ...

    def next_delivery_in(self, channel: str) -> float | None:
        """Seconds until a row of the channel may be due, 0 for now. None: nothing waits. A cheap look."""
        ...

    def delivery(self, delivery_id: str) -> Delivery:
        """The row with this id or unique prefix.

        Raises:
            DeliveryNotFoundError: none, or several.
        """
        ...

    def deliveries(
        self,
        *,
        states: Sequence[DeliveryState] = (),
        channels: Sequence[str] = (),
        alert_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Delivery]:
        """Rows by pages, newest first.

        Raises:
            ValueError: the cursor is none of ours.
        """
        ...

    def retry_delivery(self, delivery_id: str) -> bool:
        """An operator wants a dead, waiting or doubtful row tried now, expired or not. False: sent or in flight."""
        ...

    def channel_health(self) -> list[ChannelHealth]:
        """How every channel fares that ever had a row, by name."""
        ...

    def prune_deliveries(self, *, older_than_s: float) -> int:
        """Delete final rows that are older, but the ones an unresolved alert's thread hangs on; how many."""
        ...


class Sender(Protocol):
    """Says things over one channel. One call each time: the outbox owns retries, rate and order."""

    @property
    def channel(self) -> str:
        """Its channel's name."""
        ...

    async def send(self, delivery: Delivery) -> Answer:
        """Say it once and classify what came back. Never raises for what the other side does."""
        ...

    async def find(self, delivery: Delivery) -> Found:
        """Look whether a doubtful delivery has arrived.

        A channel that cannot look answers ``Absent`` and puts the delivery's id on what it sends, so that the receiver
        can tell a repetition.
        """
        ...
