"""Filters on the command line: lists, and commands that change many."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from console.cli.main import main
from scheduler.domain.failure import FailureClass, JobError
from scheduler.domain.job import JobSpec, JobStatus
from scheduler.store import open_store

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Two queued jobs, one of them a test, and one that failed for good."""
    url = f"sqlite:///{tmp_path / 'home' / 'predawn.db'}"
    with closing(open_store(url, synchronous="NORMAL")) as store:
        failed = store.enqueue(JobSpec("doubt")).job
        (lease,) = store.claim("w", limit=1, lease_s=30, only=[failed.id])
        store.fail(lease, JobError("it timed out", FailureClass.TIMEOUT, datetime.now(UTC)), retryable=False)
        store.enqueue_many([JobSpec("daily_ca"), JobSpec("daily_ca", payload={"tags": ["test"]})])
    return url


@pytest.fixture
def run(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """``predawn jobs …`` in this process."""
    monkeypatch.setenv("PREDAWN_HOME", str(tmp_path / "home"))

    def call(*args: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["predawn", "jobs", *args])
        capsys.readouterr()
        code: Any = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def states(database: str) -> list[str]:
    with closing(open_store(database)) as store:
        return [job.status.value for job in reversed(store.list().items)]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([], 3),
        (["status:failed"], 1),
        (["type:daily_ca", "-tag:test"], 1),
        (["-tag:test"], 2),
        (["error:timed out"], 1),
        (["status:failed status:pending"], 3),
        (["type:nothing"], 0),
    ],
)
def test_list_takes_the_filter_language(run: Run, filters: list[str], found: int) -> None:
    code, out, _ = run("list", "--json", *filters)
    assert (code, len(json.loads(out)["items"])) == (0, found)


def test_list_by_priority_and_cursor(run: Run) -> None:
    _, out, _ = run("list", "--json", "--sort", "oldest", "--limit", "2")
    first = json.loads(out)
    _, out, _ = run("list", "--json", "--sort", "oldest", "--limit", "2", "--cursor", first["next"])
    assert [job["seq"] for job in first["items"] + json.loads(out)["items"]] == [1, 2, 3]


@pytest.mark.parametrize(
    "command", [["list", "type:doubt statsu:failed"], ["cancel", "--filter", "type:doubt statsu:failed"]]
)
def test_filter_that_cannot_be_read_is_wrong_use(run: Run, command: list[str]) -> None:
    code, _, err = run(*command)
    assert code == 2
    assert "error at 12: unknown field 'statsu', did you mean 'status'?" in err


@pytest.mark.parametrize(
    "command", [["cancel"], ["retry", "x", "--filter", "y"], ["cancel", "--filter", " "], ["list", "--limt"]]
)
def test_selection_that_says_nothing_or_two_things_is_wrong_use(run: Run, database: str, command: list[str]) -> None:
    before = states(database)
    assert run(*command)[0] == 2
    assert states(database) == before


def test_dry_run_says_who_is_eligible_and_changes_nothing(run: Run, database: str) -> None:
    code, out, _ = run("cancel", "--filter", "type:d*", "--dry-run", "--json")
    plan = json.loads(out)
    assert (code, len(plan["eligible"]), len(plan["not_eligible"])) == (0, 2, 1)
    assert states(database) == ["failed", "queued", "queued"]


def test_many_are_asked_about_and_then_changed(run: Run, database: str) -> None:
    code, _, err = run("cancel", "--filter", "type:d*")
    assert code == 2, "nobody can be asked here"
    assert "cancel 2 jobs? 1 more are found, but their state does not allow it." in err
    assert "--yes" in err
    code, out, _ = run("cancel", "--filter", "type:d*", "--yes", "--json")
    assert (code, [one["outcome"] for one in json.loads(out)["items"]]) == (0, ["cancelled"] * 2)
    assert states(database) == ["failed", "cancelled", "cancelled"]
    code, out, _ = run("retry", "--filter", "error:timeout tag:test", "--yes", "--json")
    assert json.loads(out)["items"] == []
    code, out, _ = run("retry", "--filter", "status:failed status:cancelled", "--yes", "--json")
    assert (code, len(json.loads(out)["items"])) == (0, 3)
    with closing(open_store(database)) as store:
        assert store.depth().of(JobStatus.QUEUED) == 3
