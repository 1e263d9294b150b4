"""For tests of your own stages and schedules: a clock that moves when told, and a store without a database.

Both keep the promises of the real ones: ``MemoryStore`` passes the contract suite that SQLite and PostgreSQL pass.

Example:
    ::

        clock = FakeClock()
        store = MemoryStore(clock)
        job = store.enqueue(JobSpec("daily_ca")).job
        [lease] = store.claim("me", limit=1, lease_s=30)
        clock.advance(31)
        assert store.reap().expired == (job.id,)
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scheduler.domain.job import QueueConfig
from scheduler.ports.clock import Clock
from scheduler.ports.store import Store
from scheduler.store.memory_leaders import MemoryLeaders
from scheduler.store.memory_records import MemoryRecords


class FakeClock:
    """A ``Clock`` that stands still until it is moved.

    Args:
        start: the time of day it shows at first (aware).
    """

    def __init__(self, start: datetime = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)) -> None:
        if start.tzinfo is None:
            raise ValueError(f"a clock shows aware times; {start!r} is naive")
        self._now = start.astimezone(UTC)
        self._counter = 0.0

    def now(self) -> datetime:
        """The time of day, aware UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds on a counter that never steps."""
        return self._counter

    def advance(self, seconds: float) -> None:
        """Let time pass: both the time of day and the counter move.

        Raises:
            ValueError: the seconds are negative; use ``step`` to set the time of day back.
        """
        if seconds < 0:
            raise ValueError(f"time does not pass by {seconds} s; step() sets the clock back")
        self._counter += seconds
        self._now += timedelta(seconds=seconds)

    def step(self, seconds: float) -> None:
        """Set the time of day forward or back, as NTP or an operator may; the counter does not move."""
        self._now += timedelta(seconds=seconds)


class MemoryStore(MemoryRecords, MemoryLeaders):
    """The whole ``scheduler.ports.store.Store`` in memory. Thread-safe; nothing is kept.

    Args:
        clock: stands for the database's clock.
        max_crashes: leases of a job that may run out; at this many it counts as poison and fails.
        defaults: limits of job types without a row in ``job_queue_config``.
    """

    def __init__(
        self, clock: Clock | None = None, *, max_crashes: int = 3, defaults: QueueConfig | None = None
    ) -> None:
        clock = clock or FakeClock()
        MemoryRecords.__init__(self, clock, max_crashes=max_crashes, defaults=defaults or QueueConfig("*"))
        MemoryLeaders.__init__(self, clock)

    def close(self) -> None:
        """There is nothing to let go of."""


def _satisfies_the_port(store: MemoryStore) -> Store:  # pyright: ignore[reportUnusedFunction] - the type checker reads it
    return store
