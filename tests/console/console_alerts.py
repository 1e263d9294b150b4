"""Alerts for the console's tests: what a test puts in is shown, and commands are recorded by the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from scheduler.domain.alert import Alert, AlertEvent, AlertState, Mute
from scheduler.domain.outbox import ChannelHealth, Delivery, DeliveryState
from scheduler.domain.snapshot import Page
from scheduler.ports.alerts import AlertDetail, PressAction, Trial, TrialStep
from scheduler.ports.operations import Actor, InvalidError, NotFoundError


@dataclass(kw_only=True)
class FakeAlerts:
    """The alert side of ``Operations`` over lists."""

    kept_alerts: list[Alert] = field(default_factory=list[Alert])
    kept_events: list[AlertEvent] = field(default_factory=list[AlertEvent])
    kept_deliveries: list[Delivery] = field(default_factory=list[Delivery])
    kept_mutes: list[Mute] = field(default_factory=list[Mute])
    kept_channels: list[ChannelHealth] = field(default_factory=list[ChannelHealth])
    alert_commands: list[tuple[str, str, Actor]] = field(default_factory=list[tuple[str, str, Actor]])

    def alerts(self, *, states: Sequence[AlertState] = (), limit: int = 50, cursor: str | None = None) -> Page[Alert]:
        return Page(tuple(alert for alert in self.kept_alerts if not states or alert.state in states)[:limit])

    def open_alerts(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.kept_alerts if alert.is_open)

    def alert(self, alert_id: str) -> AlertDetail:
        alert = next((one for one in self.kept_alerts if one.id.startswith(alert_id)), None)
        if alert is None:
            raise NotFoundError(f"no alert {alert_id}")
        events = tuple(event for event in self.kept_events if event.alert_id == alert.id)
        return AlertDetail(alert, events, tuple(row for row in self.kept_deliveries if row.alert_id == alert.id))

    def ack_alert(self, alert_id: str, *, actor: Actor) -> Alert:
        self.alert_commands.append(("ack", alert_id, actor))
        return self.alert(alert_id).alert

    def mute_alert(self, alert_id: str, *, for_s: float, actor: Actor) -> Mute:
        self.alert_commands.append((f"mute {for_s:g}", alert_id, actor))
        alert = self.alert(alert_id).alert
        return Mute(alert.fingerprint, alert.updated_at, actor.name, alert.updated_at)

    def unmute_alert(self, alert_id: str, *, actor: Actor) -> bool:
        self.alert_commands.append(("unmute", alert_id, actor))
        return True

    def mutes(self) -> tuple[Mute, ...]:
        return tuple(self.kept_mutes)

    def press_alert(self, alert_id: str, action: PressAction, *, action_ts: str, actor: Actor) -> str:
        self.alert_commands.append((action.value, alert_id, actor))
        return ""

    def deliveries(
        self,
        *,
        states: Sequence[DeliveryState] = (),
        channels: Sequence[str] = (),
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Delivery]:
        return Page(
            tuple(
                row
                for row in self.kept_deliveries
                if (not states or row.state in states) and (not channels or row.channel in channels)
            )[:limit]
        )

    def retry_delivery(self, delivery_id: str, *, actor: Actor) -> Delivery:
        self.alert_commands.append(("retry", delivery_id, actor))
        row = next((one for one in self.kept_deliveries if one.id.startswith(delivery_id)), None)
        if row is None:
            raise InvalidError(f"no delivery {delivery_id}")
        return row

    def channel_health(self) -> tuple[ChannelHealth, ...]:
        return tuple(self.kept_channels)

    def channels_set_up(self) -> tuple[str, ...]:
        return tuple(one.channel for one in self.kept_channels)

    def try_channel(self, channel: str, *, actor: Actor) -> Trial:
        self.alert_commands.append(("test", channel, actor))
        return Trial(channel, (TrialStep("message", fine=True, told="taken"),))
