"""Who sits at the terminal, from where, and what the config lets them do."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import sys
from pathlib import Path

from config.settings import Settings
from scheduler.domain.access import Role, role_of
from scheduler.ports.operations import Actor


def terminal_actor(settings: Settings, via: str) -> Actor:
    """The Unix user as an actor.

    By its number, not by ``$USER``, which anybody can set.

    Args:
        settings: with ``access`` and ``home``.
        via: ``cli`` or ``tui``.
    """
    user = unix_user()
    role = role_of(
        user,
        unix_groups(),
        users={name: Role(word) for name, word in settings.access.users.items()},
        groups={name: Role(word) for name, word in settings.access.groups.items()},
        owns_home=owns(settings.home),
    )
    return Actor(user, via, role=role, origin=origin())


def unix_user() -> str:
    """The login name, or the number where there is none."""
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def unix_groups() -> frozenset[str]:
    """Names of the groups of this process."""
    names: set[str] = set()
    for number in {os.getegid(), *os.getgroups()}:
        try:
            names.add(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return frozenset(names)


def owns(home: Path) -> bool:
    """Whether the data folder is this user's; one that is not there yet will be."""
    try:
        return home.stat().st_uid == os.geteuid()
    except FileNotFoundError:
        return True
    except OSError:
        return False


def origin() -> str:
    """Host and terminal, and what stands behind them where it is known: an SSH client, the user of sudo."""
    parts = [socket.gethostname(), _terminal()]
    client = os.environ.get("SSH_CONNECTION", "").split(" ")[0]
    if client:
        parts.append(f"ssh {client}")
    sudo = os.environ.get("SUDO_USER")
    if sudo:
        parts.append(f"sudo {sudo}")
    return " ".join(part for part in parts if part)


def _terminal() -> str:
    for stream in (sys.__stdin__, sys.__stderr__):
        try:
            if stream is not None and stream.isatty():
                return os.ttyname(stream.fileno()).removeprefix("/dev/")
        except (OSError, ValueError):
            continue
    return ""
