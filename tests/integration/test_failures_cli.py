"""``predawn failures`` over a database with failures of several nights."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from typer.testing import CliRunner

from console.cli.main import command_line
from scheduler.domain.failure import FailureClass, FailureRecord
from scheduler.domain.job import JobSpec
from scheduler.ports.operations import NotFoundError
from scheduler.store import open_store


def failed(url: str, message: str, stage: str) -> str:
    """A job that failed for good; its id."""
    store = open_store(url)
    try:
        job = store.enqueue(JobSpec("daily_ca", {})).job
        (lease,) = store.claim("test", limit=1, lease_s=30.0)
        render = store.start_render(lease, correlation_id="c")
        assert render is not None
        store.record_failure(
            FailureRecord(render.id, FailureClass.TIMEOUT, message, stage, "manim-api", retryable=True)
        )
        return job.id
    finally:
        store.close()


def test_the_same_failure_is_one_line_with_its_count_and_an_example(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'predawn.db'}"
    command = ["--home", str(tmp_path), "--database-url", url, "failures"]
    run = CliRunner()
    assert "no render has failed" in run.invoke(command_line(), command).stderr
    failed(url, "no answer within 240 s", "manim")
    failed(url, "no \x1b[31mbucket", "upload")
    last = failed(url, "no answer within 60 s", "manim")
    lines = run.invoke(command_line(), command).stdout.splitlines()
    assert len(lines) == 3
    assert last[:8] in lines[1]
    assert "\x1b" not in lines[2]

    shown = json.loads(run.invoke(command_line(), [*command, "--json", "--limit", "1"]).stdout)
    (group,) = shown["items"]
    assert (group["count"], group["job_id"], group["failure_reason"], group["stage"]) == (2, last, "TIMEOUT", "manim")
    assert group["first_at"] <= group["last_at"]
    assert len(group["fingerprint"]) == 16
    assert group["unresolved"] == 2

    assert isinstance(run.invoke(command_line(), [*command, "--resolve", "zzz"]).exception, NotFoundError)
    done = run.invoke(command_line(), [*command, "--resolve", group["fingerprint"][:6]])
    assert f"resolved: {group['fingerprint']}" in done.stderr
    (group,) = json.loads(run.invoke(command_line(), [*command, "--json", "--limit", "1"]).stdout)["items"]
    assert (group["count"], group["unresolved"]) == (2, 0)
    with sqlite3.connect(tmp_path / "predawn.db") as database:
        rows = database.execute(
            "select resolved, resolved_at is not null, resolved_by is not null from render_failures"
        )
        assert sorted(rows) == [(0, 0, 0), (1, 1, 1), (1, 1, 1)]
