"""The parent's side: each call is a child process of its own.

Encoders and eSpeak keep global state and can crash; in a child they can also be killed: how a call is cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from integrations.media import wire
from integrations.media.files import discard
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.ports.media import Progress

ROOT = Path(__file__).resolve().parents[2]
"""The folder the four packages lie in."""
LINE_LIMIT = 4 * 1024 * 1024
STDERR_BYTES = 4000
LINE_END = "\n"


class Children:
    """Runs calls in child processes, at most ``processes`` at once."""

    def __init__(self, processes: int) -> None:
        self._slots = asyncio.Semaphore(processes)

    async def run(
        self, call: str, arguments: Mapping[str, Any], *, out: Path | None = None, progress: Progress | None = None
    ) -> dict[str, Any]:
        """Do one call; its result.

        When this is cancelled, the child is killed and what it had half-written is removed.

        Args:
            call: its name in ``child.CALLS``.
            arguments: the rest of the request, as JSON.
            out: the absolute path of the file that the child makes; its folder must exist.
            progress: told what the child reports.

        Raises:
            StageFailure: as the child says, or UNKNOWN with the end of its standard error when it crashed.
        """
        token = secrets.token_hex(6)
        request = {"call": call, "token": token, "out": None if out is None else str(out), **arguments}
        async with self._slots:
            done = False
            try:
                result = await self._converse(request, progress)
                done = True
            finally:
                if not done and out is not None:
                    discard(out.parent, token)
        return result

    async def _converse(self, request: Mapping[str, Any], progress: Progress | None) -> dict[str, Any]:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "integrations.media",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=LINE_LIMIT,
            env=_environment(),
        )
        assert child.stdin and child.stdout and child.stderr  # noqa: PT018, S101 - they are pipes
        complaints = bytearray()
        listening = asyncio.create_task(_collect(child.stderr, complaints))
        try:
            with contextlib.suppress(ConnectionError):  # a child that died at once says why on stderr
                child.stdin.write(json.dumps(request).encode() + b"\n")
                await child.stdin.drain()
            answer = await _answer(child.stdout, progress)
            child.stdin.close()
            code = await child.wait()
            await listening
        finally:
            await asyncio.shield(_end(child, listening))
        if answer is None:
            said = complaints.decode(errors="replace").strip()
            raise StageFailure(
                f"rendering ({request['call']}) crashed with exit code {code}: {said.rpartition(LINE_END)[2] or '-'}",
                kind=FailureClass.UNKNOWN,
                retryable=True,
                details={"exit_code": code, "stderr": said},
            )
        if "failure" in answer:
            raise wire.failure_from_json(answer["failure"])
        return cast("dict[str, Any]", answer["result"])


def _environment() -> dict[str, str]:
    """Ours, with the packages importable and one numeric thread: two children already fill two cores."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONIOENCODING": "utf-8",
    }


async def _answer(stdout: asyncio.StreamReader, progress: Progress | None) -> dict[str, Any] | None:
    """The final line of the conversation, or None when the child ended without one."""
    while line := await stdout.readline():
        message = cast("dict[str, Any]", json.loads(line))
        if "progress" not in message:
            return message
        if progress is not None:
            progress(float(message["progress"][0]), str(message["progress"][1]))
    return None


async def _collect(stderr: asyncio.StreamReader, into: bytearray) -> None:
    while chunk := await stderr.read(65536):
        into += chunk
        del into[:-STDERR_BYTES]


async def _end(child: asyncio.subprocess.Process, listening: asyncio.Task[None]) -> None:
    """Make sure that the child is gone and its pipes are closed."""
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    if child.stdin is not None:
        child.stdin.close()
    await child.wait()
    await listening
