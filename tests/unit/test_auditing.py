"""Permission and audit line of every command, in one place."""

from __future__ import annotations

import inspect
from datetime import UTC, date, datetime
from typing import Any

import pytest

from config.settings import Settings
from console.bootstrap.reading import make_operations
from scheduler.audit_detail import DETAIL_LIMIT, bounded
from scheduler.auditing import command, command_name
from scheduler.domain.access import Role
from scheduler.domain.audit import AuditEntry, AuditOutcome
from scheduler.domain.job import JobSpec, JobStatus, Priority
from scheduler.domain.limits import LimitsChange
from scheduler.operations import StoreOperations
from scheduler.ports.api import HttpOperations
from scheduler.ports.operations import Actor, InvalidError, NotFoundError, PermissionDeniedError
from scheduler.ports.store import StoreError
from scheduler.testing import FakeClock, Faults, MemoryStore, faulty

ANN = Actor("ann", "cli", role=Role.OPERATOR, origin="box pts/1")
GUEST = Actor("guest", "tui")
HEADLINE = {"title": "H", "sentences": ["One sentence that says something."], "source": "PIB", "source_url": None}
BRIEF = {"brief": {"date": "2026-11-20", "title": "T", "language": "en", "headlines": [HEADLINE]}}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(FakeClock(datetime.now(UTC)))


@pytest.fixture
def operations(store: MemoryStore, tmp_path: Any) -> StoreOperations:
    return make_operations(Settings(home=tmp_path), store)


def lines(store: MemoryStore) -> list[AuditEntry]:
    return [line.entry for line in store.audit_chain()]


def commands_of(kind: type) -> set[str]:
    found = {name: value for name, value in inspect.getmembers(kind, callable) if not name.startswith("_")}
    return {name for name, value in found.items() if "actor" in inspect.signature(value).parameters}


def test_every_command_of_the_port_is_permitted_and_written_down() -> None:
    unmarked = {name for name in commands_of(HttpOperations) if command_name(getattr(StoreOperations, name)) is None}
    assert not unmarked, "mark them with @command (scheduler/auditing.py)"


def test_a_viewer_is_refused_every_command_and_each_refusal_is_kept(
    operations: StoreOperations, store: MemoryStore
) -> None:
    job = store.enqueue(JobSpec("daily_ca")).job
    for act in (
        lambda: operations.submit(JobSpec("daily_ca"), actor=GUEST),
        lambda: operations.cancel(job.id, actor=GUEST),
        lambda: operations.retry(job.id, actor=GUEST),
        lambda: operations.rerender(job.id, actor=GUEST),
        lambda: operations.set_priority(job.id, Priority.HIGH, actor=GUEST),
        lambda: operations.run_schedule("nightly", actor=GUEST),
        lambda: operations.pause_schedule("nightly", paused=True, actor=GUEST),
        lambda: operations.skip_date("nightly", date(2026, 11, 26), actor=GUEST),
        lambda: operations.pause_type("daily_ca", paused=True, actor=GUEST),
        lambda: operations.set_limits("daily_ca", LimitsChange(concurrency=1), actor=GUEST),
    ):
        with pytest.raises(PermissionDeniedError, match=r"guest is a viewer, and [a-z.]+ needs an operator"):
            act()
    assert store.get(job.id) == job
    assert {entry.outcome for entry in lines(store)} == {AuditOutcome.REFUSED}
    assert len(lines(store)) == 10


def test_a_line_says_who_what_and_how_it_ended(operations: StoreOperations, store: MemoryStore) -> None:
    job = operations.submit(JobSpec("daily_ca", BRIEF, idempotency_key="k"), actor=ANN).job
    operations.cancel(job.id[:8], actor=ANN)
    operations.cancel(job.id, actor=ANN)
    with pytest.raises(InvalidError):
        operations.set_priority(job.id, Priority.HIGH, actor=ANN)
    with pytest.raises(NotFoundError):
        operations.retry("nothing", actor=ANN)
    submitted, cancelled, again, priority, nothing = lines(store)
    assert (submitted.actor, submitted.via, submitted.origin) == ("ann", "cli", "box pts/1")
    assert (submitted.command, submitted.target, submitted.outcome) == ("job.submit", job.id, AuditOutcome.DONE)
    assert submitted.detail["spec"]["job_type"] == "daily_ca"
    assert submitted.detail["created"] is True
    assert (cancelled.target, cancelled.outcome) == (job.id, AuditOutcome.DONE)
    assert (again.outcome, again.message) == (AuditOutcome.REFUSED, "it was cancelled already")
    assert (priority.outcome, priority.detail) == (AuditOutcome.REFUSED, {"priority": "high"})
    assert "only a queued job" in priority.message
    assert (nothing.target, nothing.outcome) == ("nothing", AuditOutcome.REFUSED)


def test_what_breaks_is_written_down_as_failed(store: MemoryStore, tmp_path: Any) -> None:
    faults = Faults()
    operations = make_operations(Settings(home=tmp_path), faulty(store, faults))
    job = store.enqueue(JobSpec("daily_ca")).job
    faults.fail("cancel")
    with pytest.raises(Exception, match="a fault"):
        operations.cancel(job.id, actor=ANN)
    (line,) = lines(store)
    assert (line.outcome, line.message) == (AuditOutcome.FAILED, "a fault that a test has put here")


def test_what_cannot_be_written_down_is_not_done(store: MemoryStore, tmp_path: Any) -> None:
    faults = Faults()
    operations = make_operations(Settings(home=tmp_path), faulty(store, faults))
    job = store.enqueue(JobSpec("daily_ca")).job
    faults.fail("add_audit")
    with pytest.raises(StoreError):
        operations.cancel(job.id, actor=ANN)
    assert store.get(job.id).status is JobStatus.QUEUED
    assert [(line.outcome, line.message) for line in lines(store)] == [
        (AuditOutcome.FAILED, "a fault that a test has put here")
    ]
    operations.cancel(job.id, actor=ANN)
    assert store.get(job.id).status is JobStatus.CANCELLED


def test_many_commands_are_written_down_together(operations: StoreOperations, store: MemoryStore) -> None:
    jobs = [store.enqueue(JobSpec("daily_ca")).job for _ in range(3)]
    with operations.auditor.together():
        for job in jobs:
            operations.cancel(job.id, actor=ANN)
        assert lines(store) == []
    assert [entry.target for entry in lines(store)] == [job.id for job in jobs]
    assert operations.verify_audit().lines == 3


def test_details_are_bounded_and_without_secrets() -> None:
    detail = bounded(
        {
            "text": "x" * 500,
            "callback": {"api_key": "s3cret", "Authorization": "Bearer x", "empty_token": ""},
            "deep": {"a": {"b": {"c": {"d": 1}}}},
            "many": list(range(100)),
            "odd": float("nan"),
            "nul": "a\0b\ud800",
        }
    )
    assert len(detail["text"]) == 200
    assert detail["callback"] == {"api_key": "********", "Authorization": "********", "empty_token": ""}
    assert detail["deep"] == {"a": {"b": {"c": "…"}}}
    assert len(detail["many"]) == 20
    assert detail["odd"] == "nan"
    assert detail["nul"] == "a\ufffdb?"
    assert len(bounded({str(n): ["y" * 190] * 10 for n in range(9)})["cut"]) <= DETAIL_LIMIT


def test_a_command_must_name_actor_and_target() -> None:
    with pytest.raises(TypeError, match="needs the arguments actor and name"):

        @command("thing.do", target="name")
        def act(self: StoreOperations, *, actor: Actor) -> None: ...  # pyright: ignore[reportUnusedFunction] - never made
