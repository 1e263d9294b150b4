"""What the screens are given: one immutable view per look at the database. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from scheduler.domain.snapshot import Snapshot
from scheduler.ports.operations import JobDetail, UpcomingFire

STALE_LOOKS = 3
"""Looks at the database that may be missing until what is shown counts as old."""
STALE_AFTER_S = 3.0
"""And seconds: below this nobody is told."""


class ConsoleOptions(Protocol):
    """What of the settings the console needs (``config.settings.ConsoleSettings`` has it)."""

    @property
    def refresh_s(self) -> float:
        """Seconds between looks at the database."""
        ...

    @property
    def ascii(self) -> bool:
        """Only ASCII signs."""
        ...


@dataclass(frozen=True, slots=True)
class View:
    """Everything the screens draw from.

    Attributes:
        snapshot: the newest that could be read, None before the first.
        upcoming: the next nominal times, read with it.
        watched: id of the job whose detail was asked for.
        detail: that job, None while it is not read yet or does not exist.
        detail_problem: why ``detail`` is None.
        checked_at: when the database last confirmed that this is how things stand (aware UTC).
        version: the database's data version that ``snapshot`` belongs to.
        problem: why the last look failed, one line; None when it did not.
    """

    snapshot: Snapshot | None = None
    upcoming: tuple[UpcomingFire, ...] = ()
    watched: str | None = None
    detail: JobDetail | None = None
    detail_problem: str | None = None
    checked_at: datetime | None = None
    version: int | None = None
    problem: str | None = None

    @property
    def timezone(self) -> str:
        """The zone that times are shown in: the deadline's."""
        return self.snapshot.tonight.timezone if self.snapshot else "UTC"

    def age_s(self, now: datetime) -> float | None:
        """Seconds since the database last confirmed what is shown; None before the first look."""
        return None if self.checked_at is None else max((now - self.checked_at).total_seconds(), 0.0)

    def is_stale(self, now: datetime, refresh_s: float) -> bool:
        """Whether what is shown is older than it should be."""
        age = self.age_s(now)
        return age is not None and age > max(STALE_LOOKS * refresh_s, STALE_AFTER_S)


RESNAP_AFTER_S = 5.0
"""Predictions and liveness move with time alone: a snapshot is taken again after this many seconds without a write."""


def snapshot_due(view: View, *, version: int, watched: str | None, now: datetime) -> bool:
    """Whether the database has to be read again. Pure.

    Args:
        view: what was read last.
        version: the database's data version now.
        watched: id of the job whose detail is wanted now.
        now: aware UTC.
    """
    if view.snapshot is None or view.problem is not None:
        return True
    if version != view.version or watched != view.watched:
        return True
    taken = view.snapshot.taken_at
    deadline = view.snapshot.tonight.deadline_at
    if deadline is not None and taken < deadline <= now:
        return True
    return abs((now - taken).total_seconds()) >= RESNAP_AFTER_S
