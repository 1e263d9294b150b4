"""The walk-through of docs/api.md, run as printed (but for the port) against a daemon that renders by itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from api_world import free_port

from integrations.media.probe import probe

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
PRINTED = re.compile(r"<!-- walk-through: begin.*?-->\n```sh\n(.*?)```\n<!-- walk-through: end -->", re.DOTALL)
PATIENCE_S = 60.0
# An answer that is no success ends the walk: the page shows no mistakes.
STRICT = 'set -euo pipefail\ncurl() { command curl --fail-with-body "$@"; }\n'

pytestmark = [
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
    pytest.mark.timeout(300),
]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def environment(tmp_path: Path, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREDAWN_")}
    off = {f"PREDAWN_SERVICES__{name}__ENABLED": "false" for name in ("MANIM", "REVIDEO", "ORCHESTRATOR")}
    return (
        kept
        | off
        | {
            "PREDAWN_HOME": str(tmp_path / "home"),
            "PREDAWN_API__PORT": str(port),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
    )


@contextmanager
def running(environment: dict[str, str], port: int, kind: str, status: str) -> Generator[subprocess.Popen[bytes]]:
    """A process of predawn, once its health says this."""
    process = subprocess.Popen(
        [sys.executable, "-m", "console.cli.main", kind], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + PATIENCE_S
        while health(port) != status:
            assert process.poll() is None, "it has ended"
            assert time.monotonic() < until, "it does not answer"
            time.sleep(0.2)
        yield process
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def daemon(environment: dict[str, str], port: int) -> Iterator[None]:
    with running(environment, port, "serve", "healthy"):
        yield


def health(port: int) -> str | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return str(json.load(answer)["status"])
    except urllib.error.HTTPError as error:
        with error:
            return str(json.load(error)["status"])
    except OSError:
        return None


def test_the_api_runs_alone_and_says_that_nobody_works(environment: dict[str, str], port: int) -> None:
    with running(environment, port, "api", "unhealthy") as process:
        process.terminate()
        assert process.wait(30) == 0


@pytest.mark.usefixtures("daemon")
def test_the_walk_through_works_as_printed(environment: dict[str, str], port: int, tmp_path: Path) -> None:
    found = PRINTED.search(PAGE.read_text(encoding="utf-8"))
    assert found is not None
    script = STRICT + found.group(1).replace(":8103", f":{port}")
    done = subprocess.run(
        ["bash", "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert probe(tmp_path / "video.mp4").duration_s > 2
    assert "event: done" in done.stdout
    assert "stage-complete" in done.stdout
    assert '"token.add"' in done.stdout or '"job.rerender"' in done.stdout
