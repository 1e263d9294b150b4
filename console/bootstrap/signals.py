"""How what stays running is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal

FORCED_EXIT = 130
"""Exit code when a second signal ends the process at once."""


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set ``stop`` at SIGTERM or SIGINT; a second signal ends the process at once. Call it on the event loop."""
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(FORCED_EXIT)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
