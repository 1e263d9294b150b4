"""Alerts and deliveries as TUI, CLI, HTTP and Slack see them; part of ``Operations``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from scheduler.domain.alert import Alert, AlertEvent, AlertState, Mute
from scheduler.domain.outbox import ChannelHealth, Delivery, DeliveryState
from scheduler.domain.snapshot import Page

if TYPE_CHECKING:
    from scheduler.ports.operations import Actor


class PressAction(StrEnum):
    """What a button under an alert does."""

    ACKNOWLEDGE = "acknowledge"
    MUTE = "mute"
    DETAILS = "details"
    RERENDER = "rerender"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class AlertDetail:
    """An alert, what happened to it, and what was said of it (oldest first)."""

    alert: Alert
    events: tuple[AlertEvent, ...]
    deliveries: tuple[Delivery, ...]


CHANNELS = ("slack", "email", "deadman", "apprise")
"""The channels that can be tried, whether they are set up or not."""


@dataclass(frozen=True, slots=True)
class TrialStep:
    """One thing that was tried of a channel, and how it went."""

    what: str
    fine: bool
    told: str


@dataclass(frozen=True, slots=True)
class Trial:
    """A channel tried step by step; it ends with the first step that failed."""

    channel: str
    steps: tuple[TrialStep, ...]

    @property
    def fine(self) -> bool:
        """Whether the channel is ready."""
        return all(step.fine for step in self.steps)

    @property
    def told(self) -> str:
        """In a line: what is wrong, or what the last step found."""
        return next((step.told for step in self.steps if not step.fine), self.steps[-1].told if self.steps else "")


class AlertOperations(Protocol):
    """Reads and commands about alerts."""

    def alerts(self, *, states: Sequence[AlertState] = (), limit: int = 50, cursor: str | None = None) -> Page[Alert]:
        """Alerts by pages, newest first; those that never fired only when asked for by state.

        Raises:
            InvalidError: the cursor is none.
        """
        ...

    def open_alerts(self) -> tuple[Alert, ...]:
        """What fires or is acknowledged now, the worst first."""
        ...

    def alert(self, alert_id: str) -> AlertDetail:
        """One alert by id or unique prefix.

        Raises:
            NotFoundError: none, or several.
        """
        ...

    def ack_alert(self, alert_id: str, *, actor: Actor) -> Alert:
        """See to an alert: no repeats and no escalation until that lapses.

        Raises:
            InvalidError: it is not open.
        """
        ...

    def mute_alert(self, alert_id: str, *, for_s: float, actor: Actor) -> Mute:
        """Keep an alert's trouble quiet for a while, also when it comes back.

        Raises:
            InvalidError: not between a minute and 30 days.
        """
        ...

    def unmute_alert(self, alert_id: str, *, actor: Actor) -> bool:
        """End a mute. False: there was none."""
        ...

    def mutes(self) -> tuple[Mute, ...]:
        """The mutes that have not ended."""
        ...

    def press_alert(self, alert_id: str, action: PressAction, *, action_ts: str, actor: Actor) -> str:
        """A button under an alert was pressed; what to tell the presser.

        The same press (alert, action, ``action_ts``) has its effect once.

        Raises:
            NotFoundError: no such alert.
            InvalidError: its state does not allow it.
        """
        ...

    def deliveries(
        self,
        *,
        states: Sequence[DeliveryState] = (),
        channels: Sequence[str] = (),
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Delivery]:
        """The outbox by pages, newest first.

        Raises:
            InvalidError: the cursor is none.
        """
        ...

    def retry_delivery(self, delivery_id: str, *, actor: Actor) -> Delivery:
        """Try a dead, waiting or doubtful delivery now.

        Raises:
            NotFoundError: none with this id.
            InvalidError: it is sent, superseded or in flight.
        """
        ...

    def channel_health(self) -> tuple[ChannelHealth, ...]:
        """How every channel fares."""
        ...

    def channels_set_up(self) -> tuple[str, ...]:
        """The channels of ``CHANNELS`` that the settings set up."""
        ...

    def try_channel(self, channel: str, *, actor: Actor) -> Trial:
        """Send a test over a channel and say precisely what is wrong. Blocks until it has answered or timed out.

        Raises:
            InvalidError: there is no such channel, or this process cannot try it.
        """
        ...
