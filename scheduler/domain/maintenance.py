"""What the care of a database finds and does: the reports of ``predawn db …``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scheduler.domain.job import JobStatus

PRUNABLE = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)
"""Jobs that may be deleted when they are old; a failed one only when no retry is coming."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: ``integrity``, ``references``, ``counters``, ``search``, ``renders``, ``leases``.
        detail: what was found; what to do, when it is not ok.
        repaired: it was not ok, and has been put right.
    """

    name: str
    ok: bool
    detail: str
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All findings, and the schema they were made on."""

    schema: str
    findings: Sequence[Finding]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong (any more)."""
        return all(finding.ok or finding.repaired for finding in self.findings)


@dataclass(frozen=True, slots=True)
class PruneReport:
    """How many rows were deleted, or would be (``dry_run``: jobs and probes only)."""

    jobs: int = 0
    renders: int = 0
    attempts: int = 0
    failures: int = 0
    checkpoints: int = 0
    probes: int = 0
    dry_run: bool = False
    freed_bytes: int = 0
    """By which the file became smaller (SQLite)."""


@dataclass(frozen=True, slots=True)
class BackupReport:
    """A copy that was made and looked over."""

    path: Path
    bytes: int


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """From which schema to which (``before`` None: there was none)."""

    before: str | None
    after: str
