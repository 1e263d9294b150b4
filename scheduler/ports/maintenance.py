"""The care of a database: what ``predawn db …`` asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from scheduler.domain.job import JobStatus
from scheduler.domain.maintenance import BackupReport, CheckReport, PruneReport

Progress = Callable[[int, int], None]
"""Done and all, in whatever is counted; all may be an estimate."""


class NotForThisDatabaseError(Exception):
    """This kind of database is cared for with its own tools; the message says which."""


class Maintenance(Protocol):
    """One database, open. Raises ``StoreError`` when it cannot be used."""

    def check(self, *, repair: bool = False) -> CheckReport:
        """Look for damage, and put counters and the search index right if asked to."""
        ...

    def prune(
        self,
        *,
        older_than: timedelta,
        statuses: Sequence[JobStatus],
        dry_run: bool = False,
        vacuum: bool = False,
        progress: Progress | None = None,
    ) -> PruneReport:
        """Delete jobs that ended longer ago, with all that belongs to them, and old probes; the queue works on.

        Args:
            older_than: by the database's clock.
            statuses: of ``PRUNABLE``.
            dry_run: count only.
            vacuum: rewrite the file to give space back that cannot be given back otherwise; writers wait.
            progress: hears of jobs deleted.
        """
        ...

    def backup(self, target: Path, *, overwrite: bool = False, progress: Progress | None = None) -> BackupReport:
        """Copy the database while it is in use; the copy is whole, or not there.

        Raises:
            NotForThisDatabaseError: PostgreSQL.
            FileExistsError: the target is there and ``overwrite`` is False.
        """
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...
