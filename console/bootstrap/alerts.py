"""What tells people: the channels that the settings set up, the rules, Slack's buttons, and the outside checks."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from config.settings import Settings
from console.bootstrap.callbacks import callback_lane
from integrations.apprise.sender import AppriseMissingError, AppriseSender
from integrations.deadman.sender import DeadmanSender, ping
from integrations.email.sender import EmailSender, compose, post
from integrations.kit.http import open_client
from integrations.kit.notices import Letter
from integrations.kit.urls import is_loopback
from integrations.slack.client import open_slack
from integrations.slack.presses import Presses
from integrations.slack.sender import SlackSender
from integrations.slack.socket import SlackSocket
from scheduler.alerting.delivery import DeliveryLoop, Lane
from scheduler.alerting.evaluator import Evaluator
from scheduler.alerting.extras import daily_report
from scheduler.alerting.gather import Gatherer
from scheduler.alerting.liveness import Liveness
from scheduler.alerting.observation import Observation
from scheduler.domain.alert import Alert
from scheduler.domain.outbox import Sent
from scheduler.operations import StoreOperations
from scheduler.ports.clock import Clock
from scheduler.ports.operations import StartError
from scheduler.ports.store import Store

DEADMAN_CALL_S = 10.0


def has_slack(settings: Settings) -> bool:
    """Whether messages can go to Slack."""
    slack = settings.alerts.slack
    return slack.bot_token is not None and slack.channel is not None


def has_email(settings: Settings) -> bool:
    """Whether messages can go by e-mail."""
    email = settings.alerts.email
    return email.host is not None and bool(email.to)


def plain_channels(settings: Settings) -> tuple[str, ...]:
    """The channels that get what e-mail gets."""
    found = ("email",) if has_email(settings) else ()
    return (*found, "apprise") if settings.alerts.apprise_urls is not None else found


@dataclass(frozen=True, slots=True)
class AlertParts:
    """What runs in a daemon for alerts.

    Attributes:
        around: what must be up while it runs.
    """

    deliveries: DeliveryLoop
    evaluator: Evaluator | None
    socket: SlackSocket | None
    liveness: Liveness | None
    around: Callable[[], Any]


def make_lanes(settings: Settings, store: Store, client: httpx.AsyncClient) -> tuple[Lane, ...]:
    """The channels that the settings set up; whoever adds one adds its lane here.

    Raises:
        StartError: a channel cannot be used as it is set up.
    """
    del store
    alerts, link = settings.alerts, settings.alerts.console_url
    lanes: list[Lane] = [callback_lane(settings)]
    slack = alerts.slack
    if has_slack(settings):
        sender = SlackSender(
            open_slack(slack),
            slack.channel or "",
            mention=slack.mention,
            buttons=slack.app_token is not None,
            link=link,
        )
        lanes.append(Lane(sender, interval_s=slack.interval_s, call_s=slack.call_timeout_s + 5))
    if has_email(settings):
        lanes.append(Lane(EmailSender(alerts.email, link=link), call_s=alerts.email.call_timeout_s + 5))
    if alerts.apprise_urls is not None:
        try:
            lanes.append(Lane(AppriseSender(alerts.apprise_urls.get_secret_value(), link=link), call_s=60))
        except (AppriseMissingError, ValueError) as error:
            raise StartError(str(error)) from error
    if alerts.deadman.nightly_url is not None:
        lanes.append(Lane(DeadmanSender(client, alerts.deadman.nightly_url.get_secret_value())))
    return tuple(lanes)


def make_alert_parts(
    settings: Settings,
    store: Store,
    operations: StoreOperations,
    clock: Clock,
    owner: str,
    *,
    scheduler: Callable[[], float | None],
) -> AlertParts:
    """Rules, delivery, buttons and outside checks of one daemon.

    Args:
        settings: which of them are set up.
        store: alerts and outbox.
        operations: what the console shows, and what buttons do.
        clock: the time of day.
        owner: this process.
        scheduler: when the timer last looked, on the clock's counter.

    Raises:
        StartError: a channel cannot be used as it is set up.
    """
    alerts = settings.alerts
    urls = [secret.get_secret_value() for secret in (alerts.deadman.nightly_url, alerts.deadman.liveness_url) if secret]
    client = open_client(loopback=all(is_loopback(url) for url in urls))
    client.timeout = httpx.Timeout(DEADMAN_CALL_S)
    loop = DeliveryLoop(store, make_lanes(settings, store, client), owner, rng=random.Random())  # noqa: S311 - jitter
    socket = _make_socket(settings, operations, clock, loop)
    evaluator = liveness = None
    if alerts.enabled:
        gatherer = Gatherer(
            store,
            operations.snapshot,
            operations.runs,
            settings,
            clock,
            channels=loop.channels,
            socket=socket.look if socket is not None else lambda: None,
            maintenance=lambda: {one.service: one.until for one in store.maintenance()},
        )
        evaluator = Evaluator(
            store,
            gatherer,
            alerts,
            clock,
            owner,
            slack=has_slack(settings),
            plain=plain_channels(settings),
            warning_s=settings.deadline.warning_s,
            deadman=alerts.deadman.nightly_url is not None,
            alarm=_alarm(settings) if has_email(settings) else None,
            report=_reporting(operations) if settings.report.enabled else None,
            report_at=settings.report.at,
            on_rows=loop.wake,
        )
        if alerts.deadman.liveness_url is not None:
            url = alerts.deadman.liveness_url.get_secret_value()
            liveness = Liveness(
                alerts.deadman,
                clock,
                vitals=evaluator.vitals,
                scheduler=scheduler,
                delivering=lambda: loop.turned_at,
                ping=lambda: ping(client, url),
            )
    return AlertParts(loop, evaluator, socket, liveness, lambda: _closing(client))


@contextlib.asynccontextmanager
async def _closing(client: httpx.AsyncClient) -> AsyncGenerator[None, None]:
    async with client:
        yield


def _make_socket(
    settings: Settings, operations: StoreOperations, clock: Clock, loop: DeliveryLoop
) -> SlackSocket | None:
    slack = settings.alerts.slack
    if slack.app_token is None or not has_slack(settings):
        return None
    presses = Presses(operations, open_slack(slack), slack, after=loop.wake)
    return SlackSocket(
        lambda: open_slack(slack),
        slack.app_token.get_secret_value(),
        presses,
        clock,
        watchdog_s=slack.watchdog_s,
    )


def _reporting(operations: StoreOperations) -> Callable[[Observation, tuple[Alert, ...]], Mapping[str, Any]]:
    return lambda look, alerts: daily_report(operations.report(), look, alerts)


def _alarm(settings: Settings) -> Callable[[str, str], Any]:
    """The last resort: an e-mail that needs no database."""

    async def alarm(subject: str, text: str) -> None:
        email = settings.alerts.email
        message = compose(email, Letter(f"[predawn] {subject}", text), message_id=f"<alarm.{time.time_ns()}@predawn>")
        answer = await post(email, message)
        if not isinstance(answer, Sent):
            raise ConnectionError(answer.error)

    return alarm
