"""A client of Slack's Web API as we need it: no retries of its own, no proxy for this machine's own addresses."""

from __future__ import annotations

import logging

from slack_sdk.web.async_client import AsyncWebClient

from config.sections.alerts import SlackSettings
from integrations.kit.urls import is_loopback

_log = logging.getLogger("predawn.slack")
_log.setLevel(logging.WARNING)


def open_slack(settings: SlackSettings) -> AsyncWebClient:
    """A client with the bot token and no retries: the SDK's would repeat a post whose answer was lost."""
    token = settings.bot_token.get_secret_value() if settings.bot_token is not None else None
    client = AsyncWebClient(
        token=token,
        base_url=f"{settings.api_url}/",
        timeout=max(1, round(settings.call_timeout_s)),
        retry_handlers=[],
        logger=_log,
    )
    if is_loopback(settings.api_url):
        client.proxy = None
    return client
