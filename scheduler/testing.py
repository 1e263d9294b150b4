"""For tests of your own stages and schedules: a clock that moves when told, a store without a database, and faults.

Both keep the promises of the real ones: ``MemoryStore`` passes the contract suite that SQLite and PostgreSQL pass.

Example:
    ::

        clock = FakeClock()
        store = MemoryStore(clock)
        job = store.enqueue(JobSpec("daily_ca")).job
        [lease] = store.claim("me", limit=1, lease_s=30)
        clock.advance(31)
        assert store.reap().expired == (job.id,)

        faults = Faults()
        faults.fail("complete", written=True)  # the job is completed, but its worker does not hear of it
        worker = Worker(faulty(store, faults), …)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

from scheduler.domain.callback import ending
from scheduler.domain.job import Job, JobResult, JobStatus, QueueConfig
from scheduler.ports.clock import Clock
from scheduler.ports.store import Store, StoreUnavailableError
from scheduler.store.memory_alerts import MemoryAlerts
from scheduler.store.memory_api import MemoryApi
from scheduler.store.memory_audit import MemoryAudit
from scheduler.store.memory_health import MemoryHealth
from scheduler.store.memory_history import MemoryHistory
from scheduler.store.memory_leaders import MemoryLeaders


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


class MemoryStore(
    MemoryHistory,
    MemoryHealth,
    MemoryApi,
    MemoryLeaders,
    MemoryAudit,
    MemoryAlerts,
):
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
        MemoryHistory.__init__(self, clock, max_crashes=max_crashes, defaults=defaults or QueueConfig("*"))
        MemoryLeaders.__init__(self, clock)
        MemoryAudit.__init__(self, clock)
        MemoryAlerts.__init__(self, clock)

    def _ended(self, before: Job, after: Job) -> None:
        error = after.error if after.status is JobStatus.FAILED else None
        told = ending(before, after.status, result=result_of(after), error=error)
        if told is not None:
            self.enqueue_deliveries([told])

    @contextmanager
    def together(self) -> Generator[None]:
        """See ``AuditStore``."""
        with self._lock:
            mine: dict[str, Any] = vars(self)
            kept: dict[str, Any] = {
                name: copy(mine[name]) for name in mine if isinstance(mine[name], dict | list | set)
            }
            try:
                yield
            except BaseException:
                mine.update(kept)
                raise

    def close(self) -> None:
        """There is nothing to let go of."""


def result_of(job: Job) -> JobResult | None:
    """What a completed job has made, as its payload says; None: it is not completed."""
    if job.status is not JobStatus.COMPLETED:
        return None
    found = job.payload
    return JobResult(found["video_url"], found["thumbnail_url"], found["duration"], job.degraded)


@dataclass(slots=True)
class _Fault:
    error: Exception
    times: int
    written: bool


class Faults:
    """What goes wrong in the calls of a store that ``faulty`` has wrapped. Thread-safe.

    Attributes:
        calls: the names of the methods that were called, in order.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._lock = threading.Lock()
        self._faults: dict[str, _Fault] = {}

    def fail(self, method: str, *, times: int = 1, error: Exception | None = None, written: bool = False) -> None:
        """Let the next calls of a method fail.

        Args:
            method: its name; ``*`` for whichever is called.
            times: how many calls.
            error: what they raise; by default that the database cannot be reached.
            written: they fail after they have done their work: the answer was lost, not the write.
        """
        with self._lock:
            self._faults[method] = _Fault(
                error or StoreUnavailableError("a fault that a test has put here"), times, written
            )

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._faults.clear()

    def _of(self, method: str) -> _Fault | None:
        with self._lock:
            self.calls.append(method)
            for name in (method, "*"):
                fault = self._faults.get(name)
                if fault is not None and fault.times > 0:
                    fault.times -= 1
                    return fault
            return None

    def call(self, method: str, work: Callable[..., Any], *args: Any, **values: Any) -> Any:
        """Do the work, or fail as was asked for."""
        fault = self._of(method)
        if fault is not None and not fault.written:
            raise fault.error
        answer = work(*args, **values)
        if fault is not None:
            raise fault.error
        return answer


class _Faulty:
    def __init__(self, store: Store, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return partial(self._faults.call, name, found) if callable(found) else found


def faulty(store: Store, faults: Faults) -> Store:
    """A store whose calls fail when ``faults`` says so, to see what your code does about it."""
    return cast("Store", _Faulty(store, faults))


def _satisfies_the_port(store: MemoryStore) -> Store:  # pyright: ignore[reportUnusedFunction] - the type checker reads it
    return store
