"""The black box: what was to be seen at a past moment, and the moments worth looking at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from scheduler.domain.snapshot import Snapshot


class MarkKind(StrEnum):
    """Why a moment is worth looking at."""

    VERDICT = "verdict"
    """The verdict on the night changed."""
    ALERT = "alert"
    """An alert began to fire, or was resolved."""
    FALLBACK = "fallback"
    """A stage went on with another provider than the first of its chain."""
    JOB = "job"
    """Tonight's job changed its state."""
    SERVICE = "service"
    """A service changed its state."""
    DATABASE = "database"
    """The database could not be read, or could be again."""
    GAP = "gap"
    """Nobody recorded for a while: no daemon ran."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment worth looking at.

    Attributes:
        at: when (aware UTC).
        text: one line, what happened.
        subject: what it happened to: a service, a stage, a job's id, an alert's id; empty where that says nothing.
    """

    at: datetime
    kind: MarkKind
    text: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """What the console would have shown at a past moment.

    Attributes:
        asked: the moment that was asked for (aware UTC).
        recorded_at: when the state shown was last known to hold; before ``asked`` only where nobody recorded.
        snapshot: the state, with ``taken_at`` at the moment asked for. Payloads are cut to their short values.
        gap_until: where nobody recorded at that moment, when recording went on (None: it has not).
        coarse: the recording was thinned there to save space: the state may be up to a minute old.
    """

    asked: datetime
    recorded_at: datetime
    snapshot: Snapshot
    in_gap: bool = False
    gap_until: datetime | None = None
    coarse: bool = False


@dataclass(frozen=True, slots=True)
class DepthHistory:
    """How many jobs were queued over some time.

    Attributes:
        until: the end of the last step (aware UTC).
        step_s: seconds of a step.
        queued: the most that were queued in each step, oldest first; None: nobody recorded then.
        alert_above: more than so many queued jobs are an alert.
    """

    until: datetime
    step_s: float
    queued: tuple[int | None, ...]
    alert_above: int


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """What has been recorded.

    Attributes:
        began: the oldest moment that can be shown; None: nothing is recorded.
        until: the newest.
        size_bytes: of the files.
        limit_bytes: what they never pass.
        path: where they are, for people.
    """

    began: datetime | None
    until: datetime | None
    size_bytes: int
    limit_bytes: int
    path: str
