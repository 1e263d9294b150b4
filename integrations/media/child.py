"""The child's side: read a request, do it, say what came out; then the next one, until the parent has no more.

Each call is a module of ``calls``, imported when it is asked for: a child starts quickly.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import queue
import resource
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from integrations.media import wire
from integrations.media.files import discard
from integrations.media.memory import give_back
from scheduler.domain.failure import FailureClass, StageFailure

CALLS = frozenset({"card_clip", "speak", "silence", "compose", "add_captions", "probe"})
LEAVES_TRACES = frozenset({"speak"})
"""Calls after which a process is not as it was: what eSpeak NG says depends on what it has said before."""
ORPHANED = 3
"""Exit code after the parent has gone."""
LARGE_MB = 120
"""A child that holds more than this after a call serves no further one: nobody uses what it keeps."""
MEGABYTE = 1024 * 1024

Request = dict[str, Any]


def main() -> int:
    """Serve requests from standard input, one a line, until it ends."""
    answers = _take_over_stdout()
    requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
    working: list[Request] = []

    def say(message: Mapping[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    threading.Thread(target=_listen, args=(requests, working), daemon=True).start()
    while (request := requests.get()) is not None:
        working.append(request)
        answer = _answer(request, say)
        working.clear()
        say(answer)
        if not answer["again"]:
            break
    return 0


def _answer(request: Request, say: Callable[[Mapping[str, Any]], None]) -> dict[str, Any]:
    """Serve one request; its answer says with ``again`` whether this process is fit for another, and what it holds."""

    def progress(fraction: float, text: str) -> None:
        say({"progress": [round(fraction, 4), text]})

    try:
        answer = {"result": _serve(request, progress)}
    except StageFailure as failure:
        answer = {"failure": wire.failure_to_json(failure)}
    except OSError as error:
        failure = StageFailure(f"{request['call']}: {error}", kind=FailureClass.UNKNOWN, retryable=True)
        answer = {"failure": wire.failure_to_json(failure)}
    give_back()
    unchanged = "result" in answer and request["call"] not in LEAVES_TRACES
    held_mb = _memory() / MEGABYTE
    return answer | {"again": unchanged and held_mb < LARGE_MB, "held_mb": round(held_mb, 1)}


def _serve(request: Mapping[str, Any], progress: Callable[[float, str], None]) -> dict[str, Any]:
    if request["call"] not in CALLS:
        raise StageFailure.invalid_input(f"no such call: {request['call']}")
    module: Any = importlib.import_module(f"integrations.media.calls.{request['call']}")
    return module.serve(request, progress)


def _memory() -> int:
    """Bytes this process holds, or its most so far where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        # Not on Linux, where it starts with what the parent held. macOS counts bytes, the BSDs kilobytes.
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
    return pages * os.sysconf("SC_PAGESIZE")


def _take_over_stdout() -> IO[str]:
    """Keep standard output for answers: what a library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _listen(requests: queue.SimpleQueue[Request | None], working: list[Request]) -> None:
    """Hand on what is asked. Standard input ends when the parent does, however it died: leave nothing behind and go.

    It is read by its number: a thread that holds the buffer of ``sys.stdin`` is fatal to an interpreter that ends.
    """
    pending = bytearray()
    while chunk := os.read(0, 65536):
        *lines, rest = (pending + chunk).split(b"\n")
        pending = bytearray(rest)
        for line in lines:
            requests.put(json.loads(line))
    half_done = list(working)
    requests.put(None)
    for request in half_done:
        if request["out"] is not None:
            with contextlib.suppress(OSError):
                discard(Path(request["out"]).parent, request["token"])
    if half_done:
        os._exit(ORPHANED)
