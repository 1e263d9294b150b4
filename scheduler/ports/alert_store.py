"""Where alerts are kept, with their history, mutes and what they have to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from scheduler.domain.alert import Alert, AlertEvent, AlertState, Mute
from scheduler.domain.outbox import NewDelivery
from scheduler.domain.snapshot import Page


class AlertNotFoundError(LookupError):
    """No alert has this id, or several start with it."""


@dataclass(frozen=True, slots=True)
class Fold:
    """A resolution that may be pointless: where nothing of the alert ever went out, what waits is taken back.

    Attributes:
        line: what the summary says of it instead.
        otherwise: what is put in where people have been told of the alert.
    """

    channel: str
    alert_id: str
    line: str
    otherwise: tuple[NewDelivery, ...]


@dataclass(frozen=True, slots=True)
class AlertPlan:
    """All that one look or one command changes, in one transaction.

    Attributes:
        alerts: to be written; ``version`` is the one they were read with, 0 for new ones.
        dropped: pending alerts of which nothing is kept.
    """

    alerts: tuple[Alert, ...] = ()
    dropped: tuple[Alert, ...] = ()
    events: tuple[AlertEvent, ...] = ()
    deliveries: tuple[NewDelivery, ...] = ()
    folds: tuple[Fold, ...] = ()

    def __bool__(self) -> bool:
        return any((self.alerts, self.dropped, self.events, self.deliveries, self.folds))


class AlertStore(Protocol):
    """Alerts. Raises ``StoreError``."""

    def watched_alerts(self, *, resolved_within_s: float) -> list[Alert]:
        """The unresolved alerts and those resolved within so many seconds, oldest first."""
        ...

    def apply_alerts(self, plan: AlertPlan) -> bool:
        """Write a plan in one transaction. False: another process has written one of its alerts; nothing was done."""
        ...

    def alert(self, alert_id: str) -> Alert:
        """The alert with this id or unique prefix.

        Raises:
            AlertNotFoundError: none, or several.
        """
        ...

    def alerts(self, *, states: Sequence[AlertState] = (), limit: int = 50, cursor: str | None = None) -> Page[Alert]:
        """Alerts by pages, newest first; those that never fired only when asked for by state.

        Raises:
            ValueError: the cursor is none of ours.
        """
        ...

    def alert_events(self, alert_id: str) -> list[AlertEvent]:
        """What happened to an alert, oldest first."""
        ...

    def stuck_alerts(self, channel: str, *, older_than_s: float) -> frozenset[str]:
        """Alerts of which something waits for the channel for longer, or was refused by it for good."""
        ...

    def mutes(self) -> list[Mute]:
        """The mutes that have not ended."""
        ...

    def set_mute(self, fingerprint: str, *, actor: str, for_s: float) -> Mute:
        """Keep a fingerprint quiet from now on; a mute that is there is replaced."""
        ...

    def unmute(self, fingerprint: str) -> bool:
        """End a mute. False: there was none."""
        ...

    def press(self, alert_id: str, action: str, action_ts: str, *, actor: str) -> bool:
        """Note that a button was pressed. False: this press is known already."""
        ...

    def pressed(self, alert_id: str, action: str, action_ts: str, outcome: str) -> None:
        """Note what became of a press."""
        ...
