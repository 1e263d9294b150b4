"""The child's side: read one request, do it, say what came out.

Each call is a module of ``calls``, imported when it is asked for: a child starts quickly.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from integrations.media import wire
from integrations.media.files import discard
from scheduler.domain.failure import FailureClass, StageFailure

NICENESS = 5
"""Rendering gives way to the daemon: its heartbeats keep the lease."""
CALLS = frozenset({"card_clip", "speak", "silence", "compose", "add_captions", "probe"})
ORPHANED = 3
"""Exit code after the parent has gone."""


def main() -> int:
    """Serve one request from standard input."""
    answers = _take_over_stdout()
    request: dict[str, Any] = json.loads(sys.stdin.buffer.readline() or b"{}")
    if not request:
        return ORPHANED
    threading.Thread(target=_end_with_parent, args=(request,), daemon=True).start()
    with contextlib.suppress(OSError):
        os.nice(NICENESS)

    def say(message: Mapping[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    def progress(fraction: float, text: str) -> None:
        say({"progress": [round(fraction, 4), text]})

    try:
        say({"result": _serve(request, progress)})
    except StageFailure as failure:
        say({"failure": wire.failure_to_json(failure)})
    except OSError as error:
        failure = StageFailure(f"{request['call']}: {error}", kind=FailureClass.UNKNOWN, retryable=True)
        say({"failure": wire.failure_to_json(failure)})
    return 0


def _serve(request: Mapping[str, Any], progress: Callable[[float, str], None]) -> dict[str, Any]:
    if request["call"] not in CALLS:
        raise StageFailure.invalid_input(f"no such call: {request['call']}")
    module: Any = importlib.import_module(f"integrations.media.calls.{request['call']}")
    return module.serve(request, progress)


def _take_over_stdout() -> IO[str]:
    """Keep standard output for answers: what a library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _end_with_parent(request: Mapping[str, Any]) -> None:
    """Standard input ends when the parent does, however it died: leave nothing behind and go."""
    while os.read(0, 4096):
        pass
    if request["out"] is not None:
        with contextlib.suppress(OSError):
            discard(Path(request["out"]).parent, request["token"])
    os._exit(ORPHANED)
