"""The real program in tmux: started, driven and read as an operator does, over a real database."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_console_terminal import without_size

from scheduler.domain.job import JobSpec
from scheduler.store import open_store

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux here")


class Tmux:
    """A tmux server of our own with one window."""

    def __init__(self, folder: Path, size: tuple[int, int]) -> None:
        self._socket = str(folder / "tmux")
        command = f"{sys.executable} -m console.cli.main console; echo ended $?; sleep 60"
        environment = {**without_size(os.environ), "PREDAWN_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
        self._run(
            "-f", "/dev/null", "new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), command, env=environment
        )

    def _run(self, *arguments: str, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._socket, *arguments], capture_output=True, text=True, check=True, env=env, cwd=ROOT
        )
        return done.stdout

    def keys(self, *names: str) -> None:
        self._run("send-keys", *names)

    def type(self, text: str) -> None:
        """All of it in one go, as over a slow line."""
        self._run("send-keys", "-l", text)

    def text(self) -> str:
        return self._run("capture-pane", "-p")

    def shows(self, *words: str) -> str:
        return self.wait(lambda text: all(word in text for word in words), " and ".join(words))

    def wait(self, holds: Callable[[str], bool], what: str) -> str:
        end = time.monotonic() + PATIENCE_S
        while not holds(text := self.text()):
            assert time.monotonic() < end, f"{what} never stood in\n{text}"
            time.sleep(0.1)
        return text

    def resize(self, columns: int, rows: int) -> None:
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    def close(self) -> None:
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True, check=False)


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    home = tmp_path / "home"
    home.mkdir()
    store = open_store(f"sqlite:///{home / 'predawn.db'}")
    store.enqueue_many([JobSpec("doubt" if n % 3 else "daily_ca", {"n": n}) for n in range(40)])
    store.close()
    opened = Tmux(tmp_path, (80, 24))
    yield opened
    opened.close()


def test_the_console_is_started_driven_and_read_in_tmux(tmux: Tmux) -> None:
    tmux.shows("IDLE", "no daemon", "40 queued")
    tmux.keys("2")
    tmux.shows("40 jobs  row 1", "newest first")
    tmux.keys("j", "j", "PageDown")
    tmux.wait(lambda text: "row 1 " not in text, "another row")
    tmux.type("/type:daily_ca")
    tmux.shows("filter type:daily_ca  14 jobs")
    tmux.keys("Enter")
    tmux.keys("c")
    tmux.shows("Stop this job?", "daily_ca · queued", "Cancel")
    tmux.keys("Right", "Enter")
    tmux.shows("is cancelled", "u undoes it", "1 cancelled")
    tmux.keys("u")
    tmux.shows("is queued again", "0 cancelled")
    tmux.resize(60, 20)
    tmux.shows("14 jobs")
    tmux.resize(160, 48)
    tmux.keys("Enter")
    tmux.shows("Attempts (0)", "Payload")
    tmux.keys("Escape")  # by itself: escape and a letter in one go are alt and the letter
    tmux.shows("14 jobs", "newest first")
    tmux.keys("q")
    tmux.shows("ended 0")
