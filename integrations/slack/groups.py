"""Slack's user groups: who is in those that the settings let press buttons."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

log = structlog.get_logger("predawn.slack")

KEPT_S = 300.0
"""Seconds for which a group's members are used again: who leaves a group may press for so long."""


def is_group(listed: str) -> bool:
    """Whether an entry of the settings is a user group (``S…``), not a user. Pure."""
    return listed.startswith("S")


class UserGroups:
    """The members of user groups, looked up when they are needed. Needs the scope ``usergroups:read``.

    Args:
        client: of the bot.
        clock: a counter of seconds.
    """

    def __init__(self, client: AsyncWebClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client: Any = client
        self._clock = clock
        self._members: dict[str, tuple[float, frozenset[str]]] = {}

    async def of(self, user: str, groups: Iterable[str]) -> frozenset[str]:
        """Those of the groups that a user is in; a group that cannot be looked up has nobody in it."""
        return frozenset([group for group in groups if user in await self._in(group)])

    async def _in(self, group: str) -> frozenset[str]:
        kept = self._members.get(group)
        if kept is not None and self._clock() - kept[0] < KEPT_S:
            return kept[1]
        try:
            answer = await self._client.usergroups_users_list(usergroup=group)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody gets rights by it
            log.warning("a user group cannot be looked up: its members may not press", group=group, error=str(error))
            return frozenset()
        found = frozenset(str(one) for one in answer.get("users") or ())
        self._members[group] = (self._clock(), found)
        return found
