"""Any order of calls: the SQL store does what the in-memory store does, and the rules hold after each step.

The in-memory store is the model. Both see the same calls and the same passing of time; after each step every job must
be the same in both, but for what is drawn by chance (ids) or read from a clock (times).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import text
from store_world import World

from scheduler.domain.failure import FailureClass, JobError
from scheduler.domain.job import Job, JobResult, JobSpec, JobStatus, Lease, Priority, QueueConfig
from scheduler.domain.render import Checkpoint, StageName, StageOutput
from scheduler.domain.settlement import CancelFinished, Completed, Failed, Released, Settlement
from scheduler.store import open_store
from scheduler.store.rows import Row
from scheduler.store.sql_store import SqlStore
from scheduler.testing import FakeClock, MemoryStore

CAP = 3
LEASE_S = 32.5
TYPES = ("daily_ca", "doubt")
ERROR = JobError("it broke", FailureClass.API_ERROR, datetime(2026, 11, 20, tzinfo=UTC))
RESULT = JobResult("file:///v.mp4", None, 1.5, degraded=True)
ENDS = ("done", "fail", "release", "interrupt", "finish")
picks = st.integers(min_value=0, max_value=30)


class StoreMachine(RuleBasedStateMachine):
    """Calls on both stores, jobs known by the order of their making."""

    template: ClassVar[Path]
    server: ClassVar[str | None] = None
    """URL of a PostgreSQL database; None: SQLite files."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="predawn-machine-"))
        url = self.server
        if url is None:
            shutil.copy(self.template, self.folder / "predawn.db")
            url = f"sqlite:///{self.folder / 'predawn.db'}"
        self.clock = FakeClock()
        self.model = MemoryStore(self.clock, max_crashes=2)
        self._store: SqlStore = open_store(url, synchronous="NORMAL", max_crashes=2)
        self.ids: list[tuple[str, str]] = []
        self.leases: list[tuple[Lease, Lease]] = []

    @property
    def store(self) -> SqlStore:
        """The store, its clock set to the model's: how long the test itself takes must not count."""
        self._store.database.shift_s = (self.clock.now() - datetime.now(UTC)).total_seconds()
        return self._store

    def teardown(self) -> None:
        if self.server is not None:
            with self._store.database.write() as connection:
                connection.execute(text(f"TRUNCATE {', '.join(Row.metadata.tables)} RESTART IDENTITY"))
        self._store.close()
        shutil.rmtree(self.folder)

    @initialize()
    def limits(self) -> None:
        self.configure(job_type="doubt", concurrency=1, paused=False, max_retries=1, timeout_s=102.5)
        for priority in Priority:
            self.enqueue(job_type="daily_ca", priority=priority, key=None)

    @rule(
        job_type=st.sampled_from(TYPES),
        concurrency=st.sampled_from([2, 3, 1, 0]),
        paused=st.sampled_from([False, False, False, True]),
        max_retries=st.integers(0, 2),
        timeout_s=st.sampled_from([0.0, 22.5, 102.5]),
    )
    def configure(self, job_type: str, concurrency: int, *, paused: bool, max_retries: int, timeout_s: float) -> None:
        config = QueueConfig(job_type, concurrency, timeout_s, max_retries, retry_delay_s=62.5, paused=paused)
        self.model.put_queue_config(config)
        self.store.put_queue_config(config)

    @rule(
        job_type=st.sampled_from(TYPES),
        priority=st.sampled_from(list(Priority)),
        key=st.none() | st.sampled_from(["a", "b"]),
    )
    def enqueue(self, job_type: str, priority: Priority, key: str | None) -> None:
        spec = JobSpec(job_type, {"n": len(self.ids)}, priority, idempotency_key=key)
        wanted, found = self.model.enqueue(spec), self.store.enqueue(spec)
        assert wanted.created == found.created
        if found.created:
            self.ids.append((wanted.job.id, found.job.id))
        assert (wanted.job.id, found.job.id) in self.ids

    @rule(owner=st.sampled_from(["w1", "w2"]), limit=st.integers(1, 4))
    def claim(self, owner: str, limit: int) -> None:
        wanted = self.model.claim(owner, limit=limit, lease_s=LEASE_S, cap=CAP)
        found = self.store.claim(owner, limit=limit, lease_s=LEASE_S, cap=CAP)
        pairs = list(zip(wanted, found, strict=True))
        assert [(a.job.id, b.job.id) for a, b in pairs if (a.job.id, b.job.id) not in self.ids] == []
        self.leases += pairs

    @rule(
        pick=picks,
        act=st.sampled_from(["heartbeat", "complete", "fail", "fatal", "release", "interrupt", "finish", "keep"]),
    )
    def under_a_lease(self, pick: int, act: str) -> None:
        """With a lease that was ever given out: most are stale by now."""
        if not self.leases:
            return
        answers: list[Any] = []
        pair = self.leases[-1 - pick % len(self.leases)]
        for store, lease in zip((self.model, self.store), pair, strict=True):
            match act:
                case "heartbeat":
                    answers.append(store.heartbeat(lease, lease_s=LEASE_S, progress=0.5, stage="tts"))
                case "complete":
                    answers.append(store.complete(lease, RESULT))
                case "fail" | "fatal":
                    answers.append(store.fail(lease, ERROR, retryable=act == "fail"))
                case "release":
                    answers.append(store.release(lease, reason="stopping"))
                case "interrupt":
                    answers.append(store.release(lease, reason="away", interrupted=True))
                case "finish":
                    answers.append(store.finish_cancel(lease))
                case _:
                    kept = Checkpoint(lease.job.id, StageName.TTS, "", StageOutput(), lease.attempt)
                    answers.append(store.save_checkpoint(lease, kept, lease_s=LEASE_S))
        assert answers[0] == answers[1], act

    @rule(
        owner=st.sampled_from(["w1", "w2"]),
        limit=st.integers(0, 3),
        ends=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(ENDS)), max_size=4),
    )
    def settle_and_claim(self, owner: str, limit: int, ends: list[tuple[int, str]]) -> None:
        """Several ends at once, of leases that were given out lately, and a claim."""
        answers: list[list[bool]] = []
        claimed: list[list[Lease]] = []
        pairs = [(self.leases[-1 - pick % len(self.leases)], act) for pick, act in ends] if self.leases else []
        for side, store in enumerate((self.model, self.store)):
            settlements = [settlement(pair[side], act) for pair, act in pairs]
            done, leases = store.settle_and_claim(settlements, owner, limit=limit, lease_s=LEASE_S, cap=CAP)
            answers.append(done)
            claimed.append(leases)
        assert answers[0] == answers[1], pairs
        found = list(zip(*claimed, strict=True))
        assert [(a.job.id, b.job.id) for a, b in found if (a.job.id, b.job.id) not in self.ids] == []
        self.leases += [(a, b) for a, b in found]

    @rule(pick=picks, act=st.sampled_from(["cancel", "retry", "rerender", "high", "low"]))
    def operate(self, pick: int, act: str) -> None:
        if not self.ids:
            return
        answers: list[Any] = []
        pair = self.ids[pick % len(self.ids)]
        for store, job_id in zip((self.model, self.store), pair, strict=True):
            match act:
                case "cancel":
                    answers.append(store.cancel(job_id, by="ann"))
                case "retry":
                    answers.append(store.retry(job_id, by="ann"))
                case "rerender":
                    answers.append(store.rerender(job_id, by="ann"))
                case _:
                    answers.append(store.set_priority(job_id, Priority(act)))
        assert answers[0] == answers[1], act

    @rule(seconds=st.sampled_from([5.0, 25.0, 35.0, 65.0, 140.0]))
    def pass_time(self, seconds: float) -> None:
        # In fives, and leases and limits halfway between: nothing runs out near the moment that is asked about.
        self.clock.advance(seconds)

    @rule(owner=st.sampled_from(["w1", "w2"]))
    def lose_a_worker(self, owner: str) -> None:
        """It takes jobs and falls silent until they are taken back."""
        self.claim(owner=owner, limit=2)
        self.pass_time(seconds=35.0)
        self.reap()

    @rule(pick=picks, act=st.sampled_from(["fail", "fatal", "complete"]))
    def work(self, pick: int, act: str) -> None:
        """A pass from claim to end, and time for the retry to come."""
        self.claim(owner="w1", limit=1)
        self.under_a_lease(pick=0, act=act)
        self.pass_time(seconds=65.0)
        self.reap()
        if act != "fail":
            self.operate(pick=pick, act="retry" if act == "fatal" else "rerender")

    @rule()
    def reap(self) -> None:
        names = dict(self.ids)
        wanted, found = self.model.reap(), self.store.reap()
        for group in ("expired", "poisoned", "timed_out", "cancelled", "retried"):
            assert sorted(names[i] for i in getattr(wanted, group)) == sorted(getattr(found, group)), group

    @invariant()
    def both_say_the_same(self) -> None:
        for wanted_id, found_id in self.ids:
            assert comparable(self.model.get(wanted_id)) == comparable(self.store.get(found_id))
            assert len(self.model.checkpoints(wanted_id)) == len(self.store.checkpoints(found_id))

    @invariant()
    def counters_say_the_same(self) -> None:
        assert set(self.model.depth().parts) == set(self.store.depth().parts)

    @invariant()
    def cap_is_never_passed(self) -> None:
        assert self.store.depth().of(JobStatus.PROCESSING) <= CAP

    @invariant()
    def leased_jobs_and_no_others_have_owners(self) -> None:
        for job in self.store.list(limit=1000).items:
            leased = job.status is JobStatus.PROCESSING
            assert (job.lease_owner is not None) == leased
            assert leased or job.cancel_requested_at is None
            assert job.retry_at is None or job.status is JobStatus.FAILED
            assert (job.completed_at is not None) == job.is_final


def settlement(lease: Lease, act: str) -> Settlement:
    """How a lease ends."""
    match act:
        case "done":
            return Completed(lease, RESULT)
        case "fail":
            return Failed(lease, ERROR, retryable=True)
        case "release":
            return Released(lease, "stopping")
        case "interrupt":
            return Released(lease, "away", interrupted=True)
        case _:
            return CancelFinished(lease)


def comparable(job: Job) -> Job:
    """Without what chance or a clock decides; times only as there or not there."""
    some = datetime(2026, 1, 1, tzinfo=UTC)

    def there(value: datetime | None) -> datetime | None:
        return None if value is None else some

    error = None if job.error is None else replace(job.error, timestamp=some)
    return replace(
        job,
        id="",
        seq=0,
        created_at=some,
        updated_at=some,
        started_at=there(job.started_at),
        completed_at=there(job.completed_at),
        retry_at=there(job.retry_at),
        lease_expires_at=there(job.lease_expires_at),
        time_limit_at=there(job.time_limit_at),
        cancel_requested_at=there(job.cancel_requested_at),
        error=error,
    )


class PostgresqlMachine(StoreMachine):
    """The same over PostgreSQL."""


@pytest.mark.timeout(600)
def test_store_does_what_the_model_does(migrated_file: Path) -> None:
    StoreMachine.template = migrated_file
    run(StoreMachine, examples=15)


@pytest.mark.timeout(600)
def test_store_on_postgresql_does_what_the_model_does(postgresql_world: World) -> None:
    PostgresqlMachine.server = postgresql_world.url
    run(PostgresqlMachine, examples=5)


def run(machine: type[StoreMachine], *, examples: int) -> None:
    """As many examples as PREDAWN_TEST_EXAMPLES says, or few."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(os.environ.get("PREDAWN_TEST_EXAMPLES", str(examples))),
            stateful_step_count=40,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
