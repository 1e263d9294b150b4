"""The pictures of docs/ and the text cast, made anew: a night with a slow service, recorded from the real program.

``python -m benchmarks.pictures`` (about five minutes) runs ``predawn demo --fault manim=slow:300`` in a pseudo-terminal
of its own, presses keys as an operator would, and writes docs/images/console*.svg (the program's own export) and
docs/console.cast (asciicast 2; long waits play eight times as fast).
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from scheduler.domain.recording import Past
from scheduler.domain.snapshot import StageState
from scheduler.ports.recording import RecordingError
from scheduler.recording.reader import RecordingReader

ROOT = Path(__file__).parents[1]
COLUMNS, ROWS = 120, 36
FAULT = "manim=slow:300"
PATIENCE_S = 420.0
FAST = 8.0
"""How many times as fast waits are played."""
HOME = Path(tempfile.gettempdir()) / "predawn"
"""Stands in the pictures (the path of the video), so it is a plain one."""
NOTICE_S = 14.0
"""Seconds after which a notice has gone."""
FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
ASKED, ANSWER = b"\x1b[6n", b"\x1b[1;1R"


class Recorder:
    """The program in a pseudo-terminal; what it writes is kept with its time."""

    def __init__(self, home: Path) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        environment = {**os.environ, "PREDAWN_HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        for outranking in ("NO_COLOR", "COLUMNS", "LINES"):
            environment.pop(outranking, None)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "console.cli.main", "demo", "--fault", FAULT],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=environment,
            cwd=ROOT,
        )
        os.close(slave)
        self.events: list[tuple[float, str]] = []
        self.recording = True
        self.speed = 1.0
        self._at = 0.0
        self._last = time.monotonic()
        self._rest = b""

    def watch(self, seconds: float) -> None:
        """Take what is written in the next seconds, and answer as a terminal that keeps up."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self._master], [], [], left)[0]:
                break
            try:
                piece = os.read(self._master, 65536)
            except OSError:  # the program has ended
                return
            for _ in range(piece.count(ASKED)):
                os.write(self._master, ANSWER)
            self._keep(piece)

    def _keep(self, piece: bytes) -> None:
        now = time.monotonic()
        self._at += (now - self._last) / self.speed if self.recording else 0.0
        self._last = now
        whole = self._rest + piece
        text = whole.decode("utf-8", "ignore")
        self._rest = whole[len(text.encode()) :] if len(text.encode()) < len(whole) else b""
        if self.recording and text:
            self.events.append((round(self._at, 3), text.replace("\x1b[6n", "")))

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Watch until something is so."""
        self.speed = FAST
        end = time.monotonic() + PATIENCE_S
        while not holds():
            if time.monotonic() > end or self._process.poll() is not None:
                raise SystemExit(f"{what}: it never came to that")
            self.watch(0.5)
        self.speed = 1.0
        print(what)

    def press(self, keys: str, seconds: float = 1.2) -> None:
        """Type, and look at what comes of it."""
        os.write(self._master, keys.encode())
        self.watch(seconds)

    def picture(self, path: Path, *, put_away: bool = True) -> None:
        """Let the program write what it shows; that is not in the cast.

        ``put_away``: escape puts the notice away that tells of it; where escape means more, it is waited for instead.
        """
        path.unlink(missing_ok=True)
        before, self.recording = self.recording, False
        self.press("E")
        self.press("\x15")
        self.press(f"{path}\r", 2.0)
        if put_away:
            self.press("\x1b")
        else:
            self.watch(NOTICE_S)
        if not path.exists():
            raise SystemExit(f"{path} was not written")
        path.write_text(FONT.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")
        path.chmod(0o644)
        if before:
            self.show()
        print(path.name)

    def show(self) -> None:
        """Go on with the cast, from the whole screen."""
        self.recording = True
        self.press("\x0c", 0.5)

    def end(self) -> None:
        """Leave the console."""
        self.press("q", 3.0)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            self._process.wait(30)

    def write(self, path: Path) -> None:
        """The cast: a line with what it is, and a line for each piece that was written."""
        head = {
            "version": 2,
            "width": COLUMNS,
            "height": ROWS,
            "title": f"A night on which a service is too slow: predawn demo --fault {FAULT}",
            "env": {"TERM": "xterm-256color"},
        }
        lines = [json.dumps(head), *(json.dumps([at, "o", text], ensure_ascii=False) for at, text in self.events)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


class Night:
    """What the daemon's own recording says of the night."""

    def __init__(self, home: Path) -> None:
        self._reader = RecordingReader(home / "demo" / "recording.db")

    def _now(self) -> Past | None:
        try:
            return self._reader.at(datetime.now(UTC))
        except RecordingError:
            return None

    def says(self, verdict: str) -> bool:
        """Whether this is the verdict."""
        now = self._now()
        return now is not None and now.snapshot.tonight.verdict.value == verdict

    def renders(self) -> bool:
        """Whether a stage runs."""
        now = self._now()
        return now is not None and any(one.state == StageState.RUNNING for one in now.snapshot.tonight.stages)

    def fell_back(self) -> bool:
        """Whether a fallback was taken."""
        now = self._now()
        stages = () if now is None else now.snapshot.tonight.stages
        return any(call.fallback_position for stage in stages for call in stage.attempts)


SCREENS = {"2": "jobs", "3": "schedule", "4": "services", "5": "metrics", "6": "alerts", "7": "logs", "8": "audit"}


def film(home: Path, images: Path) -> Recorder:
    """The night, with a look at every screen."""
    program, night = Recorder(home), Night(home)
    program.until(night.renders, "the render has begun")
    program.watch(12)
    program.picture(images / "console-on-track.svg")
    program.until(lambda: night.says("AT RISK"), "AT RISK: the service answers too late")
    program.watch(4)
    program.picture(images / "console-at-risk.svg")
    program.until(night.fell_back, "the fallback makes the pictures")
    program.watch(6)
    program.picture(images / "console.svg")
    program.press("6", 2)
    program.picture(images / "console-alerts.svg")
    program.press("a", 2)
    program.press("1", 1)
    program.until(lambda: night.says("READY"), "READY")
    program.watch(4)
    program.picture(images / "console-ready.svg")
    program.recording = False
    for key, name in SCREENS.items():
        program.press(key, 2)
        if name != "alerts":
            program.picture(images / f"console-{name}.svg")
    program.press("2", 1)
    program.press("\r", 2)
    program.picture(images / "console-detail.svg", put_away=False)
    program.press("\x1b", 1)
    program.show()
    program.press("c", 3)
    program.press("\x1b", 1)
    program.press("1", 1)
    program.press("{", 2)
    program.press("{", 2)
    program.press("{", 2)
    program.picture(images / "console-past.svg")
    program.press("\x1b", 1)
    program.end()
    return program


def main() -> None:
    """Make all of them."""
    if HOME.exists():
        raise SystemExit(f"{HOME} is there: take it away first")
    try:
        film(HOME, ROOT / "docs" / "images").write(ROOT / "docs" / "console.cast")
    finally:
        shutil.rmtree(HOME, ignore_errors=True)


if __name__ == "__main__":
    main()
