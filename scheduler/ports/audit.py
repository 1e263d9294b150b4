"""Who did what: the store of the audit trail, and how it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from scheduler.domain.audit import AuditEntry, AuditHead, AuditLine, AuditVerdict
from scheduler.domain.snapshot import Page


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which lines; what is empty does not filter.

    Attributes:
        actor: a name.
        command: a command (``job.cancel``) or a group of them (``job``).
        target: a job's id or the start of it, a schedule's name.
    """

    actor: str = ""
    command: str = ""
    target: str = ""


class AuditStore(Protocol):
    """The table ``audit``. Lines are added and read, never changed."""

    def together(self) -> AbstractContextManager[None]:
        """Make all that this thread reads and writes of the store in the block one transaction.

        It is committed at the end, and rolled back when the block raises. Within another one it is part of that.
        """
        ...

    def add_audit(self, entries: Sequence[AuditEntry]) -> list[AuditLine]:
        """Chain the entries to the trail in their order, in one transaction; several processes may do so at once."""
        ...

    def audit_lines(self, *, wanted: AuditFilter, limit: int, cursor: str | None = None) -> Page[AuditLine]:
        """Lines by pages, newest first.

        Raises:
            ValueError: the cursor is none.
        """
        ...

    def audit_chain(self) -> Iterator[AuditLine]:
        """All lines, oldest first, a batch at a time."""
        ...

    def audit_head(self) -> AuditHead | None:
        """The newest line as kept beside the table."""
        ...


class AuditOperations(Protocol):
    """How the trail is read; it is written by the commands themselves."""

    def audit(
        self, *, wanted: AuditFilter | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[AuditLine]:
        """Lines by pages, newest first.

        Raises:
            InvalidError: the cursor is none.
        """
        ...

    def verify_audit(self) -> AuditVerdict:
        """Whether nobody has changed the trail; else the first line that does not hold."""
        ...
