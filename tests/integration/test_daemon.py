"""The real program, as processes: started, killed, started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from console.cli.output import plain
from console.cli.shapes import detail_json
from scheduler.ports.operations import JobDetail
from scheduler.ports.store import Store
from scheduler.store import open_store

PREDAWN = [sys.executable, "-m", "console.cli.main"]
FORCED_EXIT = 130
OUT_OF_REACH = 5
STAGES = ["brief", "script_gen", "manim", "tts", "revideo", "verify", "upload"]

BRIEF = """---
date: 2025-06-06
title: A short night
---

## The repo rate falls to 5.50 per cent
It is the third cut of the year.
Source: [RBI](https://rbi.org.in)

## A bridge over the Chenab
The bridge is open.
Source: PIB
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "brief.md").write_text(BRIEF, encoding="utf-8")
    return tmp_path


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREDAWN_")}
    return kept | {
        "PREDAWN_HOME": str(home / "home"),
        "PREDAWN_API__ENABLED": "false",
        "PREDAWN_SERVICES__MANIM__ENABLED": "false",
        "PREDAWN_SERVICES__REVIDEO__ENABLED": "false",
        "PREDAWN_SERVICES__ORCHESTRATOR__ENABLED": "false",
        "PREDAWN_QUEUE__REAP_S": "0.5",
    }


def predawn(home: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*PREDAWN, *arguments], env=environment(home), capture_output=True, text=True, check=False, timeout=60
    )
    if check and done.returncode != 0:
        raise AssertionError(f"{arguments} ended with {done.returncode}: {done.stderr}")
    return done


def job_of(home: Path, job_id: str) -> dict[str, Any]:
    """The job as ``predawn jobs show ID --json`` tells it, without starting a process for every look."""
    with store_of(home) as store:
        job = store.get(job_id)
        detail = JobDetail(
            job=job,
            renders=tuple(store.renders(job.id)),
            attempts=tuple(store.attempts(job_id=job.id)),
            failures=tuple(store.failures(job.id)),
            checkpoints=tuple(store.checkpoints(job.id)),
        )
    return plain(detail_json(detail))


@contextmanager
def store_of(home: Path) -> Generator[Store, None, None]:
    store = open_store(f"sqlite:///{home / 'home' / 'predawn.db'}")
    try:
        yield store
    finally:
        store.close()


def submit(home: Path, **extra: Any) -> str:
    payload = json.dumps({"brief": str(home / "brief.md")} | extra)
    return predawn(home, "jobs", "submit", "daily_ca", "--payload", payload, "--key", "daily_ca:test").stdout.strip()


@contextmanager
def serving(home: Path, kind: str = "serve") -> Generator[subprocess.Popen[str], None, None]:
    log = (home / f"{kind}.log").open("a", encoding="utf-8")
    process = subprocess.Popen([*PREDAWN, kind], env=environment(home), stdout=log, stderr=log, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        log.close()


def until(condition: Callable[[], Any], *, within_s: float = 60, every_s: float = 0.1) -> Any:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(every_s)
    raise AssertionError(f"not within {within_s} s")


def made(job: dict[str, Any]) -> Counter[str]:
    """How many times each stage was really done."""
    return Counter(a["stage"] for a in job["attempts"] if a["status"] == "completed" and not a["resumed"])


def test_killed_in_the_middle_of_a_render_it_goes_on_from_its_checkpoints(home: Path) -> None:
    job_id = submit(home)
    with serving(home) as daemon:
        until(lambda: any(c["stage"] == "manim" for c in job_of(home, job_id)["checkpoints"]))
        daemon.send_signal(signal.SIGKILL)
        daemon.wait()
    killed = job_of(home, job_id)
    assert killed["status"] == "processing"
    with serving(home) as daemon:
        done = until(lambda: (job := job_of(home, job_id))["status"] == "completed" and job)
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(timeout=15) == 0
    assert len(done["renders"]) == 2
    assert [render["status"] for render in done["renders"]] == ["interrupted", "completed"]
    assert made(done) == dict.fromkeys(STAGES, 1)
    assert done["crash_count"] == 1
    videos = list((home / "home" / "published").rglob("*.mp4"))
    assert len(videos) == 1
    assert f"file://{videos[0]}" == done["payload"]["video_url"]
    assert len(json.loads(predawn(home, "jobs", "list", "--json").stdout)["items"]) == 1
    assert json.loads(predawn(home, "jobs", "show", job_id[:8], "--json").stdout)["id"] == job_id


def test_a_cancelled_job_stops_within_two_seconds_and_leaves_no_child(home: Path) -> None:
    job_id = submit(home)
    with serving(home) as daemon:
        until(lambda: job_of(home, job_id)["stage"] in {"manim", "tts"})
        predawn(home, "jobs", "cancel", job_id)
        asked = time.monotonic()
        until(lambda: job_of(home, job_id)["status"] == "cancelled", every_s=0.05)
        assert time.monotonic() - asked < 2
        until(lambda: not children_of(daemon.pid), within_s=2)
    assert not list((home / "home" / "published").rglob("*.mp4"))


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text(encoding="ascii").split()] if listed.exists() else []


def test_sigterm_gives_the_job_back_and_another_daemon_finishes_it(home: Path) -> None:
    job_id = submit(home)
    with serving(home, "worker") as worker:
        until(lambda: job_of(home, job_id)["status"] == "processing")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=15) == 0
    back = job_of(home, job_id)
    assert back["status"] == "queued"
    assert back["crash_count"] == 0
    with serving(home, "worker"):
        until(lambda: job_of(home, job_id)["status"] == "completed")


def test_a_second_signal_ends_the_process_at_once_and_its_job_is_taken_over(home: Path) -> None:
    job_id = submit(home)
    with serving(home, "worker") as worker:
        until(lambda: job_of(home, job_id)["stage"] in {"manim", "tts"})
        worker.send_signal(signal.SIGTERM)
        time.sleep(0.1)  # two signals that are pending together count as one
        worker.send_signal(signal.SIGTERM)
        code = worker.wait(timeout=15)
    left = job_of(home, job_id)
    # A checkpoint may have come between them: then the job was given back, perhaps just before the end.
    # The signal may also meet the very end of the process, whose handlers are gone: its job is back by then.
    ended = {(FORCED_EXIT, "processing"), (FORCED_EXIT, "queued"), (0, "queued"), (-signal.SIGTERM, "queued")}
    assert (code, left["status"]) in ended
    with serving(home, "worker"):
        done = until(lambda: (job := job_of(home, job_id))["status"] == "completed" and job)
    assert done["retry_count"] == 0
    assert done["crash_count"] == (1 if left["status"] == "processing" else 0)


def test_bad_input_fails_at_once_with_the_line_and_is_not_retried(home: Path) -> None:
    bad = home / "bad.md"
    bad.write_text("---\ndate: 2025-13-06\ntitle: x\n---\n\n## One\nText.\n", encoding="utf-8")
    done = predawn(home, "jobs", "submit", "daily_ca", "--payload", json.dumps({"brief": str(bad)}), check=False)
    assert done.returncode == 2
    assert "bad.md" in done.stderr
    assert "2025-13-06" in done.stderr
    rendered = predawn(home, "render", "--brief", str(bad), "--out", str(home / "out"), check=False)
    assert rendered.returncode == 2
    assert "2025-13-06" in rendered.stderr
    assert not list(home.rglob("*.mp4"))


@pytest.mark.parametrize("kind", ["serve", "worker"])
def test_a_daemon_whose_database_file_is_replaced_ends_with_five_and_leaves_the_new_one_alone(
    home: Path, kind: str
) -> None:
    with serving(home, kind) as daemon:
        with store_of(home) as store:
            until(lambda: [process for process in store.processes() if process.kind == kind])
        backup = home / "backup.db"
        open_store(f"sqlite:///{backup}").close()
        before = backup.read_bytes()
        file = home / "home" / "predawn.db"
        for rest in ("-wal", "-shm"):  # as one does who puts a backup in its place
            file.with_name(file.name + rest).unlink(missing_ok=True)
        backup.replace(file)
        assert daemon.wait(60) == OUT_OF_REACH
    said = (home / f"{kind}.log").read_text(encoding="utf-8")
    assert "was deleted or replaced while this program had it open" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert file.read_bytes() == before


def test_a_daemon_on_a_database_that_is_none_says_so_and_exits_with_five(home: Path) -> None:
    (home / "home").mkdir()
    (home / "home" / "predawn.db").write_bytes(
        b"this is no database, but it is long enough to look like a header " * 20
    )
    done = predawn(home, "serve", check=False)
    assert done.returncode == 5
    assert "predawn.db" in done.stderr
    assert "Traceback" not in done.stderr
