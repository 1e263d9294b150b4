"""What the screens are given: one immutable view per look at the database. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar, cast

from scheduler.domain.snapshot import Snapshot
from scheduler.ports.operations import Operations, UpcomingFire

T = TypeVar("T")

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

    @property
    def theme(self) -> str:
        """A theme's name, or ``auto``."""
        ...

    @property
    def keys(self) -> Mapping[str, str]:
        """Other keys, by action id."""
        ...

    @property
    def arm(self) -> bool:
        """Whether what takes something away has to be armed first."""
        ...


@dataclass(frozen=True, slots=True)
class Want(Generic[T]):
    """What a screen in sight wants read beside the snapshot.

    Attributes:
        key: wants with the same key are the same one; a new one is read at once.
        read: called on the reading thread; what it raises as ``OperationError`` becomes the answer's problem.
        every_s: read again after so many seconds also when nothing was written; None: only after writes.
        patient: writes do not make it due: it is read every ``every_s`` seconds and no more.
    """

    key: Hashable
    read: Callable[[Operations], T] = field(compare=False)
    every_s: float | None = None
    patient: bool = False


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What was read for a want.

    Attributes:
        value: None when there is a problem, or nothing was read yet.
        problem: why there is no value: one harmless line.
        read_at: aware UTC; None: not read yet.
    """

    value: T | None = None
    problem: str | None = None
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class View:
    """Everything the screens draw from.

    Attributes:
        snapshot: the newest that could be read, None before the first.
        upcoming: the next nominal times, read with it.
        answers: what was read for the wants of the screen in sight, by their keys.
        checked_at: when the database last confirmed that this is how things stand (aware UTC).
        version: the database's data version that ``snapshot`` belongs to.
        problem: why the last look failed, one line; None when it did not.
    """

    snapshot: Snapshot | None = None
    upcoming: tuple[UpcomingFire, ...] = ()
    answers: Mapping[Hashable, Answer[object]] = field(default_factory=dict[Hashable, Answer[object]])
    checked_at: datetime | None = None
    version: int | None = None
    problem: str | None = None

    @property
    def timezone(self) -> str:
        """The zone that times are shown in: the deadline's."""
        return self.snapshot.tonight.timezone if self.snapshot else "UTC"

    def answer(self, want: Want[T]) -> Answer[T]:
        """What was read for this want; an empty answer when nothing was yet."""
        return cast("Answer[T]", self.answers.get(want.key, _NOTHING))

    def age_s(self, now: datetime) -> float | None:
        """Seconds since the database last confirmed what is shown; None before the first look."""
        return None if self.checked_at is None else max((now - self.checked_at).total_seconds(), 0.0)

    def is_stale(self, now: datetime, refresh_s: float) -> bool:
        """Whether what is shown is older than it should be."""
        age = self.age_s(now)
        return age is not None and age > max(STALE_LOOKS * refresh_s, STALE_AFTER_S)

    def shows_the_same(self, other: View) -> bool:
        """Whether only time tells the two apart."""
        return (self.snapshot, self.upcoming, self.problem) == (other.snapshot, other.upcoming, other.problem) and {
            key: (answer.value, answer.problem) for key, answer in self.answers.items()
        } == {key: (answer.value, answer.problem) for key, answer in other.answers.items()}


_NOTHING: Answer[object] = Answer()

RESNAP_AFTER_S = 5.0
"""Predictions and liveness move with time alone: a snapshot is taken again after this many seconds without a write."""


def snapshot_due(view: View, *, version: int, now: datetime) -> bool:
    """Whether the snapshot has to be read again. Pure.

    Args:
        view: what was read last.
        version: the database's data version now.
        now: aware UTC.
    """
    if view.snapshot is None or view.problem is not None or version != view.version:
        return True
    taken = view.snapshot.taken_at
    deadline = view.snapshot.tonight.deadline_at
    if deadline is not None and taken < deadline <= now:
        return True
    return abs((now - taken).total_seconds()) >= RESNAP_AFTER_S


def answer_due(view: View, want: Want[object], *, written: bool, now: datetime) -> bool:
    """Whether a want has to be read (again). Pure.

    Args:
        view: what was read last.
        want: what is wanted.
        written: something has been written since.
        now: aware UTC.
    """
    answer = view.answers.get(want.key)
    if answer is None or answer.read_at is None or (written and not want.patient):
        return True
    return want.every_s is not None and abs((now - answer.read_at).total_seconds()) >= want.every_s
