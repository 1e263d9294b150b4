"""The parent's side: calls are served by child processes, each one call at a time.

Encoders and eSpeak keep global state and can crash; in a child they can also be killed: how a call is cancelled. A
child that has served a call well waits for the next one while its ``Children`` are open: starting one costs a third of
a second of a processor, as much as looking through a short clip.
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
from types import TracebackType
from typing import Any, Self, cast

from integrations.media import wire
from integrations.media.files import discard
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.ports.media import Progress

ROOT = Path(__file__).resolve().parents[2]
"""The folder the four packages lie in."""
LINE_LIMIT = 4 * 1024 * 1024
STDERR_BYTES = 4000
LINE_END = "\n"
LEAVE_S = 2.0
"""Seconds that an idle child has to go by itself."""
IDLE_S = 20.0
"""Seconds after which a child that has nothing to do is ended."""
HEAVY_MB, HEAVY_IDLE_S = 80, 0.2
"""One that holds more than this is ended sooner: it is good for the next call of a row, and then only takes room."""

LARGE = frozenset({"compose"})
"""Calls that take so much memory that those who have nothing to do go first."""


class _Child:
    """A child process and what it complains about."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin and process.stdout and process.stderr  # noqa: PT018, S101 - they are pipes
        self.process = process
        self.stdin, self.stdout = process.stdin, process.stdout
        self.complaints = bytearray()
        self.listening = asyncio.create_task(_collect(process.stderr, self.complaints))
        self.expiry: asyncio.TimerHandle | None = None

    @classmethod
    async def start(cls) -> _Child:
        return cls(
            await asyncio.create_subprocess_exec(
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
        )

    async def leave(self) -> int:
        """Let it end by itself, as it does when nobody can ask it anything; its exit code."""
        self.stdin.close()
        code = await self.process.wait()
        await self.listening
        return code

    async def dismiss(self) -> None:
        """End it when it has nothing to do."""
        try:
            async with asyncio.timeout(LEAVE_S):
                await self.leave()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """Make sure that it is gone and its pipes are closed."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.stdin.close()
        await self.process.wait()
        await self.listening


class Children:
    """Runs calls in child processes, at most ``processes`` at once.

    As an async context manager it keeps children that are fit for another call, for ``IDLE_S``; otherwise each call has
    a child of its own.
    """

    def __init__(self, processes: int) -> None:
        self._slots = asyncio.Semaphore(processes)
        self._open = 0
        self._idle: list[_Child] = []
        self._ending: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._open += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open -= 1
        if not self._open:
            self._dismiss_idle()
            if self._ending:
                await asyncio.wait(self._ending)

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
        while True:
            waited = bool(self._idle)
            child = self._take() if waited else await _Child.start()
            if request["call"] in LARGE:
                self._dismiss_idle()
            answer: dict[str, Any] | None = None
            try:
                with contextlib.suppress(ConnectionError):  # a child that died at once says why on stderr
                    child.stdin.write(json.dumps(request).encode() + b"\n")
                    await child.stdin.drain()
                answer = await _answer(child.stdout, progress)
                code = 0
                if answer is not None and answer.get("again") is True and self._open:
                    self._keep(child, float(answer.get("held_mb", 0.0)))
                else:
                    code = await child.leave()
            finally:
                if child not in self._idle:
                    await asyncio.shield(child.kill())
            if answer is not None or not waited or child.complaints:
                break
            # It was gone before it was asked (the system needed its memory, say): that tells nothing of this call.
        if answer is None:
            said = child.complaints.decode(errors="replace").strip()
            raise StageFailure(
                f"rendering ({request['call']}) crashed with exit code {code}: {said.rpartition(LINE_END)[2] or '-'}",
                kind=FailureClass.UNKNOWN,
                retryable=True,
                details={"exit_code": code, "stderr": said},
            )
        if "failure" in answer:
            raise wire.failure_from_json(answer["failure"])
        return cast("dict[str, Any]", answer["result"])

    def _keep(self, child: _Child, held_mb: float) -> None:
        """It waits for the next call, for a while."""
        child.complaints.clear()
        idle_s = IDLE_S if held_mb <= HEAVY_MB else min(IDLE_S, HEAVY_IDLE_S)
        child.expiry = asyncio.get_running_loop().call_later(idle_s, self._end, child)
        self._idle.append(child)

    def _take(self) -> _Child:
        """The one that has waited for the shortest time: the others may then grow old and go."""
        child = self._idle.pop()
        if child.expiry is not None:
            child.expiry.cancel()
        return child

    def _dismiss_idle(self) -> None:
        while self._idle:
            self._end(self._idle[0])

    def _end(self, child: _Child) -> None:
        """End a child that waits."""
        self._idle.remove(child)
        if child.expiry is not None:
            child.expiry.cancel()
        ending = asyncio.get_running_loop().create_task(child.dismiss())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


ALLOCATOR = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "3000000", "MALLOC_TRIM_THRESHOLD_": "4000000"}
"""For glibc: what a call has freed goes back to the system. Left to itself it keeps 40 MB of a drawn card, and the
child is then too large to draw the next one."""


def _environment() -> dict[str, str]:
    """Ours, with the packages importable and one numeric thread: two children already fill two cores."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **ALLOCATOR,
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
