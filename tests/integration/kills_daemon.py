"""``predawn worker``, which kills itself with SIGKILL at one exact point of a render: ``kills_daemon.py STAGE POINT``.

The process, its worker and its pipeline are the real ones. Only the store is watched, so that the kill comes between
two given writes and not somewhere near them.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from config.settings import Settings
from console.bootstrap import daemon
from scheduler.domain.render import StageName
from scheduler.ports.store import Store

POINTS = ("at its start", "inside", "done but not kept", "after its checkpoint")
RENDERING_S = 0.3
"""Seconds from the row of a call until its child process is at work."""


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def watched(store: Any, stage: StageName, point: str) -> Store:
    """The store, deadly at one point of one stage."""
    start_attempt, save_checkpoint = store.start_attempt, store.save_checkpoint

    def starting(attempt: Any) -> None:
        if attempt.stage is stage and point == "at its start":
            die()
        start_attempt(attempt)
        if attempt.stage is stage and point == "inside":
            match stage:
                case StageName.REVIDEO | StageName.VERIFY:
                    threading.Timer(RENDERING_S, die).start()
                case StageName.MANIM | StageName.TTS:
                    """With its first part."""
                case _:
                    die()

    def keeping(lease: Any, checkpoint: Any, *, lease_s: float, attempt: Any = None) -> bool:
        ours, whole = checkpoint.stage is stage, not checkpoint.part
        if ours and whole and point == "done but not kept":
            die()
        kept = save_checkpoint(lease, checkpoint, lease_s=lease_s, attempt=attempt)
        if ours and point == ("after its checkpoint" if whole else "inside"):
            die()
        return kept

    store.start_attempt, store.save_checkpoint = starting, keeping
    return store


def main(stage: StageName, point: str) -> None:
    if point not in POINTS:
        raise ValueError(f"{point}: one of {', '.join(POINTS)}")
    opened = daemon.open_installation_store

    def open_watched(settings: Settings) -> Store:
        return watched(opened(settings), stage, point)

    daemon.open_installation_store = open_watched
    from console.cli.main import main as predawn  # noqa: PLC0415 - it must find the watched store

    sys.argv = ["predawn", "worker"]
    predawn()


if __name__ == "__main__":
    main(StageName(sys.argv[1]), sys.argv[2])
