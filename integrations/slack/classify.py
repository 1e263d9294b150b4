"""What became of a call to Slack's Web API: arrived, refused, later, or nobody knows. Pure."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from scheduler.domain.outbox import Ambiguous, Permanent, Transient

REMEDIES: Mapping[str, str] = {
    "not_authed": "no token was given: set alerts.slack.bot_token",
    "invalid_auth": "the token is not valid: copy the bot token (xoxb-…) of the app into alerts.slack.bot_token",
    "account_inactive": "the token belongs to a deleted app or user: install the app again and copy its bot token",
    "token_revoked": "the token was revoked: install the app again and copy its bot token",
    "token_expired": "the token has expired: turn token rotation off for the app, and copy its bot token",
    "not_allowed_token_type": "this kind of token may not do that: alerts.slack.bot_token begins with xoxb-, "
    "alerts.slack.app_token with xapp-",
    "channel_not_found": "there is no such channel for this app: set alerts.slack.channel to its id (C…), "
    "and invite the app to it if it is private",
    "not_in_channel": "the app is not in the channel: write /invite @predawn there",
    "no_such_subteam": "there is no such user group: its id (S…) is in the group's address",
    "is_archived": "the channel is archived: set alerts.slack.channel to another",
    "restricted_action": "the workspace does not let apps post there: ask its admin, or choose another channel",
    "no_permission": "the workspace does not permit it: ask its admin",
    "org_login_required": "the workspace is being moved: try again when that is done",
    "ekm_access_denied": "the workspace's admins have suspended posting",
}
LATER = frozenset(
    {
        "ratelimited",
        "rate_limited",
        "service_unavailable",
        "team_added_to_org",
        "request_timeout",
        "message_limit_exceeded",
    }
)
NOBODY_KNOWS = frozenset({"internal_error", "fatal_error"})
"""Slack says of these that some of the operation may have been done."""
TOO_LONG = frozenset({"msg_blocks_too_long", "msg_too_long", "invalid_blocks", "invalid_blocks_format"})
"""The message is at fault, not the channel: it goes as plain text."""
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
"""The message to be edited or replied to is not there any more."""
NO_RETRY_AFTER_S = 30.0
SERVER_ERROR, TOO_MANY = 500, 429


def error_code(error: SlackApiError) -> str:
    """Slack's word for what is wrong; empty where it gave none."""
    return str(error_data(error).get("error", ""))


def error_data(error: SlackApiError) -> Mapping[str, Any]:
    """Slack's whole answer; empty where it cannot be read."""
    response: Any = cast("Any", error).response
    data: Any = getattr(response, "data", response)
    return cast("Mapping[str, Any]", data) if isinstance(data, Mapping) else {}


def _status(error: SlackApiError) -> int:
    response: Any = cast("Any", error).response
    return int(getattr(response, "status_code", 0) or getattr(response, "status", 0) or 0)


def retry_after_s(error: SlackApiError) -> float | None:
    """What ``Retry-After`` says, seconds."""
    headers: Any = getattr(cast("Any", error).response, "headers", {}) or {}
    for name in ("Retry-After", "retry-after"):
        value: Any = headers.get(name)
        text = str(cast("list[Any]", value)[0] if isinstance(value, list) else value)
        try:
            return max(0.0, float(text))
        except ValueError:
            continue
    return None


def explain(code: str, data: Mapping[str, Any] | None = None) -> str:
    """Slack's word for an error, with what to do about it."""
    needed = (data or {}).get("needed")
    if code == "missing_scope":
        scope = f" {needed}" if needed else ""
        return f"missing_scope: the app lacks the scope{scope}: add it (see the manifest), and install the app again"
    return f"{code}: {REMEDIES[code]}" if code in REMEDIES else code


def classify(error: Exception, *, repeatable: bool = False) -> Permanent | Transient | Ambiguous:
    """What an error of a call means.

    Args:
        error: as raised by ``slack_sdk`` or below it.
        repeatable: doing the call twice changes nothing (an edit): doubt is no more than a delay.
    """
    if isinstance(error, SlackApiError):
        return _of_answer(error, repeatable=repeatable)
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientProxyConnectionError | aiohttp.InvalidURL):
        return Transient(f"Slack cannot be reached ({said})")
    if isinstance(error, aiohttp.ClientError | asyncio.TimeoutError | OSError | SlackClientError | ValueError):
        lost = f"the connection was lost before Slack's answer ({said})"
        return Transient(lost) if repeatable else Ambiguous(lost)
    raise error


def _of_answer(error: SlackApiError, *, repeatable: bool) -> Permanent | Transient | Ambiguous:
    code, status = error_code(error), _status(error)
    if status == TOO_MANY or code in {"ratelimited", "rate_limited"}:
        wait = retry_after_s(error)
        return Transient("429: Slack asks us to wait", NO_RETRY_AFTER_S if wait is None else wait)
    if code in NOBODY_KNOWS and not repeatable:
        return Ambiguous(f"Slack answered {code}: it may have been posted")
    if code in LATER or code in NOBODY_KNOWS:
        return Transient(f"Slack answered {code}")
    if status >= SERVER_ERROR:
        return Transient(f"Slack answered {status}")
    if not code:
        lost = f"Slack's answer cannot be read (HTTP {status})"
        return Transient(lost) if repeatable else Ambiguous(lost)
    return Permanent(explain(code, error_data(error)))
