"""A terminal for measuring: a pseudo-terminal whose other side is read at a given speed, drawn, and answered for."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil
import pyte

_ASKED = b"\x1b[6n"
_PIECE = 256


@dataclass(frozen=True, slots=True)
class Use:
    """What a program has used in a span of time: bytes a second, share of a core, resident bytes at its end."""

    bytes_per_s: float
    cpu: float
    rss: int


class MeasuredTerminal:
    """A program in a terminal.

    Args:
        command: the program.
        size: columns and rows.
        environment: beside our own.
        bytes_per_s: how fast the other side takes what is written; None: at once.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        size: tuple[int, int] = (160, 48),
        environment: Mapping[str, str] | None = None,
        bytes_per_s: float | None = None,
    ) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self.screen)
        self._speed = bytes_per_s
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.received = 0
        self._ends = False
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            list(command),
            stdin=slave,
            stdout=slave,
            stderr=slave,  # Textual draws there
            start_new_session=True,
            env={**os.environ, "COLUMNS": "", "LINES": "", "TERM": "xterm-256color", "COLORTERM": "truecolor"}
            | dict(environment or {}),
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        tail = b""
        while not self._ends:
            if not select.select([self.master], [], [], 0.1)[0]:
                continue
            try:
                piece = os.read(self.master, 65536 if self._speed is None else _PIECE)
            except OSError:
                return
            if not piece:
                return
            if self._speed is not None:
                time.sleep(len(piece) / self._speed)  # this is the link, not a wait for luck
            with self.changed:
                self.received += len(piece)
                self._stream.feed(piece)
                self.changed.notify_all()
            tail += piece
            for _ in range(tail.count(_ASKED)):
                self.send(b"\x1b[1;1R")
            tail = tail[tail.rfind(_ASKED) + len(_ASKED) :] if _ASKED in tail else tail[-len(_ASKED) :]

    def send(self, keys: bytes) -> None:
        """Type."""
        with suppress(OSError):
            os.write(self.master, keys)

    def lines(self) -> list[str]:
        """What stands on the screen."""
        with self.lock:
            return list(self.screen.display)

    def wait(self, shown: Callable[[Sequence[str]], bool], timeout_s: float = 60.0) -> float:
        """Seconds until the screen is so.

        Raises:
            TimeoutError: it never was.
        """
        begun = time.monotonic()
        with self.changed:
            while not shown(self.screen.display):
                left = timeout_s - (time.monotonic() - begun)
                if left <= 0 or self.process.poll() is not None:
                    raise TimeoutError("\n".join(self.screen.display))
                self.changed.wait(min(left, 0.5))
            return time.monotonic() - begun

    def use(self, seconds: float) -> Use:
        """What the program uses in the next seconds."""
        process = psutil.Process(self.process.pid)
        before, cpu = self.received, process.cpu_times()
        time.sleep(seconds)
        after = process.cpu_times()
        spent = (after.user + after.system) - (cpu.user + cpu.system)
        return Use((self.received - before) / seconds, spent / seconds, process.memory_info().rss)

    def close(self) -> None:
        """End the program and the terminal."""
        self.send(b"q")
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(5)
        self._ends = True
        self._reader.join(2)
        os.close(self.master)
