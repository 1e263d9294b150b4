"""SIGKILL at every stage boundary and inside every stage: resumed, nothing finished done again, published once.

``make matrix`` kills at all points; with the other tests only some.
"""

from __future__ import annotations

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

import psutil
import pytest
from kills_daemon import POINTS

from scheduler.domain.job import JobSpec, JobStatus
from scheduler.domain.render import AttemptStatus, RenderStatus, StageName
from scheduler.ports.store import Store
from scheduler.store import open_store

WHOLE = os.environ.get("PREDAWN_TEST_MATRIX") == "whole"
DAEMON = [sys.executable, str(Path(__file__).with_name("kills_daemon.py"))]
PREDAWN = [sys.executable, "-m", "console.cli.main"]
CASES = [(stage, point) for stage in StageName for point in POINTS]
USUAL = [
    (StageName.SCRIPT_GEN, "after its checkpoint"),
    (StageName.MANIM, "inside"),
    (StageName.UPLOAD, "done but not kept"),
]
BRIEF = {
    "date": "2026-11-20",
    "title": "A short day",
    "language": "en",
    "edition": None,
    "headlines": [{"title": "Bridge opens", "sentences": ["It is high."], "source": "PIB"}],
}


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREDAWN_")}
    return kept | {
        "PREDAWN_HOME": str(home),
        "PREDAWN_API__ENABLED": "false",
        "PREDAWN_SERVICES__MANIM__ENABLED": "false",
        "PREDAWN_SERVICES__REVIDEO__ENABLED": "false",
        "PREDAWN_SERVICES__ORCHESTRATOR__ENABLED": "false",
        "PREDAWN_SPEECH__SPEED": "4",
        "PREDAWN_QUEUE__REAP_S": "0.2",
    }


@contextmanager
def running(home: Path, *command: str) -> Generator[subprocess.Popen[bytes], None, None]:
    with (home / "daemon.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment(home), stdout=log, stderr=log)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def until(condition: Callable[[], Any], what: str, *, within_s: float = 60) -> Any:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s} s: {what}")


def belonging_to(home: Path) -> list[int]:
    """Processes that were started for this installation and still run."""
    found: list[int] = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("PREDAWN_HOME") == str(home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def published(home: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (home / "published").rglob("*.mp4")}


def kept(store: Store, job_id: str) -> dict[tuple[StageName, str], Any]:
    """Every checkpoint and part, with the files in it."""
    return {(c.stage, c.part): (c.attempt, c.output.artifacts) for c in store.checkpoints(job_id)}


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("stage", "point"), CASES if WHOLE else USUAL)
def test_killed_at_any_point_a_render_goes_on_without_doing_anything_twice(
    stage: StageName, point: str, tmp_path: Path
) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'predawn.db'}")
    try:
        job_id = store.enqueue(JobSpec("daily_ca", {"brief": BRIEF})).job.id
        with running(tmp_path, *DAEMON, stage.value, point) as doomed:
            assert doomed.wait(timeout=60) == -signal.SIGKILL
        until(lambda: not belonging_to(tmp_path), "children outlive the daemon", within_s=10)
        before, out = kept(store, job_id), published(tmp_path)
        whole_before = {name for name, part in before if not part}
        assert store.get(job_id).status is JobStatus.PROCESSING
        assert (stage in whole_before) == (point == "after its checkpoint")

        with running(tmp_path, *PREDAWN, "worker") as daemon:
            until(lambda: store.get(job_id).status.is_final, "the job ends")
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(timeout=15) == 0

        job, renders = store.get(job_id), store.renders(job_id)
        assert job.status is JobStatus.COMPLETED, job.error
        assert [render.status for render in renders] == [RenderStatus.INTERRUPTED, RenderStatus.COMPLETED]
        second = [row for row in store.attempts(render_id=renders[1].id) if not row.resumed]
        # What was finished is not asked for again, by anyone; the rest is made once.
        assert Counter(row.stage for row in second) == dict.fromkeys(set(StageName) - whole_before, 1)
        assert {row.status for row in store.attempts(job_id=job_id)} <= {AttemptStatus.COMPLETED, AttemptStatus.FAILED}
        assert kept(store, job_id).items() >= before.items(), "parts and checkpoints of the first render are used"
        # One video, and once it is out nobody touches it again.
        assert len(published(tmp_path)) == 1
        assert published(tmp_path).items() >= out.items()
        assert job.payload["video_url"] == next(iter(published(tmp_path))).as_uri()
        assert len(store.list().items) == 1
    finally:
        store.close()
