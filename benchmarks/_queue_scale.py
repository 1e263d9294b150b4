"""Whether a long history makes the queue slow: claims and counters beside few and beside many finished jobs."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from scheduler.domain.job import JobResult, JobSpec, JobStatus
from scheduler.domain.settlement import Completed
from scheduler.ports.store import Store
from scheduler.store import open_store

BATCH = 10
"""Jobs of one claim."""
BULK = 20_000
"""Finished rows of one transaction."""
FINISHED = """
    WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < :rows)
    INSERT INTO jobs (id, job_type, priority, status, payload, attempt, completed_at, idempotency_key)
    SELECT lower(hex(randomblob(16))), 'daily_ca', 'normal', CASE n % 50 WHEN 0 THEN 'failed' ELSE 'completed' END,
        json_object('brief', json_object('title', 'Current affairs of day ' || n), 'video_url', 'file:///v.mp4'),
        1, strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'), 'daily_ca:' || (:first + n)
    FROM count"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Median milliseconds beside so many finished rows.

    Attributes:
        claim_ms: ten jobs are ended and ten claimed, in one transaction.
        depth_ms: ``JobStore.depth``.
        page_ms: the newest fifty jobs.
    """

    rows: int
    claim_ms: float
    depth_ms: float
    page_ms: float


@dataclass(frozen=True, slots=True)
class Scale:
    """The same beside few rows and beside many."""

    few: Cost
    many: Cost

    @property
    def ratios(self) -> dict[str, float]:
        """Many by few, for each figure."""
        return {
            "claim": self.many.claim_ms / self.few.claim_ms,
            "depth": self.many.depth_ms / self.few.depth_ms,
            "page": self.many.page_ms / self.few.page_ms,
        }


class _Side:
    """One database with its times."""

    def __init__(self, file: Path, rows: int, rounds: int) -> None:
        # NORMAL: the time of a disk's sync would hide what the rows cost.
        self.store: Store = open_store(f"sqlite:///{file}", synchronous="NORMAL")
        _bulk(file, rows)
        self.store.enqueue_many([JobSpec("noop", {"n": n}) for n in range(BATCH * (rounds + 1))])
        self.rows = rows
        self.leases = self.store.claim("bench", limit=BATCH, lease_s=60)
        self.times: dict[str, list[float]] = {"claim": [], "depth": [], "page": []}
        self.depth()

    def claim(self) -> None:
        done = [Completed(one, JobResult("file:///v.mp4", None, 1.0, degraded=False)) for one in self.leases]
        answers, self.leases = self.store.settle_and_claim(done, "bench", limit=BATCH, lease_s=60)
        if not all(answers) or len(self.leases) != BATCH:
            raise RuntimeError("a claim beside finished rows did not do what it should")

    def depth(self) -> None:
        if self.store.depth().of(JobStatus.COMPLETED) < self.rows * 0.9:
            raise RuntimeError("the counters do not count the finished rows")

    def page(self) -> None:
        self.store.list(limit=50)

    def round(self) -> None:
        for name, step in (("claim", self.claim), ("depth", self.depth), ("page", self.page)):
            self.times[name].append(_timed(step))

    def cost(self) -> Cost:
        return Cost(self.rows, *(median(self.times[name]) for name in ("claim", "depth", "page")))


def scale(folder: Path, *, few: int, many: int, rounds: int) -> Scale:
    """Measure both, turn by turn."""
    sides = [_Side(folder / f"scale-{rows}.db", rows, rounds) for rows in (few, many)]
    try:
        for _ in range(rounds):
            for side in sides:
                side.round()
        return Scale(*(side.cost() for side in sides))
    finally:
        for side in sides:
            side.store.close()


def _bulk(file: Path, rows: int) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        for first in range(0, rows, BULK):
            connection.execute(FINISHED, {"rows": min(BULK, rows - first), "first": first})
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _timed(step: Callable[[], None]) -> float:
    begun = time.perf_counter()
    step()
    return (time.perf_counter() - begun) * 1e3
