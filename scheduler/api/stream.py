"""What a follower of a job is told, worked out from the stored attempts. Pure.

An event's id says which attempts were told of: ``5.3-4`` stands for five attempts, of which the fourth and the fifth
(3 and 4, counted from 0) had not ended. So ``Last-Event-ID`` is all that a follower brings back, whichever process it
comes back to, and nothing is missed, also when stages that run side by side end in another order than they began.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from scheduler.api.views import attempt_view, job_view
from scheduler.domain.render import Attempt, AttemptStatus
from scheduler.ports.api import JobOutlook

PROGRESS = "progress"
STAGE_COMPLETE = "stage-complete"
ERROR = "error"
DONE = "done"
_FORM = re.compile(r"(\d{1,7})\.((?:\d{1,7}(?:-\d{1,7}){0,63})?)(?:\.(\d{1,9}))?")


@dataclass(frozen=True, slots=True)
class Cursor:
    """What a follower was told.

    Attributes:
        seen: attempts told of, from the first on.
        open: those of them that had not ended, counted from 0.
        done: the job's claim whose end was told; None: no end was.
    """

    seen: int = 0
    open: frozenset[int] = frozenset()
    done: int | None = None

    @classmethod
    def of(cls, text: str | None) -> Self:
        """The cursor in an event's id; what is none of ours starts from the beginning."""
        found = _FORM.fullmatch(text or "")
        if found is None:
            return cls()
        seen, still, done = found.groups()
        return cls(
            int(seen), frozenset(map(int, still.split("-"))) if still else frozenset(), int(done) if done else None
        )

    def __str__(self) -> str:
        end = "" if self.done is None else f".{self.done}"
        return f"{self.seen}.{'-'.join(map(str, sorted(self.open)))}{end}"


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its name, its document, and where its follower stands after it."""

    name: str
    data: dict[str, Any]
    after: Cursor


def events(cursor: Cursor, outlook: JobOutlook) -> Iterator[Event]:
    """What is new since ``cursor``: ends of attempts in the order in which they are found, then the job's end.

    An attempt that failed is an ``error``; the job may still go well. ``done`` comes once for each time the job ends.
    """
    job, attempts = outlook.job, outlook.attempts
    if cursor.seen > len(attempts):
        cursor = Cursor()  # an id of another job, or of before the log was pruned
    seen, still = cursor.seen, set(cursor.open)
    for place in sorted({*cursor.open, *range(cursor.seen, len(attempts))}):
        attempt = attempts[place]
        seen = max(seen, place + 1)
        if attempt.status is AttemptStatus.STARTED:
            still.add(place)
            continue
        still.discard(place)
        yield _end_of(attempt, Cursor(seen, frozenset(still)))
    if job.is_final and cursor.done != job.attempt:
        yield Event(DONE, job_view(job), Cursor(seen, frozenset(still), job.attempt))


def is_told(cursor: Cursor, outlook: JobOutlook) -> bool:
    """Whether this follower was told everything already, the end included."""
    return outlook.job.is_final and cursor.done == outlook.job.attempt and cursor.seen == len(outlook.attempts)


def progress(outlook: JobOutlook) -> dict[str, Any]:
    """How far the job is."""
    view = job_view(outlook.job, remaining_s=outlook.remaining_s)
    return {
        name: view[name] for name in ("job_id", "status", "progress", "stage", "estimated_time_remaining", "retry_at")
    }


def _end_of(attempt: Attempt, after: Cursor) -> Event:
    failed = attempt.status is AttemptStatus.FAILED
    return Event(ERROR if failed else STAGE_COMPLETE, attempt_view(attempt), after)
