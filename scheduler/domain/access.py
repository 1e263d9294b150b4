"""Who may do what: three roles, each of which may do what the one before it may."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum


class Role(StrEnum):
    """What someone may do."""

    VIEWER = "viewer"
    """Look."""
    OPERATOR = "operator"
    """Also submit, cancel, retry, re-render, steer schedules and alerts."""
    ADMIN = "admin"
    """Also give access: tokens."""

    @property
    def rank(self) -> int:
        """0 for viewer, 1 for operator, 2 for admin."""
        return list(Role).index(self)

    def covers(self, needed: Role) -> bool:
        """Whether this role may do what ``needed`` may."""
        return self.rank >= needed.rank


def role_of(
    user: str,
    member_of: Collection[str],
    *,
    users: Mapping[str, Role],
    groups: Mapping[str, Role],
    owns_home: bool,
) -> Role:
    """The role of a Unix user. Pure.

    A user who is listed by name has that role, whatever the groups say; else the highest of the groups that are
    listed; else viewer. Where nobody is listed at all, the owner of the data folder is admin: it could change the
    files there anyway.

    Args:
        user: login name.
        member_of: names of the user's groups.
        users: roles by login name.
        groups: roles by group name.
        owns_home: whether the data folder belongs to the user.
    """
    if not users and not groups:
        return Role.ADMIN if owns_home else Role.VIEWER
    if user in users:
        return users[user]
    return max((groups[name] for name in member_of if name in groups), key=lambda role: role.rank, default=Role.VIEWER)
