"""Leadership in memory."""

from __future__ import annotations

import threading
from datetime import timedelta

from scheduler.domain.leader import Leader
from scheduler.ports.clock import Clock


class MemoryLeaders:
    """Who may do what only one should do, in a dict."""

    def __init__(self, clock: Clock) -> None:
        self._leader_clock = clock
        self._leader_lock = threading.Lock()
        self._leaders: dict[str, Leader] = {}

    def lead(self, role: str, holder: str, *, ttl_s: float) -> Leader | None:
        """See ``LeaderStore``."""
        with self._leader_lock:
            now = self._leader_clock.now()
            had = self._leaders.get(role)
            if had is not None and had.holder != holder and had.expires_at > now:
                return None
            kept = had is not None and had.holder == holder
            self._leaders[role] = Leader(
                role,
                holder,
                fence=(had.fence if had else 0) + (0 if kept else 1),
                since=had.since if had is not None and kept else now,
                expires_at=now + timedelta(seconds=ttl_s),
            )
            return self._leaders[role]

    def leader(self, role: str) -> Leader | None:
        """See ``LeaderStore``."""
        with self._leader_lock:
            had = self._leaders.get(role)
            return had if had is not None and had.expires_at > self._leader_clock.now() else None

    def resign(self, role: str, holder: str) -> bool:
        """See ``LeaderStore``."""
        with self._leader_lock:
            had = self._leaders.get(role)
            if had is None or had.holder != holder:
                return False
            now = self._leader_clock.now()
            self._leaders[role] = Leader(role, holder, had.fence, had.since, now)
            return True
