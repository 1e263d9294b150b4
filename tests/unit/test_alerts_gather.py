"""What the rules are given to look at, gathered from a store with more in it than one run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path

from config.settings import Settings
from scheduler.alerting.gather import Gatherer
from scheduler.alerting.rules import evaluate
from scheduler.domain.alert import Rule
from scheduler.domain.failure import FailureClass, JobError
from scheduler.domain.job import JobResult, JobSpec
from scheduler.domain.schedule import ScheduleDefinition
from scheduler.operations import StoreOperations
from scheduler.schedules.timer import fire_due
from scheduler.testing import FakeClock, MemoryStore

EVENING = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)  # 02:30 in Kolkata
NIGHTLY = ScheduleDefinition("nightly", "daily_ca", "0 3 * * *", "Asia/Kolkata", time(6, 0), 3 * 3600.0)


def gatherer(store: MemoryStore, clock: FakeClock) -> Gatherer:
    settings = Settings(home=Path("/nowhere"))
    operations = StoreOperations(store, settings, clock, job_types={}, chains={})
    return Gatherer(store, operations.snapshot, operations.runs, settings, clock)


def test_the_run_of_every_schedule_is_watched_not_only_the_most_urgent_one() -> None:
    clock = FakeClock(EVENING)
    store = MemoryStore(clock)
    weekly = replace(NIGHTLY, name="weekly", job_type="weekly", deadline=time(6, 20))
    store.sync_schedules([weekly, NIGHTLY], now=clock.now())
    store.beat("d", kind="serve", host="h", pid=1, started_at=clock.now())
    clock.advance(31 * 60)
    assert len(fire_due(store, clock.now())) == 2
    clock.advance(3 * 3600)  # 06:01: one has missed its deadline, the other has not started either
    store.beat("d", kind="serve", host="h", pid=1, started_at=EVENING)
    look = gatherer(store, clock)()
    assert [run.tonight.schedule for run in look.runs] == ["nightly", "weekly"]
    found = {(one.rule, one.subject) for one in evaluate(look, Settings(home=Path("/")).alerts.rules, warning_s=900)}
    assert {(Rule.DEADLINE_MISSED, "nightly"), (Rule.START_LATE, "weekly")} <= found


def test_many_good_jobs_of_one_type_do_not_hide_that_another_type_fails() -> None:
    clock = FakeClock(EVENING)
    store = MemoryStore(clock)
    for number in range(103):
        kind = "doubt" if number < 3 else "workflow"
        store.enqueue(JobSpec(kind, max_retries=0))
        clock.advance(1)
        [lease] = store.claim("w", limit=1, lease_s=60)
        if kind == "doubt":
            store.fail(lease, JobError("empty", FailureClass.INVALID_INPUT, clock.now()), retryable=False)
        else:
            store.complete(lease, JobResult("https://x/v.mp4", None, 60.0, degraded=False))
    found = evaluate(gatherer(store, clock)(), Settings(home=Path("/")).alerts.rules, warning_s=900)
    assert (Rule.CONSECUTIVE_FAILURES, "doubt") in {(one.rule, one.subject) for one in found}
