"""``predawn doctor`` as a person runs it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from config.settings import Settings
from console.bootstrap.doctor.reach import reach_checks
from console.bootstrap.reading import open_operations
from scheduler.domain.access import Role
from scheduler.ports.operations import Actor


def doctor(home: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "console.cli.main", *options, "doctor", "--json"],
        env=os.environ
        | {"PREDAWN_HOME": str(home), "PREDAWN_HEALTH__TIMEOUT_S": "0.5", "PREDAWN_API__PORT": "0"}
        | env,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def checks(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    assert done.stdout, done.stderr
    return {one["name"]: one for one in json.loads(done.stdout)["checks"]}


def test_a_fresh_machine_is_well_and_nothing_is_changed_by_looking(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = doctor(home)
    found = checks(done)
    assert done.returncode == 0, done.stdout
    for name in ("python", "libraries", "codecs", "fonts", "speech", "time zones", "disk", "database", "schedules"):
        assert found[name]["state"] in {"ok", "warn"}, found[name]
    assert found["daemon"]["state"] == "warn"
    assert found["daemon"]["remedy"] == "predawn serve"
    assert found["service manim"]["state"] == "warn"
    assert not home.exists()


def test_what_is_wrong_is_named_with_a_remedy_and_exit_1(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    (home / "predawn.db").write_bytes(b"no database at all, whatever its name says" * 300)
    (home / "recording.db").write_bytes(b"nor is this" * 500)
    (tmp_path / "briefs").mkdir()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = doctor(
            home,
            PREDAWN_API__PORT=str(taken.getsockname()[1]),
            PREDAWN_CONTENT__BRIEFS_DIR=str(tmp_path / "briefs"),
        )
    found = checks(done)
    assert done.returncode == 1
    assert found["home"]["state"] == "warn"
    assert f"chmod 700 {home}" in found["home"]["remedy"]
    assert found["database"]["state"] == "fail"
    assert found["recording"]["state"] == "warn"
    assert found["briefs"]["state"] == "fail"
    assert found["port"]["state"] == "fail"
    assert all(one["remedy"] for one in found.values() if one["state"] != "ok")


def test_tokens_of_the_api_are_looked_at(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    look = dict(reach_checks(settings))["tokens"]

    def found() -> list[tuple[str, str]]:
        return [(finding.state.value, finding.found) for finding in look()]

    assert found() == [("warn", "the API is on and there is no token that counts: nobody can call it")]
    operations, admin = open_operations(settings), Actor("ann", "cli", Role.ADMIN)
    operations.add_token("edge", role=Role.OPERATOR, actor=admin)
    assert found() == [("ok", "edge (operator)")]
    operations.add_token("root", role=Role.ADMIN, actor=admin)
    operations.add_token("old", role=Role.VIEWER, actor=admin, expires_at=datetime.now(UTC) + timedelta(days=2))
    assert [text.split()[0] for _, text in found()] == ["admin", "old"]
    for name in ("edge", "root", "old"):
        operations.revoke_token(name, actor=admin)
    assert "(3 ended or revoked)" in found()[0][1]
