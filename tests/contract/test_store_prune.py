"""Retention and checks: on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from store_world import LEASE_S, RESULT, World, an_error

from scheduler.domain.failure import FailureClass, FailureRecord
from scheduler.domain.job import Job, JobSpec, JobStatus
from scheduler.domain.maintenance import PRUNABLE, Finding, PruneReport
from scheduler.domain.render import Checkpoint, RenderStatus, StageName, StageOutput
from scheduler.domain.service import Probe
from scheduler.filters import parse
from scheduler.store.maintenance import SqlMaintenance
from scheduler.store.sql_store import SqlStore

DAYS_90 = timedelta(days=90)
DAY_S = 86_400.0


def care(world: World) -> SqlMaintenance:
    assert isinstance(world.store, SqlStore)
    return SqlMaintenance(world.store.database)


def ended(world: World, status: JobStatus, title: str = "budget") -> Job:
    """A job with everything that a job can have."""
    job = world.add(payload={"title": title})
    if status is JobStatus.CANCELLED:
        world.store.cancel(job.id, by="ann")
        return job
    lease = world.store.claim("w", limit=1, lease_s=LEASE_S, only=[job.id])[0]
    render = world.render(lease)
    world.attempt(render)
    world.store.save_checkpoint(
        lease, Checkpoint(job.id, StageName.TTS, "", StageOutput(), lease.attempt), lease_s=LEASE_S
    )
    world.store.record_failure(FailureRecord(render.id, FailureClass.TIMEOUT, "late", None, None, retryable=False))
    world.store.finish_render(render.id, RenderStatus.COMPLETED)
    if status is JobStatus.COMPLETED:
        world.store.complete(lease, RESULT)
    else:
        world.store.fail(lease, an_error(), retryable=False)
    return job


def test_old_jobs_go_with_all_that_belongs_to_them(sql_world: World) -> None:
    old = [ended(sql_world, status) for status in PRUNABLE]
    sql_world.advance(91 * DAY_S)
    young = ended(sql_world, JobStatus.COMPLETED, "young")
    waiting = sql_world.add()
    told: list[tuple[int, int]] = []
    report = care(sql_world).prune(older_than=DAYS_90, progress=lambda done, total: told.append((done, total)))
    assert replace(report, freed_bytes=0) == PruneReport(jobs=3, renders=2, attempts=2, failures=2, checkpoints=2)
    assert {job.id for job in sql_world.store.list().items} == {young.id, waiting.id}
    for job in old:
        assert sql_world.store.attempts(job_id=job.id) == []
    assert told[-1] == (3, 3)
    assert sql_world.store.depth().by_status == {JobStatus.COMPLETED: 1, JobStatus.QUEUED: 1}
    assert sql_world.store.list(filter=parse("budget", now=datetime.now(UTC))).items == ()
    assert [job.id for job in sql_world.store.list(filter=parse("young", now=datetime.now(UTC))).items] == [young.id]
    assert care(sql_world).check().ok


def test_nothing_that_lives_is_deleted_however_old(sql_world: World) -> None:
    """Queued, running, and failed with a retry to come."""
    waits = sql_world.add()
    retries = sql_world.store.claim("w", limit=1, lease_s=LEASE_S, only=[sql_world.add().id])[0]
    sql_world.store.fail(retries, an_error(), retryable=True)
    runs = sql_world.store.claim("w", limit=1, lease_s=LEASE_S, only=[sql_world.add().id])[0]
    sql_world.advance(200 * DAY_S)
    assert care(sql_world).prune(older_than=DAYS_90).jobs == 0
    assert {job.id for job in sql_world.store.list().items} == {waits.id, retries.job.id, runs.job.id}


def test_dry_run_counts_and_changes_nothing(sql_world: World) -> None:
    for status in PRUNABLE:
        ended(sql_world, status)
    sql_world.store.add_probe(Probe("manim", datetime(2020, 1, 1, tzinfo=UTC), ok=True))
    sql_world.advance(91 * DAY_S)
    maintenance = care(sql_world)
    only = [JobStatus.FAILED]
    assert maintenance.prune(older_than=DAYS_90, dry_run=True) == PruneReport(jobs=3, probes=1, dry_run=True)
    assert maintenance.prune(older_than=DAYS_90, statuses=only, dry_run=True).jobs == 1
    assert len(sql_world.store.list().items) == 3
    assert maintenance.prune(older_than=DAYS_90, statuses=only).probes == 1
    assert {job.status for job in sql_world.store.list().items} == {JobStatus.COMPLETED, JobStatus.CANCELLED}


def test_only_ended_jobs_may_be_asked_for(sql_world: World) -> None:
    with pytest.raises(ValueError, match="only jobs that have ended"):
        care(sql_world).prune(older_than=DAYS_90, statuses=[JobStatus.QUEUED])


def test_queue_works_on_while_it_is_pruned(sql_world: World) -> None:
    sql_world.store.enqueue_many([JobSpec("daily_ca")] * 1000)
    sql_world.sql("UPDATE jobs SET status = 'cancelled'")
    sql_world.advance(91 * DAY_S)
    done: list[PruneReport] = []
    thread = threading.Thread(target=lambda: done.append(care(sql_world).prune(older_than=DAYS_90)))
    thread.start()
    worked = 0
    while thread.is_alive() or worked == 0:
        sql_world.add()
        assert sql_world.store.complete(sql_world.claim_one(), RESULT)
        worked += 1
    thread.join()
    assert done[0].jobs == 1000
    assert sql_world.store.depth().by_status == {JobStatus.COMPLETED: worked}


def finding(world: World, name: str) -> Finding:
    return next(one for one in care(world).check().findings if one.name == name)


def test_check_finds_nothing_wrong_with_what_is_used_as_it_should_be(sql_world: World) -> None:
    for status in PRUNABLE:
        ended(sql_world, status)
    sql_world.add()
    sql_world.claim_one()
    report = care(sql_world).check()
    assert [one for one in report.findings if not one.ok] == []


def test_check_finds_counters_that_are_wrong_and_puts_them_right(sql_world: World) -> None:
    sql_world.add_many(3)
    sql_world.sql("UPDATE job_counts SET n = n + 2")
    wrong = finding(sql_world, "counters")
    assert not wrong.ok
    assert "queued/daily_ca/normal" in wrong.detail
    assert "predawn db check --repair" in wrong.detail
    assert care(sql_world).check(repair=True).ok
    assert finding(sql_world, "counters").ok
    assert sql_world.store.depth().by_status == {JobStatus.QUEUED: 3}


def test_check_finds_leases_that_nobody_takes_back(sql_world: World) -> None:
    sql_world.add()
    sql_world.claim_one()
    sql_world.advance(LEASE_S + 30)
    assert finding(sql_world, "leases").ok, "a daemon may be about to"
    sql_world.advance(60)
    stuck = finding(sql_world, "leases")
    assert not stuck.ok
    assert "1 jobs are held by workers that are gone" in stuck.detail


def test_check_finds_renders_that_run_without_their_job(sql_world: World) -> None:
    sql_world.add()
    sql_world.render(sql_world.claim_one())
    assert finding(sql_world, "renders").ok
    sql_world.sql("UPDATE jobs SET status = 'failed'")
    assert not finding(sql_world, "renders").ok
