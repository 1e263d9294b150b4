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
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pyte
import pytest

HERE = Path(__file__).parent
QUIET_BYTES_PER_S = 50
"""Budget while nothing changes but the clock."""
BUSY_BYTES_PER_S = 1500
"""Budget while a render runs: times and a bar grow."""

SLOW_BYTES_PER_S = 20_000.0
LATEST_S = 4.0
"""Seconds until a slow line is quiet again; a screen of 80x24 takes 0.3 s of it, a busy machine may take more."""

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


def without_size(environment: Mapping[str, str]) -> dict[str, str]:
    """Without the size of the terminal that the tests run in: it would outrank that of the pseudo-terminal."""
    return {name: value for name, value in environment.items() if name not in {"COLUMNS", "LINES"}}


class Terminal:
    """A pseudo-terminal with the console in it."""

    def __init__(
        self,
        *,
        busy: bool = False,
        ignore_hangup: bool = False,
        program: str | None = None,
        size: tuple[int, int] = (80, 24),
        **environment: str,
    ) -> None:
        self.master, slave = pty.openpty()
        self.size = size
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._fed = 0
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        program = program or PROGRAM.format(here=str(HERE), busy=busy)
        if ignore_hangup:
            program = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + program
        self.process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={
                **without_size(os.environ),
                "TERM": "xterm-256color",
                "PYTHONPATH": str(HERE.parents[1]),
                **environment,
            },
            cwd=HERE,
        )
        os.close(slave)
        self.seen = b""
        self.taken = self.answered = 0

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

    def display(self) -> str:
        """What stands on the screen."""
        if self._fed > len(self.seen):
            self._fed = 0
        self._stream.feed(self.seen[self._fed :])
        self._fed = len(self.seen)
        rows = (self._screen.buffer[y] for y in range(self.size[1]))
        return "\n".join("".join(row[x].data for x in range(self.size[0])) for row in rows)

    def shows(self, *words: str) -> str:
        """Read until all of these stand on the screen."""
        end = time.monotonic() + 30
        while not all(word in (shown := self.display()) for word in words):
            assert time.monotonic() < end, f"{words} not in\n{shown}"
            assert self.process.poll() is None, shown
            self.read(0.1)
        return shown

    def drain(self, seconds: float, bytes_per_s: float) -> int:
        """Take what is written, no faster than so, and answer as a terminal that has drawn it; how much it was."""
        end, took = time.monotonic() + seconds, 0
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.master], [], [], left)[0]:
                break
            piece = os.read(self.master, 256)
            took += len(piece)
            self.seen += piece
            time.sleep(len(piece) / bytes_per_s)  # this is the line itself
            asked = self.seen.count(b"\x1b[6n")
            for _ in range(asked - self.answered):
                os.write(self.master, b"\x1b[1;1R")
            self.answered = asked
        self.taken += took
        return took

    def drain_until(self, text: bytes, bytes_per_s: float) -> None:
        """The same until ``text`` has come."""
        end = time.monotonic() + 30
        while text not in self.seen:
            assert time.monotonic() < end, self.seen[-2000:]
            self.drain(0.2, bytes_per_s)

    def drain_quiet(self, bytes_per_s: float) -> float:
        """The same until no more comes than the clock; seconds until then."""
        begun = time.monotonic()
        while self.drain(0.25, bytes_per_s) > 400:
            assert time.monotonic() - begun < 30
        return time.monotonic() - begun

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
    for _ in range(20):  # a machine that is busy with other things is given time
        if written:
            break
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


def test_a_stopped_console_goes_on_where_it_was(terminals: list[Terminal]) -> None:
    terminal = Terminal()
    terminals.append(terminal)
    terminal.wait_for(b"READY")
    terminal.process.send_signal(signal.SIGTSTP)
    terminal.wait_for(b"\x1b[?1049l")  # the shell gets its screen back
    terminal.seen = b""
    terminal.process.send_signal(signal.SIGCONT)
    terminal.wait_for(b"\x1b[?1049h")
    terminal.wait_for(b"READY")
    os.write(terminal.master, b"q")
    terminal.wait_for(b"ended 0")


def test_on_a_slow_line_frames_wait_and_the_newest_is_shown(terminals: list[Terminal]) -> None:
    """The other side takes 20 KB/s and answers when it has drawn: keys that come faster are not queued up as frames."""
    terminal = Terminal(busy=True)
    terminals.append(terminal)
    terminal.drain_until(b"ON TRACK", SLOW_BYTES_PER_S)
    before = terminal.taken
    for _ in range(60):  # three seconds of turning over two screens: some 6 KB each
        os.write(terminal.master, b"2" if _ % 2 else b"1")
        terminal.drain(0.05, SLOW_BYTES_PER_S)
    late = terminal.drain_quiet(SLOW_BYTES_PER_S)
    assert terminal.taken - before < 40 * 6000, "not every frame was sent"
    assert late <= LATEST_S


def test_no_colour_is_sent_when_none_is_wanted(terminals: list[Terminal]) -> None:
    terminal = Terminal(NO_COLOR="1")
    terminals.append(terminal)
    terminal.wait_for(b"READY")
    terminal.read(0.5)
    colours = {piece.split(b"m")[0] for piece in terminal.seen.split(b"38;2;")[1:]}
    assert all(len(set(colour.split(b";")[:3])) == 1 for colour in colours), colours
