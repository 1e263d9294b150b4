"""What a press of a button does: who it was, whether they may, and what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from config.sections.alerts import SlackSettings
from integrations.slack.blocks import ACKNOWLEDGE, CANCEL, DETAILS, MUTE, RERENDER
from integrations.slack.groups import UserGroups, is_group
from integrations.slack.text import SECTION, escape
from scheduler.domain.access import Role
from scheduler.ports.alerts import AlertOperations, PressAction
from scheduler.ports.operations import Actor, OperationError, PermissionDeniedError

log = structlog.get_logger("predawn.slack")

ACTIONS: Mapping[str, PressAction] = {
    ACKNOWLEDGE: PressAction.ACKNOWLEDGE,
    MUTE: PressAction.MUTE,
    DETAILS: PressAction.DETAILS,
    RERENDER: PressAction.RERENDER,
    CANCEL: PressAction.CANCEL,
}
STRONG = frozenset({PressAction.RERENDER, PressAction.CANCEL})


@dataclass(frozen=True, slots=True)
class Pressed:
    """A press as Slack tells it."""

    action: PressAction
    alert_id: str
    action_ts: str
    user: str
    user_name: str
    team: str
    channel: str
    thread: str | None


def read_press(payload: Mapping[str, Any]) -> Pressed | None:
    """The press in an interactive payload; None: it is none of ours. Nothing in it is trusted but who pressed what."""
    if payload.get("type") != "block_actions" or not payload.get("actions"):
        return None
    one: Mapping[str, Any] = payload["actions"][0]
    action = ACTIONS.get(str(one.get("action_id", "")))
    if action is None:
        return None
    user: Mapping[str, Any] = payload.get("user") or {}
    message: Mapping[str, Any] = payload.get("message") or {}
    team: Mapping[str, Any] = payload.get("team") or {}
    channel: Mapping[str, Any] = payload.get("channel") or {}
    return Pressed(
        action=action,
        alert_id=str(one.get("value", "")),
        action_ts=str(one.get("action_ts", "")),
        user=str(user.get("id", "")),
        user_name=str(user.get("username") or user.get("name") or user.get("id", "")),
        team=str(user.get("team_id") or team.get("id", "")),
        channel=str(channel.get("id", "")),
        thread=str(message["thread_ts"]) if message.get("thread_ts") else None,
    )


def listed_for(action: PressAction, settings: SlackSettings) -> frozenset[str]:
    """The users and user groups that the settings name for an action. Pure."""
    return frozenset(settings.may_act if action in STRONG else (*settings.may_act, *settings.may_acknowledge))


def role_of(pressed: Pressed, settings: SlackSettings, groups: Collection[str] = ()) -> Role:
    """What the presser may do: operator where the settings name them or a group of theirs, else viewer. Pure."""
    if settings.teams and pressed.team not in settings.teams:
        return Role.VIEWER
    listed = listed_for(pressed.action, settings)
    return Role.OPERATOR if pressed.user in listed or not listed.isdisjoint(groups) else Role.VIEWER


class Presses:
    """Acts on presses through the operations.

    Args:
        operations: reads and commands.
        client: for what only the presser sees.
        settings: who may do what.
        after: called when something may have changed (to deliver the new state of the message at once).
        blocking: runs an operation off the event loop.
    """

    def __init__(
        self,
        operations: AlertOperations,
        client: AsyncWebClient,
        settings: SlackSettings,
        *,
        after: Callable[[], None],
        blocking: Callable[..., Awaitable[Any]] = asyncio.to_thread,
    ) -> None:
        self._operations = operations
        self._client: Any = client
        self._settings = settings
        self._after = after
        self._blocking = blocking
        self._groups = UserGroups(client)

    async def _role(self, pressed: Pressed) -> Role:
        """What the presser may do; user groups are asked for only where the user is not listed by id."""
        role = role_of(pressed, self._settings)
        if role is not Role.VIEWER:
            return role
        asked = [one for one in listed_for(pressed.action, self._settings) if is_group(one)]
        return role_of(pressed, self._settings, await self._groups.of(pressed.user, asked))

    async def __call__(self, payload: Mapping[str, Any]) -> None:
        """Act on a press, and tell the presser what became of it."""
        pressed = read_press(payload)
        if pressed is None:
            return
        actor = Actor(
            f"{pressed.user_name} {pressed.user}".strip(),
            "slack",
            role=await self._role(pressed),
            origin=f"{pressed.team} {pressed.channel}".strip(),
        )
        try:
            told: str = await self._blocking(
                self._operations.press_alert,
                pressed.alert_id,
                pressed.action,
                action_ts=pressed.action_ts,
                actor=actor,
            )
        except PermissionDeniedError:
            told = (
                f"You may not do that here ({pressed.action}). Ask for your id {pressed.user} to be listed in "
                f"alerts.slack.{'may_act' if pressed.action in STRONG else 'may_acknowledge'}."
            )
        except OperationError as error:
            told = f"That was not done: {error}"
        except Exception as error:
            log.exception("a press failed", action=pressed.action.value, alert=pressed.alert_id)
            told = f"That failed ({type(error).__name__}). Do it on the console, or with: predawn alerts show"
        self._after()
        if told:
            await self._whisper(pressed, told)

    async def _whisper(self, pressed: Pressed, text: str) -> None:
        """Tell only the presser."""
        try:
            await self._client.chat_postEphemeral(
                channel=pressed.channel, user=pressed.user, thread_ts=pressed.thread, text=escape(text, SECTION)
            )
        except Exception as error:  # noqa: BLE001 - what was done is done; the message shows it too
            log.warning("the presser could not be told", error=str(error))
