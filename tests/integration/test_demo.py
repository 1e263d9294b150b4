"""The demo as a person runs it, with services that fail in three ways at once."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import av

from scheduler.domain.fingerprint import shape

PREDAWN = [sys.executable, "-m", "console.cli.main"]


def free_base() -> int:
    """A port with four free ones after it."""
    for base in range(20_000, 40_000, 10):
        try:
            for port in range(base, base + 5):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return base
    raise AssertionError("no free ports")


def predawn(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREDAWN_")}
    return subprocess.run(
        [*PREDAWN, *arguments],
        env=kept | {"PREDAWN_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


def test_with_every_service_failing_there_is_still_a_video_and_the_logs_tell_why(tmp_path: Path) -> None:
    faults = [f"--fault={fault}" for fault in ("manim=down", "revideo=hang", "tts=down")]
    done = predawn(tmp_path, "demo", "--headless", "--port-base", str(free_base()), *faults)
    assert done.returncode == 0, done.stderr
    told = [shape(line) for line in done.stderr.splitlines() if "UNAVAILABLE" in line or "TIMEOUT" in line]
    assert told
    assert len(set(told)) == len(told), "the same failure is told once"
    path = Path(done.stdout.splitlines()[-1])
    with av.open(path) as video:
        kinds = {stream.type: stream.codec_context.name for stream in video.streams}
    assert kinds == {"video": "h264", "audio": "aac", "subtitle": "mov_text"}
    home = tmp_path / "demo"  # never the home itself: it may belong to an installation that works
    (job,) = json.loads(predawn(home, "jobs", "list", "--json").stdout)["items"]
    assert job["status"] == "completed"
    assert job["degraded"]
    logs = json.loads(predawn(home, "logs", job["id"][:8], "--json").stdout)["items"]
    made = {(a["stage"], a["provider"]) for a in logs if a["status"] == "completed"}
    assert {("manim", "static-cards"), ("tts", "espeak"), ("revideo", "local-composer")} <= made
    # What hangs is found out by the call or, sooner, by the prober; either way the log says so.
    failed = {a["provider"] for a in logs if a["status"] == "failed" and a["error_class"] in {"UNAVAILABLE", "TIMEOUT"}}
    assert failed == {"manim-api", "a4f", "cached-audio", "revideo-api"}
    assert predawn(home, "status").returncode == 0


def test_a_taken_port_is_named_with_the_way_out(tmp_path: Path) -> None:
    base = free_base()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", base + 1))
        taken.listen()
        done = predawn(tmp_path, "demo", "--headless", "--port-base", str(base))
    assert done.returncode == 1
    assert f"port {base + 1}" in done.stderr
    assert "--port-base" in done.stderr


def test_a_fault_that_there_is_not_is_refused_before_anything_starts(tmp_path: Path) -> None:
    done = predawn(tmp_path, "demo", "--headless", "--fault", "manim=sulking")
    assert done.returncode == 2
    assert "sulking" in done.stderr
    assert not list(tmp_path.rglob("*.db"))
