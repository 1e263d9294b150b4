"""A client of Slack's Web API as we need it: no retries of its own, no proxy for this machine's own addresses."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from config.sections.alerts import SlackSettings
from integrations.kit.request_id import HEADER, request_id
from integrations.kit.urls import is_loopback

_log = logging.getLogger("predawn.slack")
_log.setLevel(logging.WARNING)


class _Identified(AsyncWebClient):
    """The SDK's client with an ``X-Request-ID`` on every call, like all that leaves here."""

    async def api_call(self, api_method: str, **options: Any) -> AsyncSlackResponse:
        given: Mapping[str, str] = options.pop("headers", None) or {}
        sdk: Any = super()  # its types are open
        return await sdk.api_call(api_method, headers={**given, HEADER: request_id()}, **options)


def open_slack(settings: SlackSettings) -> AsyncWebClient:
    """A client with the bot token and no retries: the SDK's would repeat a post whose answer was lost."""
    token = settings.bot_token.get_secret_value() if settings.bot_token is not None else None
    client = _Identified(
        token=token,
        base_url=f"{settings.api_url}/",
        timeout=max(1, round(settings.call_timeout_s)),
        retry_handlers=[],
        logger=_log,
    )
    if is_loopback(settings.api_url):
        client.proxy = None
    return client
