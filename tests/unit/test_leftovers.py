from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from console.bootstrap.once import check_folder
from integrations.local_directory.waiting import WaitingUploads
from scheduler.domain.job import JobResult, JobSpec
from scheduler.pipeline.leftovers import Leftovers
from scheduler.pipeline.upgrade import upgrade_key
from scheduler.testing import FakeClock, MemoryStore


def test_working_folders_go_when_their_job_ended_long_ago_and_nobody_needs_them(tmp_path: Path) -> None:
    clock = FakeClock()
    store = MemoryStore(clock)
    jobs = [store.enqueue(JobSpec("daily_ca", {})).job for _ in range(4)]
    for lease in store.claim("w", limit=3, lease_s=30):
        store.complete(lease, JobResult("file:///v.mp4", None, 9.0, degraded=True))
    done, upgraded, late, waiting = (store.get(job.id) for job in jobs)
    store.enqueue(JobSpec("upgrade", {}, idempotency_key=upgrade_key(upgraded)))
    for name in (done.id, upgraded.id, late.id, waiting.id, "somebody-elses"):
        (tmp_path / "work" / name / "manim").mkdir(parents=True)
    task = Leftovers(store, WaitingUploads(tmp_path / "out"), clock, work_dir=tmp_path / "work", keep_days=7)
    assert task.look() == []
    clock.advance(timedelta(days=8).total_seconds())
    store.rerender(late.id, by="asha")
    assert task.look() == [done.id]
    left = {path.name for path in (tmp_path / "work").iterdir()}
    assert left == {upgraded.id, late.id, waiting.id, "somebody-elses"}


def test_a_folder_that_cannot_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    check_folder(tmp_path / "new" / "folder")
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ValueError, match=r"--out .* cannot be written"):
        check_folder(file)
