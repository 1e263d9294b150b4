"""The audit trail in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from scheduler.domain.audit import GENESIS, AuditEntry, AuditHead, AuditLine, chained
from scheduler.domain.snapshot import Page
from scheduler.ports.audit import AuditFilter
from scheduler.ports.clock import Clock
from scheduler.store.plain import cursor_seq


class MemoryAudit:
    """Who did what, in a list."""

    def __init__(self, clock: Clock) -> None:
        self._audit_clock = clock
        self._audit_lock = threading.Lock()
        self._audit_lines: list[AuditLine] = []

    def add_audit(self, entries: Sequence[AuditEntry]) -> list[AuditLine]:
        """See ``AuditStore``."""
        with self._audit_lock:
            added: list[AuditLine] = []
            for entry in entries:
                previous = self._audit_lines[-1].hash if self._audit_lines else GENESIS
                line = chained(len(self._audit_lines) + 1, self._audit_clock.now(), entry, previous)
                self._audit_lines.append(line)
                added.append(line)
            return added

    def audit_lines(self, *, wanted: AuditFilter, limit: int, cursor: str | None = None) -> Page[AuditLine]:
        """See ``AuditStore``."""
        before = None if cursor is None else cursor_seq(cursor)
        found = [
            line
            for line in reversed(self._audit_lines)
            if (before is None or line.seq < before)
            and (not wanted.actor or line.entry.actor == wanted.actor)
            and (not wanted.command or f"{line.entry.command}.".startswith(f"{wanted.command}."))
            and line.entry.target.startswith(wanted.target)
        ]
        return Page(tuple(found[:limit]), str(found[limit - 1].seq) if len(found) > limit else None)

    def audit_chain(self) -> Iterator[AuditLine]:
        """See ``AuditStore``."""
        yield from list(self._audit_lines)

    def audit_head(self) -> AuditHead | None:
        """See ``AuditStore``."""
        return AuditHead(self._audit_lines[-1].seq, self._audit_lines[-1].hash) if self._audit_lines else None
