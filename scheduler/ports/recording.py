"""Reading the black box. Synchronous and thread-safe; never needs the daemon nor the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from scheduler.domain.recording import DepthHistory, Mark, MarkKind, Past, RecordingInfo

if TYPE_CHECKING:
    from scheduler.ports.operations import Operations


class RecordingError(Exception):
    """The recording cannot be read; the message says why and what to do.

    ::

        RecordingError
          NothingRecordedError   nothing was recorded at that moment or before it
    """


class NothingRecordedError(RecordingError):
    """Nothing was recorded at that moment or before it."""


class RecordingReads(Protocol):
    """What was to be seen at past moments: a part of ``Operations``."""

    def recording(self) -> RecordingInfo:
        """From when until when there is something to see.

        Raises:
            InvalidError: the recording cannot be read.
        """
        ...

    def replay(self, at: datetime) -> Past:
        """What was to be seen at a moment.

        Raises:
            NotFoundError: nothing was recorded at that moment or before it.
            InvalidError: the recording cannot be read.
        """
        ...

    def as_of(self, past: Past) -> Operations:
        """The same reads as of a past moment; commands are refused there with InvalidError."""
        ...

    def moments(
        self,
        *,
        after: datetime | None = None,
        before: datetime | None = None,
        kinds: Sequence[MarkKind] = (),
        limit: int = 100,
    ) -> tuple[Mark, ...]:
        """Moments worth looking at, newest first, strictly between ``after`` and ``before``; empty: all kinds.

        With ``after`` alone they are the next ones after it, still newest first.
        """
        ...

    def queue_depths(self, *, hours: float = 2.0, steps: int = 120, until: datetime | None = None) -> DepthHistory:
        """How many jobs were queued over the last hours (before ``until``).

        Raises:
            NotFoundError: nothing is recorded on this machine.
            InvalidError: the recording cannot be read.
        """
        ...


class Recording(Protocol):
    """A recording on this machine. Its methods raise ``RecordingError``."""

    def info(self) -> RecordingInfo:
        """From when until when there is something to see."""
        ...

    def at(self, moment: datetime) -> Past:
        """What was to be seen at a moment.

        Raises:
            NothingRecordedError: nothing was recorded at that moment or before it.
        """
        ...

    def marks(
        self,
        *,
        after: datetime | None = None,
        before: datetime | None = None,
        kinds: Sequence[MarkKind] = (),
        limit: int = 100,
    ) -> tuple[Mark, ...]:
        """Moments worth looking at, newest first."""
        ...

    def depths(self, *, since: datetime, until: datetime, steps: int) -> tuple[int | None, ...]:
        """The most jobs that were queued in each of ``steps`` equal parts of this time; None: nobody recorded then."""
        ...
