"""The trail at the command line, as an operator meets it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import SHIPPED_BRIEFS


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def predawn(home: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREDAWN_")}
    return subprocess.run(
        [sys.executable, "-m", "console.cli.main", *words],
        env=kept | {"PREDAWN_HOME": str(home)} | environ,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_commands_leave_lines_and_tampering_is_named(home: Path) -> None:
    payload = json.dumps({"brief": str(next(SHIPPED_BRIEFS.glob("2025-*.md")))})
    submit = ("jobs", "submit", "daily_ca", "--payload", payload)
    job_id = predawn(home, *submit, SSH_CONNECTION="10.0.0.7 22 10.0.0.1 22").stdout.strip()
    assert predawn(home, "jobs", "cancel", job_id, "--yes", USER="somebody-else").returncode == 0
    items = json.loads(predawn(home, "audit", "list", "--json").stdout)["items"]
    assert [(item["command"], item["target"], item["outcome"]) for item in items] == [
        ("job.cancel", job_id, "done"),
        ("job.submit", job_id, "done"),
    ]
    assert {item["role"] for item in items} == {"admin"}, "the owner of the data folder, nobody being listed"
    assert "ssh 10.0.0.7" in items[1]["origin"]
    assert items[0]["actor"] == items[1]["actor"] != "somebody-else"
    assert "2 lines hold" in predawn(home, "audit", "verify").stdout

    database = sqlite3.connect(home / "predawn.db")
    database.execute("UPDATE audit SET actor = 'nobody' WHERE seq = 1")
    database.commit()
    database.close()
    broken = predawn(home, "audit", "verify")
    assert broken.returncode == 1
    assert "broken at line 1: its content was changed" in broken.stderr


def test_who_is_not_listed_may_only_look(home: Path) -> None:
    only_ann = {"PREDAWN_ACCESS__USERS": '{ ann-who-is-not-here = "admin" }'}
    refused = predawn(home, "jobs", "submit", "daily_ca", **only_ann)
    assert refused.returncode == 2
    assert "is a viewer, and job.submit needs an operator" in refused.stderr
    listed = predawn(home, "audit", "list", **only_ann)
    assert "refused" in listed.stdout
