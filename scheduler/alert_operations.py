"""The operations on alerts and deliveries over a store; part of ``StoreOperations``."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, assert_never
from zoneinfo import ZoneInfo

from config.settings import Settings
from scheduler.alerting.evaluator import limits_of
from scheduler.alerting.plan import Channels, command_plan
from scheduler.auditing import Auditor, command, note
from scheduler.domain.alert import Alert, AlertEvent, AlertState, Mute, acknowledge
from scheduler.domain.job import CancelOutcome, Job
from scheduler.domain.outbox import ChannelHealth, Delivery, DeliveryState
from scheduler.domain.snapshot import Page
from scheduler.ports.alert_store import AlertNotFoundError, AlertPlan
from scheduler.ports.alerts import CHANNELS, AlertDetail, PressAction, Trial
from scheduler.ports.clock import Clock
from scheduler.ports.operations import Actor, InvalidError, NotFoundError
from scheduler.ports.outbox import DeliveryNotFoundError
from scheduler.ports.store import Store

SHORTEST_MUTE_S, LONGEST_MUTE_S = 60.0, 30 * 86_400.0
PRESS_MUTE_S = 3600.0
TRIES = 5
"""How often a command that met another writer is tried; each try reads anew."""
DETAIL_ALERTS = 100


class AlertCommands:
    """See ``scheduler.ports.alerts.AlertOperations``."""

    _store: Store
    _settings: Settings
    _clock: Clock
    _trial: Callable[[str], Trial] | None = None

    @property
    def auditor(self) -> Auditor:
        """Given by the whole."""
        raise NotImplementedError

    def rerender(self, job_id: str, *, actor: Actor, deadline_at: datetime | None = None) -> Job:
        """Given by the whole."""
        raise NotImplementedError

    def cancel(self, job_id: str, *, actor: Actor) -> CancelOutcome:
        """Given by the whole."""
        raise NotImplementedError

    def alerts(self, *, states: Sequence[AlertState] = (), limit: int = 50, cursor: str | None = None) -> Page[Alert]:
        """Alerts by pages, newest first."""
        try:
            return self._store.alerts(states=states, limit=limit, cursor=cursor)
        except ValueError as error:
            raise InvalidError(f"cursor: {error}") from error

    def open_alerts(self) -> tuple[Alert, ...]:
        """What fires or is acknowledged now, the worst first."""
        found = [alert for alert in self._store.watched_alerts(resolved_within_s=0) if alert.is_open]
        return tuple(sorted(found, key=lambda alert: (-alert.severity.rank, alert.began_at)))

    def alert(self, alert_id: str) -> AlertDetail:
        """One alert with all that happened and was said."""
        alert = self._alert(alert_id)
        said = self._store.deliveries(alert_id=alert.id, limit=DETAIL_ALERTS).items
        return AlertDetail(alert, tuple(self._store.alert_events(alert.id)), said[::-1])

    def mutes(self) -> tuple[Mute, ...]:
        """The mutes that have not ended."""
        return tuple(self._store.mutes())

    @command("alert.ack", target="alert_id")
    def ack_alert(self, alert_id: str, *, actor: Actor) -> Alert:
        """See to an alert."""
        for _ in range(TRIES):
            alert = self._alert(alert_id)
            try:
                change = acknowledge(
                    alert, actor=actor.name, now=self._clock.now(), limits=limits_of(self._settings.alerts)
                )
            except ValueError as error:
                raise InvalidError(str(error)) from error
            plan = command_plan(change, now=self._clock.now(), channels=self._channels())
            if self._store.apply_alerts(plan):
                return self._store.alert(alert.id)
        raise InvalidError(f"alert {alert_id[:8]} changes all the time; try again")

    @command("alert.mute", target="alert_id")
    def mute_alert(self, alert_id: str, *, for_s: float, actor: Actor) -> Mute:
        """Keep an alert's trouble quiet for a while."""
        if not SHORTEST_MUTE_S <= for_s <= LONGEST_MUTE_S:
            raise InvalidError("a mute lasts between a minute and 30 days; its end is what makes it safe")
        alert = self._alert(alert_id)
        mute = self._store.set_mute(alert.fingerprint, actor=actor.name, for_s=for_s)
        text = f"until {mute.until.astimezone(ZoneInfo(alert.zone)):%a %d %b %H:%M %Z}"
        self._store.apply_alerts(AlertPlan(events=(AlertEvent(alert.id, mute.since, "muted", text, actor.name),)))
        return mute

    @command("alert.unmute", target="alert_id")
    def unmute_alert(self, alert_id: str, *, actor: Actor) -> bool:
        """End a mute."""
        alert = self._alert(alert_id)
        there = self._store.unmute(alert.fingerprint)
        if not there:
            note(refused="it was not muted")
            return False
        event = AlertEvent(alert.id, self._clock.now(), "unmuted", "", actor.name)
        self._store.apply_alerts(AlertPlan(events=(event,)))
        return True

    @command("alert.press", target="alert_id")
    def press_alert(self, alert_id: str, action: PressAction, *, action_ts: str, actor: Actor) -> str:
        """A button under an alert was pressed."""
        alert = self._alert(alert_id)
        if not self._store.press(alert.id, action.value, action_ts, actor=actor.name):
            note(refused="this press was acted on before")
            return ""
        if alert.state is AlertState.RESOLVED and action is not PressAction.DETAILS:
            note(refused="the alert is resolved")
            told = "This alert is resolved already: nothing was done."
            self._store.pressed(alert.id, action.value, action_ts, "resolved already")
            return told
        try:
            told = self._act(alert, action, actor)
        except Exception as error:
            self._store.pressed(alert.id, action.value, action_ts, f"failed: {error}")
            raise
        self._store.pressed(alert.id, action.value, action_ts, "done")
        return told

    def _act(self, alert: Alert, action: PressAction, actor: Actor) -> str:
        match action:
            case PressAction.ACKNOWLEDGE:
                self.ack_alert(alert.id, actor=actor)
                return ""
            case PressAction.MUTE:
                mute = self.mute_alert(alert.id, for_s=PRESS_MUTE_S, actor=actor)
                until = mute.until.astimezone(ZoneInfo(alert.zone))
                return f"Quiet until {until:%H:%M %Z}. Sooner: predawn alerts unmute {alert.id[:8]}"
            case PressAction.DETAILS:
                return detail_text(self.alert(alert.id))
            case PressAction.RERENDER:
                job = self.rerender(_job_of(alert), actor=actor)
                return f"Job {job.id[:8]} is queued to be made anew."
            case PressAction.CANCEL:
                outcome = self.cancel(_job_of(alert), actor=actor)
                return f"Cancel of job {_job_of(alert)[:8]}: {outcome}."
            case _:
                assert_never(action)

    def deliveries(
        self,
        *,
        states: Sequence[DeliveryState] = (),
        channels: Sequence[str] = (),
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Delivery]:
        """The outbox by pages, newest first."""
        try:
            return self._store.deliveries(states=states, channels=channels, limit=limit, cursor=cursor)
        except ValueError as error:
            raise InvalidError(f"cursor: {error}") from error

    @command("outbox.retry", target="delivery_id")
    def retry_delivery(self, delivery_id: str, *, actor: Actor) -> Delivery:
        """Try a dead, waiting or doubtful delivery now."""
        del actor
        try:
            row = self._store.delivery(delivery_id)
        except DeliveryNotFoundError as error:
            raise NotFoundError(f"{error}; see: predawn outbox list") from error
        note(target=row.id)
        if not self._store.retry_delivery(row.id):
            raise InvalidError(
                f"delivery {row.id[:8]} is {row.state}: only dead, waiting or doubtful ones are tried again"
            )
        return self._store.delivery(row.id)

    def channel_health(self) -> tuple[ChannelHealth, ...]:
        """How every channel fares."""
        return tuple(self._store.channel_health())

    def channels_set_up(self) -> tuple[str, ...]:
        """The channels that the settings set up."""
        alerts = self._settings.alerts
        there = {
            "slack": alerts.slack.bot_token is not None and alerts.slack.channel is not None,
            "email": alerts.email.host is not None and bool(alerts.email.to),
            "deadman": alerts.deadman.nightly_url is not None or alerts.deadman.liveness_url is not None,
            "apprise": alerts.apprise_urls is not None,
        }
        return tuple(channel for channel in CHANNELS if there[channel])

    @command("alert.test", target="channel")
    def try_channel(self, channel: str, *, actor: Actor) -> Trial:
        """Send a test over a channel and say precisely what is wrong."""
        del actor
        if channel not in CHANNELS:
            raise InvalidError(f"there is no channel {channel!r} to test; choose one of {', '.join(CHANNELS)}")
        if self._trial is None:
            raise InvalidError(f"channels are not tried from here; run: predawn alerts test {channel}")
        trial = self._trial(channel)
        note(fine=trial.fine, told=trial.told)
        return trial

    def _alert(self, alert_id: str) -> Alert:
        try:
            alert = self._store.alert(alert_id)
        except AlertNotFoundError as error:
            raise NotFoundError(f"{error}; see: predawn alerts list") from error
        note(target=alert.id)
        return alert

    def _channels(self) -> Channels:
        slack = self._settings.alerts.slack
        return Channels(slack=slack.bot_token is not None and slack.channel is not None)


def _job_of(alert: Alert) -> str:
    if alert.facts.job_id is None:
        raise InvalidError("this alert is about no job")
    return alert.facts.job_id


def detail_text(detail: AlertDetail) -> str:
    """An alert with its history, for a person."""
    alert = detail.alert
    lines = [f"{alert.severity.upper()} {alert.state}: {alert.facts.title}", *alert.facts.lines]
    lines += [f"{e.at:%H:%M:%S} UTC {e.kind} {e.actor or ''} {e.text}".rstrip() for e in detail.events[-10:]]
    states: dict[str, builtins.list[Any]] = {}
    for row in detail.deliveries:
        states.setdefault(f"{row.channel} {row.state}", []).append(row)
    lines.append("told: " + (", ".join(f"{len(rows)} {name}" for name, rows in states.items()) or "nobody yet"))
    return "\n".join(lines)
