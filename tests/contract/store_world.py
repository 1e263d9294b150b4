"""The stores that the contract suite runs over, each with a clock that a test can move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from scheduler.domain.failure import FailureClass, JobError
from scheduler.domain.job import Job, JobResult, JobSpec, Lease, Priority
from scheduler.domain.render import Attempt, AttemptStatus, Render, StageName
from scheduler.ports.store import Store
from scheduler.store.sql_store import SqlStore
from scheduler.testing import FakeClock

LEASE_S = 30.0
RESULT = JobResult(video_url="file:///v.mp4", thumbnail_url=None, duration=61.5, degraded=False)


@dataclass
class World:
    """One kind of store over one empty database."""

    name: str
    open_another: Callable[[], Store]
    url: str | None = None
    clock: FakeClock | None = None
    opened: list[Store] = field(default_factory=list[Store])
    passed_s: float = 0.0

    @property
    def store(self) -> Store:
        return self.opened[0] if self.opened else self.another()

    def another(self) -> Store:
        """A second store on the same database, as another process would open it."""
        store = self.open_another()
        self.opened.append(store)
        self._set_clocks()
        return store

    def advance(self, seconds: float) -> None:
        """The database's clock moves; nobody sleeps."""
        self.passed_s += seconds
        if self.clock is not None:
            self.clock.advance(seconds)
        self._set_clocks()

    def _set_clocks(self) -> None:
        for store in self.opened:
            if isinstance(store, SqlStore):
                store.database.shift_s = self.passed_s

    def sql(self, statement: str, **values: Any) -> Sequence[Any]:
        """Run SQL as another application would, past the store."""
        assert isinstance(self.store, SqlStore)
        with self.store.database.write() as connection:
            result = connection.execute(sa.text(statement), values)
            return result.all() if result.returns_rows else []

    def close(self) -> None:
        for store in self.opened:
            store.close()

    # Short forms for tests

    def add(self, job_type: str = "daily_ca", priority: Priority = Priority.NORMAL, **values: Any) -> Job:
        return self.store.enqueue(JobSpec(job_type, priority=priority, **values)).job

    def add_many(self, count: int, job_type: str = "daily_ca") -> list[Job]:
        return [self.add(job_type) for _ in range(count)]

    def claim(self, owner: str = "worker", *, limit: int = 10, cap: int = 10) -> list[Lease]:
        return self.store.claim(owner, limit=limit, lease_s=LEASE_S, cap=cap)

    def claim_one(self, owner: str = "worker") -> Lease:
        (lease,) = self.claim(owner, limit=1)
        return lease

    def job(self, job: Job | Lease | str) -> Job:
        match job:
            case Job():
                return self.store.get(job.id)
            case Lease():
                return self.store.get(job.job.id)
            case str():
                return self.store.get(job)

    def render(self, lease: Lease) -> Render:
        render = self.store.start_render(lease, correlation_id="c-1")
        assert render is not None
        return render

    def attempt(self, render: Render, number: int = 1, stage: StageName = StageName.TTS, **values: Any) -> Attempt:
        attempt = Attempt(
            id=f"{render.id}-{number}",
            render_id=render.id,
            job_id=render.job_id,
            stage=stage,
            provider=values.pop("provider", "espeak"),
            status=AttemptStatus.STARTED,
            started_at=datetime(2026, 11, 20, 3, 0, number % 60, tzinfo=UTC),
            **values,
        )
        self.store.start_attempt(attempt)
        return attempt


def an_error(kind: FailureClass = FailureClass.API_ERROR, message: str = "the service answered 500") -> JobError:
    return JobError(
        message=message,
        type=kind,
        timestamp=datetime(2026, 11, 20, 3, 1, 2, 345678, tzinfo=UTC),
        stack="Traceback …",
        stage="manim",
        provider="manim-api",
    )
