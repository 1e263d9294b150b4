"""Lease owners: a name that tells the host, the process and its start, so that a dead one is known at once.

A worker killed with -9 leaves leases that would run out by themselves; a worker that starts on the same machine lets
those of processes that no longer exist run out now, so that a restarted daemon goes on without waiting.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

FIELDS = 4
STARTTIME = 19
"""Index of ``starttime`` in ``/proc/<pid>/stat``, counted after the closing parenthesis (proc(5), field 22)."""


def make_owner() -> str:
    """A new owner for this process: ``host/pid/started/nonce``."""
    pid = os.getpid()
    host = socket.gethostname().replace("/", "-")
    return f"{host}/{pid}/{process_started(pid) or 0}/{secrets.token_hex(4)}"


def process_started(pid: int) -> int | None:
    """Start of a process in clock ticks since boot, or None when there is no such process (or no ``/proc``)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(stat.rpartition(")")[2].split()[STARTTIME])
    except (OSError, ValueError, IndexError):
        return None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def is_dead_here(
    owner: str,
    *,
    host: str | None = None,
    exists: Callable[[int], bool] = _exists,
    started: Callable[[int], int | None] = process_started,
) -> bool:
    """Whether ``owner`` was a process of this machine that no longer runs. False where that cannot be known."""
    parts = owner.split("/")
    if len(parts) != FIELDS or parts[0] != (host or socket.gethostname().replace("/", "-")):
        return False
    try:
        pid, began = int(parts[1]), int(parts[2])
    except ValueError:
        return False
    if not exists(pid):
        return True
    now = started(pid)
    return bool(began) and now is not None and now != began
