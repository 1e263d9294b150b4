"""When a run must start, how long it waits for a worker, and whether there is something to make. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.domain.deadline import Estimate
from scheduler.domain.job import DepthPart, JobStatus, Priority

STEP_S = 300.0
"""Early starts are rounded up to so many seconds, so that the start does not wander from look to look."""


def latest_safe_start(deadline_at: datetime, *, p90_s: float, warning_s: float) -> datetime:
    """The last moment at which a run can start and be out, in nine of ten cases, before the warning time."""
    return deadline_at - timedelta(seconds=p90_s + warning_s)


def lead_s(nominal: datetime, latest: datetime) -> float:
    """Seconds by which a run must start before its nominal time; 0: it need not."""
    late_s = (nominal - latest).total_seconds()
    return math.ceil(late_s / STEP_S) * STEP_S if late_s > 0 else 0.0


def queue_wait(parts: Iterable[DepthPart], priority: Priority, *, cap: int, per_job: Estimate) -> Estimate:
    """Seconds that a job of this priority waits for a worker.

    Args:
        parts: the queue as it stands; the job itself is not among them.
        priority: of the job; what is queued with the same or a higher one goes first.
        cap: jobs at once over all workers.
        per_job: how long a job takes.
    """
    known = list(parts)
    running = sum(part.count for part in known if part.status is JobStatus.PROCESSING)
    ahead = sum(part.count for part in known if part.status is JobStatus.QUEUED and part.priority.rank <= priority.rank)
    if running + ahead < cap:
        return Estimate(0.0, 0.0)
    # Those that run are half way through; whoever is ahead goes in rounds of ``cap``.
    rounds = (running + ahead - cap) // cap
    return Estimate(per_job.p50_s * (0.5 + rounds), per_job.p90_s * (1 + rounds))


@dataclass(frozen=True, slots=True)
class Content:
    """Whether there is something to make a coming run from.

    Attributes:
        ready: None: it is only known when the job runs (it is asked for over the network).
        note: what is missing, or that something older will be taken; empty when all is well.
        hopeless: nobody is going to put it there by itself.
    """

    ready: bool | None
    note: str = ""
    hopeless: bool = False
