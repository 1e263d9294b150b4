"""``predawn alerts test``: each step of a channel tried by itself, so that what is wrong has a name."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from socket import gethostname
from typing import Any

import httpx
from slack_sdk.errors import SlackApiError

from config.settings import Settings
from integrations.apprise.sender import AppriseMissingError, AppriseSender
from integrations.deadman.sender import ping
from integrations.email.sender import compose, post, trial_letter
from integrations.kit.http import open_client
from integrations.kit.urls import is_loopback
from integrations.slack.classify import classify, error_code, error_data, explain
from integrations.slack.client import open_slack
from scheduler.domain.outbox import Delivery, DeliveryState, Sent
from scheduler.ports.alerts import Trial, TrialStep

NEEDED_SCOPES = {"chat:write": "post", "channels:history": "look for a message whose delivery is in doubt"}


NO_BOT = "alerts.slack.bot_token is not set (PREDAWN_ALERTS__SLACK__BOT_TOKEN_FILE names a file with it)"
NO_CHANNEL = "alerts.slack.channel is not set: copy the channel's id (C…) from its details"


async def try_channel(settings: Settings, channel: str) -> Trial:
    """Try a channel step by step; it ends with the first step that fails."""
    match channel:
        case "slack":
            tried = _slack(settings)
        case "email":
            tried = _email(settings)
        case "deadman":
            tried = _deadman(settings)
        case _:
            tried = _apprise(settings)
    return Trial(channel, tuple([step async for step in tried]))


async def _slack(settings: Settings) -> AsyncGenerator[TrialStep, None]:
    slack = settings.alerts.slack
    if slack.bot_token is None:
        yield TrialStep("settings", fine=False, told=NO_BOT)
        return
    if slack.channel is None:
        yield TrialStep("settings", fine=False, told=NO_CHANNEL)
        return
    client: Any = open_slack(slack)
    try:
        who: Any = await client.auth_test()
    except Exception as error:  # noqa: BLE001 - classify raises what is none of the network's
        yield TrialStep("bot token", fine=False, told=_why(error))
        return
    yield TrialStep("bot token", fine=True, told=f"{who.get('user')} in {who.get('team')} ({who.get('team_id')})")
    missing = _missing_scopes(str(who.headers.get("X-OAuth-Scopes", "")))
    if missing:
        yield TrialStep("scopes", fine=False, told=explain("missing_scope", {"needed": missing}))
        return
    text = f"Test from predawn on {gethostname()}: Slack works. Nothing is wrong."
    try:
        posted: Any = await client.chat_postMessage(channel=slack.channel, text=text)
    except Exception as error:  # noqa: BLE001 - as above
        yield TrialStep("message", fine=False, told=_why(error))
        return
    yield TrialStep("message", fine=True, told=f"posted to {slack.channel} at {posted['ts']}")
    try:
        await client.conversations_history(channel=slack.channel, oldest=posted["ts"], inclusive=True, limit=1)
    except Exception as error:  # noqa: BLE001 - as above
        yield TrialStep("history", fine=False, told=f"a doubtful message could not be looked for: {_why(error)}")
        return
    yield TrialStep("history", fine=True, told="a doubtful message can be looked for")
    async for step in _socket(settings, client):
        yield step


def _missing_scopes(header: str) -> str:
    """Scopes that the app lacks, and what for; empty: none, or Slack did not say."""
    granted = {part.strip() for part in header.split(",") if part.strip()}
    if "groups:history" in granted:
        granted.add("channels:history")
    lacking = [f"{scope} (to {use})" for scope, use in NEEDED_SCOPES.items() if scope not in granted]
    return ", ".join(lacking) if granted else ""


async def _socket(settings: Settings, client: Any) -> AsyncGenerator[TrialStep, None]:
    slack = settings.alerts.slack
    if slack.app_token is None:
        yield TrialStep(
            "buttons", fine=True, told="not set up: alerts.slack.app_token is not set, messages have no buttons"
        )
        return
    try:
        await client.apps_connections_open(app_token=slack.app_token.get_secret_value())
    except Exception as error:  # noqa: BLE001 - as above
        told = _why(error).replace("bot token (xoxb-…)", "app token (xapp-…)")
        yield TrialStep("app token", fine=False, told=told.replace("slack.bot_token", "slack.app_token"))
        return
    yield TrialStep("app token", fine=True, told="a socket can be opened")
    if not slack.may_acknowledge and not slack.may_act:
        told = "nobody may press a button: list Slack user ids (U…) in alerts.slack.may_acknowledge and may_act"
        yield TrialStep("buttons", fine=False, told=told)
        return
    yield TrialStep("buttons", fine=True, told=f"{len({*slack.may_acknowledge, *slack.may_act})} people may press them")


def _why(error: Exception) -> str:
    if isinstance(error, SlackApiError) and error_code(error):
        return explain(error_code(error), error_data(error))
    return classify(error).error


async def _email(settings: Settings) -> AsyncGenerator[TrialStep, None]:
    email = settings.alerts.email
    if email.host is None:
        yield TrialStep("settings", fine=False, told="alerts.email.host is not set: name the SMTP server")
        return
    if not email.to:
        yield TrialStep("settings", fine=False, told="alerts.email.to is empty: name the addresses that are to be told")
        return
    letter = trial_letter({"host": gethostname(), "server": f"{email.host}:{email.port}", "to": ", ".join(email.to)})
    answer = await post(email, compose(email, letter))
    if isinstance(answer, Sent):
        yield TrialStep("message", fine=True, told=f"{email.host}:{email.port} took it for {', '.join(email.to)}")
    else:
        yield TrialStep("message", fine=False, told=answer.error)


async def _deadman(settings: Settings) -> AsyncGenerator[TrialStep, None]:
    deadman = settings.alerts.deadman
    checks = {"nightly": deadman.nightly_url, "liveness": deadman.liveness_url}
    if not any(checks.values()):
        told = "neither alerts.deadman.nightly_url nor liveness_url is set: copy the ping addresses of two checks"
        yield TrialStep("settings", fine=False, told=told)
        return
    for name, secret in checks.items():
        if secret is None:
            yield TrialStep(name, fine=True, told=f"not set up (alerts.deadman.{name}_url)")
            continue
        url = secret.get_secret_value()
        async with open_client(loopback=is_loopback(url)) as client:
            client.timeout = httpx.Timeout(10.0)
            answer = await ping(client, url, "success", f"test from predawn on {gethostname()}")
        if isinstance(answer, Sent):
            yield TrialStep(name, fine=True, told=f"answered {answer.reference}")
        else:
            yield TrialStep(name, fine=False, told=answer.error)


async def _apprise(settings: Settings) -> AsyncGenerator[TrialStep, None]:
    urls = settings.alerts.apprise_urls
    if urls is None:
        yield TrialStep(
            "settings", fine=False, told="alerts.apprise_urls is not set (PREDAWN_ALERTS__APPRISE_URLS_FILE)"
        )
        return
    try:
        sender = AppriseSender(urls.get_secret_value())
    except (AppriseMissingError, ValueError) as error:
        yield TrialStep("settings", fine=False, told=str(error))
        return
    now = datetime.now(UTC)
    text = f"This is a test of predawn on {gethostname()}. Nothing is wrong."
    payload = {"subject": "[predawn] test", "text": text}
    row = Delivery("test", 0, "apprise", "test", "test", payload, DeliveryState.LEASED, 1, now, now, now)
    answer = await sender.send(row)
    if isinstance(answer, Sent):
        yield TrialStep("message", fine=True, told="all of its URLs took it")
    else:
        yield TrialStep("message", fine=False, told=answer.error)
