"""The terminal driver: Textual's own, made to end when its terminal goes away.

Textual 8 spins at full load on a hung-up terminal, blocks its event loop once nobody takes its output, and ends with a
traceback when a terminal sends bytes that are no UTF-8 (legacy mouse reports after tmux attaches again).
"""

from __future__ import annotations

import select
from typing import IO, TYPE_CHECKING, Any, cast

from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.app import App


class _Terminal:
    """The output while there is a terminal; afterwards what is written is thrown away, so that nobody waits."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.gone = False

    def write(self, text: str) -> int:
        if not self.gone:
            try:
                return self._file.write(text)
            except (OSError, ValueError):
                self.gone = True
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
        self._terminal = _Terminal(cast("IO[str]", self._file))
        self._file = cast("Any", self._terminal)
        self._input_gone = False

    @property
    def terminal_gone(self) -> bool:
        """Whether the terminal has been closed: nothing will ever be read from it or written to it again."""
        return self._input_gone or self._terminal.gone or self._hung_up()

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
