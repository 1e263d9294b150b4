"""The terminal driver: Textual's own, made to end when its terminal goes away.

Textual 8 spins at full load on a hung-up terminal, blocks its event loop once nobody takes its output, and ends with a
traceback when a terminal sends bytes that are no UTF-8 (legacy mouse reports after tmux attaches again).
"""

from __future__ import annotations

import select
import time
from typing import IO, TYPE_CHECKING, Any, cast

from textual import events
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from console.tui.canvas import Canvas
from console.tui.link import ASK, Link
from console.tui.pen import RESET, Pen

if TYPE_CHECKING:
    from textual.app import App


_HOME = "\x1b[1;1H"
LAST_ANSWER_S = 0.5
"""Seconds for which an open question to the terminal is waited for at the end."""


def size_of(text: str) -> int:
    """Bytes of a text as it is sent."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


class _Terminal:
    """The output while there is a terminal; afterwards what is written is thrown away, so that nobody waits."""

    def __init__(self, file: IO[str], link: Link) -> None:
        self._file = file
        self._link = link
        self.gone = False

    def write(self, text: str) -> int:
        if not self.gone:
            begun = time.monotonic()
            try:
                self._file.write(text)
                self._file.flush()
            except (OSError, ValueError):
                self.gone = True
            self._link.written(size_of(text), time.monotonic() - begun)
        return len(text)

    def flush(self) -> None:
        if not self.gone:
            try:
                self._file.flush()
            except (OSError, ValueError):
                self.gone = True

    def fileno(self) -> int:
        return self._file.fileno()


class ConsoleDriver(LinuxDriver):
    """Knows when its terminal is gone, and outlives bytes that are no text."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)  # pyright: ignore[reportUnknownMemberType] - Textual's
        self.link = Link(time.monotonic)
        self._terminal = _Terminal(cast("IO[str]", self._file), self.link)
        self._file = cast("Any", self._terminal)
        self._input_gone = False
        self.pen = Pen()
        self.canvas = Canvas(self.pen)

    @property
    def terminal_gone(self) -> bool:
        """Whether the terminal has been closed: nothing will ever be read from it or written to it again."""
        return self._input_gone or self._terminal.gone or self._hung_up()

    def write(self, data: str) -> None:
        """Send to the terminal, and ask it now and then how far it is.

        The cursor is hidden: that Textual puts it in the corner behind each frame is left out.
        """
        data = data.removesuffix(_HOME)
        self.pen.other(data)
        super().write(data + ASK if self.link.sending(size_of(data)) else data)

    def process_message(self, message: Message) -> None:
        """The terminal's answer is for the link; everything else goes on to the app."""
        if not (isinstance(message, events.CursorPosition) and self.link.answered()):
            super().process_message(message)

    def disable_input(self) -> None:
        """Wait a moment for an answer that is under way: the shell would take it for typing."""
        if not self.terminal_gone:
            self.link.quiet.wait(LAST_ANSWER_S)
        super().disable_input()

    def stop_application_mode(self) -> None:
        """Leave the terminal with its own colours."""
        self.write(RESET)
        self.canvas.lost()
        super().stop_application_mode()

    def _hung_up(self) -> bool:
        poller = select.poll()
        poller.register(self.fileno, 0)
        return any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in poller.poll(0))

    def _run_input_thread(self) -> None:
        while not self.exit_event.is_set():
            try:
                self.run_input_thread()
            except UnicodeDecodeError:
                continue
            except OSError:
                self._input_gone = True
            return
