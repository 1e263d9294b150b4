"""The console in a real pseudo-terminal: what it writes while nothing happens, and that it ends with its terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

HERE = Path(__file__).parent
QUIET_BYTES_PER_S = 200
"""Budget while nothing changes but the clock."""
BUSY_BYTES_PER_S = 1500
"""Budget while a render runs: times and a bar grow."""

PROGRAM = """
import sys
sys.path.insert(0, {here!r})
from datetime import UTC, datetime, timedelta
import console_world as world
class Moving:
    start = datetime.now(UTC)
    def now(self): return world.NOW + (datetime.now(UTC) - self.start)
    def monotonic(self): return self.now().timestamp()
night = world.tonight() if {busy!r} else world.ready()
operations = world.FakeOperations(world.snapshot(night, jobs=[] if not {busy!r} else None))
app = world.make_app(operations, clock=Moving(), settings=world.Options(refresh_s=1.0))
app.run()
print("ended", app.return_code)
"""


class Terminal:
    """A pseudo-terminal with the console in it."""

    def __init__(self, *, busy: bool = False, ignore_hangup: bool = False, **environment: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        program = PROGRAM.format(here=str(HERE), busy=busy)
        if ignore_hangup:
            program = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + program
        self.process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(HERE.parents[1]), **environment},
            cwd=HERE,
        )
        os.close(slave)
        self.seen = b""

    def read(self, seconds: float) -> bytes:
        """What is written in the next seconds."""
        got = b""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.master], [], [], left)[0]:
                try:
                    piece = os.read(self.master, 65536)
                except OSError:
                    break
                if not piece:
                    break
                got += piece
        self.seen += got
        return got

    def wait_for(self, text: bytes) -> None:
        """Read until ``text`` has been written."""
        end = time.monotonic() + 20
        while text not in self.seen:
            assert time.monotonic() < end, self.seen[-2000:]
            self.read(0.1)

    def hang_up(self) -> None:
        """The other side of the terminal goes away."""
        os.close(self.master)
        self.master = -1

    def close(self) -> None:
        if self.master >= 0:
            os.close(self.master)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


@pytest.mark.parametrize(("busy", "budget"), [(False, QUIET_BYTES_PER_S), (True, BUSY_BYTES_PER_S)])
def test_little_is_written_while_nothing_but_time_moves(terminals: list[Terminal], busy: bool, budget: int) -> None:
    terminal = Terminal(busy=busy)
    terminals.append(terminal)
    terminal.wait_for(b"ON TRACK" if busy else b"READY")
    terminal.read(1.0)  # the first paints
    seconds = 2.0
    written = terminal.read(seconds)
    assert written, "the clock stands still"
    print(f"busy={busy}: {len(written) / seconds:.0f} B/s")  # noqa: T201 - the figure is wanted when it fails
    assert len(written) / seconds <= budget


@pytest.mark.parametrize("ignore_hangup", [False, True])
def test_a_closed_terminal_ends_the_console(terminals: list[Terminal], ignore_hangup: bool) -> None:
    terminal = Terminal(ignore_hangup=ignore_hangup)
    terminals.append(terminal)
    terminal.wait_for(b"READY")
    terminal.hang_up()
    if not ignore_hangup:
        with suppress(ProcessLookupError):
            terminal.process.send_signal(signal.SIGHUP)
    assert terminal.process.wait(8) is not None


def test_bytes_that_are_no_text_are_outlived_and_q_restores_the_terminal(terminals: list[Terminal]) -> None:
    terminal = Terminal()
    terminals.append(terminal)
    terminal.wait_for(b"READY")
    os.write(terminal.master, b"\x1b[M\xff\xfe\xa0")
    terminal.read(0.5)
    os.write(terminal.master, b"q")
    terminal.wait_for(b"ended 0")
    assert b"\x1b[?1049l" in terminal.seen
    assert b"Traceback" not in terminal.seen
    assert terminal.process.wait(5) == 0


def test_no_colour_is_sent_when_none_is_wanted(terminals: list[Terminal]) -> None:
    terminal = Terminal(NO_COLOR="1")
    terminals.append(terminal)
    terminal.wait_for(b"READY")
    terminal.read(0.5)
    colours = {piece.split(b"m")[0] for piece in terminal.seen.split(b"38;2;")[1:]}
    assert all(len(set(colour.split(b";")[:3])) == 1 for colour in colours), colours
