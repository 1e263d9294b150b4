"""A month of nights fits: probes every 15 s day and night, a render of an hour written every second, jobs all day.

``PREDAWN_TEST_RECORDING=long`` writes all thirty days (about four minutes); without it, two.
"""

from __future__ import annotations

import copy
import os
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from scheduler.domain.deadline import Verdict
from scheduler.domain.recording import Mark, MarkKind
from scheduler.recording.file import LIMIT_BYTES, size_of
from scheduler.recording.reader import RecordingReader
from scheduler.recording.writer import RecordingWriter

DAYS = 30 if os.environ.get("PREDAWN_TEST_RECORDING") == "long" else 2
START = datetime(2026, 11, 1, tzinfo=UTC)
RENDER_S = 3600
AT = datetime(2026, 11, 20, 21, 42, 30, tzinfo=UTC)
"""``recording_world.AT``, which the child begins at."""
SERVICES = ("manim", "revideo", "orchestrator")


def first_state() -> dict[str, Any]:
    """What ``state_of`` makes of a busy installation: fifty jobs, three services, tonight's stages."""
    job = {
        "id": "0" * 36,
        "seq": 1,
        "job_type": "daily_ca",
        "priority": "high",
        "status": "processing",
        "payload": {"title": "The day"},
        "retry_count": 0,
        "max_retries": 3,
        "created_at": 1.0,
        "progress": 0.0,
    }
    night: dict[str, Any] = {
        "verdict": "ON TRACK",
        "schedule": "nightly",
        "run_date": "2026-11-01",
        "timezone": "Asia/Kolkata",
        "deadline_at": 1.0,
        "job": job,
        "stages": [],
        "note": "",
        "slack_s": 0,
        "prediction": {"p50_at": 0, "p90_at": 0},
    }
    nightly = {"name": "nightly", "job_type": "daily_ca", "cron": "0 3 * * *", "timezone": "Asia/Kolkata"}
    return {
        "tonight": night,
        "depth": {"by_status": {"queued": 0, "processing": 1}},
        "services": [
            {"service": name, "url": f"http://127.0.0.1:{n}", "state": "up", "latencies_ms": [], "consecutive": 1}
            for n, name in enumerate(SERVICES)
        ],
        "jobs": [job | {"id": f"{n:032x}", "seq": n, "status": "completed"} for n in range(50)],
        "jobs_at": 0,
        "schedules": [{"definition": nightly}],
        "daemon": {"id": "d", "kind": "serve", "host": "h", "pid": 1, "started_at": 1.0, "alive": True},
    }


def probed_again(one: dict[str, Any], at: datetime, rng: random.Random) -> dict[str, Any]:
    latency = round(rng.lognormvariate(3, 0.6), 3)
    probe = {"service": one["service"], "at": at.timestamp(), "ok": True, "latency_ms": latency}
    latencies = [*one["latencies_ms"][-29:], latency]
    return {**one, "consecutive": one["consecutive"] + 1, "last_probe": probe, "latencies_ms": latencies}


def a_day(writer: RecordingWriter, state: dict[str, Any], day: datetime, rng: random.Random) -> dict[str, Any]:
    """One day in the recording: what changes is copied, what does not is shared."""
    for second in range(0, 86_400, 15):
        at = day + timedelta(seconds=second)
        stamp = at.timestamp()
        services = [probed_again(one, at, rng) for one in state["services"]]
        state = {**state, "services": services}
        if second % 300 == 0:  # a job every five minutes
            number = int(stamp) // 300
            fresh = {**state["jobs"][0], "id": f"{rng.getrandbits(128):032x}", "seq": number, "created_at": stamp}
            state = {**state, "jobs": [fresh, *state["jobs"][:49]], "jobs_at": int(stamp)}
            state["depth"] = {"by_status": {"queued": rng.randrange(4), "completed": number}}
        marks = [Mark(at, MarkKind.VERDICT, "ON TRACK", "ON TRACK")] if second % 43_200 == 0 else []
        writer.write(at, state, marks)
        if second < RENDER_S:
            for more in range(1, 15):
                night = copy.copy(state["tonight"])
                done = (second + more) / RENDER_S
                night["job"] = {**night["job"], "progress": round(done, 3), "stage": f"stage {int(done * 7)}"}
                night["prediction"] = {"p50_at": stamp + rng.randrange(9), "p90_at": stamp + rng.randrange(30)}
                state = {**state, "tonight": night}
                writer.write(at + timedelta(seconds=more), state)
    return state


def test_thirty_days_at_one_second_fit_into_fifty_megabytes(tmp_path: Path) -> None:
    path, rng = tmp_path / "recording.db", random.Random(7)
    state, biggest = first_state(), 0
    with RecordingWriter(path) as writer:
        for day in range(DAYS):
            state = a_day(writer, state, START + timedelta(days=day), rng)
            biggest = max(biggest, size_of(path))
    print(f"\n{DAYS} days: {biggest / 1e6:.1f} MB")  # noqa: T201 - the figure of the long form
    assert biggest <= LIMIT_BYTES
    log_and_index = 1_200_000
    assert (biggest - log_and_index) / DAYS * 30 + log_and_index <= LIMIT_BYTES * 0.8, (
        "thirty such days would be thinned"
    )
    reader = RecordingReader(path)
    try:
        info = reader.info()
        assert info.began == START
        past = reader.at(START + timedelta(hours=12, seconds=20))
        assert past.snapshot.tonight.verdict is Verdict.ON_TRACK
        assert not past.coarse
        probe = past.snapshot.services[0].last_probe
        assert probe is not None
        assert probe.at == START + timedelta(hours=12, seconds=15)
    finally:
        reader.close()


CHILD = """
import sys
from datetime import timedelta
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from recording_world import AT, night_snapshot, probed
from scheduler.recording.state import state_of
from scheduler.recording.writer import RecordingWriter
writer, n = RecordingWriter(Path(sys.argv[1])), 0
while True:
    n += 1
    at = AT + timedelta(seconds=n)
    writer.write(at, state_of(probed(night_snapshot(at), at, float(n)), writer.state))
    print(n, flush=True)
"""


def test_kill_9_leaves_a_recording_that_is_read_and_written_on(tmp_path: Path) -> None:
    path, unit = tmp_path / "recording.db", Path(__file__).parents[1] / "unit"
    written = 0
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(path), str(unit)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) >= written + 150:
                break
        child.send_signal(signal.SIGKILL)
        tail = child.stdout.read().split()
        child.wait(10)
        child.stdout.close()
        written = int(tail[-1]) if tail else written + 150
        reader = RecordingReader(path)
        for n in (1, written // 2, written):
            probe = reader.at(AT + timedelta(seconds=n)).snapshot.services[0].last_probe
            assert probe is not None
            assert probe.latency_ms == n
        reader.close()
    with RecordingWriter(path) as writer:
        assert writer.write(AT + timedelta(days=1), {"tonight": {}, "jobs_at": 0})
