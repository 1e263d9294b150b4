"""Submissions in groups: what arrives while one transaction is being written goes into the next one together.

A commit costs the disk's sync, whether it holds one job or fifty. Under load this is what makes hundreds of submissions
a second possible; one that comes alone is written at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from scheduler.domain.job import Enqueued
from scheduler.ports.api import HttpOperations, Submission
from scheduler.ports.operations import OperationError
from scheduler.ports.store import StoreUnavailableError

MOST_AT_ONCE = 100
MOST_WAITING = 5_000
"""Submissions that wait to be written; who comes then is told to come again."""

_Waiting = tuple[Submission, "asyncio.Future[Enqueued]"]


class Submits:
    """Writes submissions. Used on one event loop.

    Args:
        operations: where they go, in a thread.
    """

    def __init__(self, operations: HttpOperations) -> None:
        self._operations = operations
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    async def submit(self, submission: Submission) -> Enqueued:
        """Queue a job.

        Raises:
            OperationError: it is not permitted or wrong.
            StoreError: the database cannot take it.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise StoreUnavailableError(f"{MOST_WAITING} submissions are waiting to be written: try again later")
        answer: asyncio.Future[Enqueued] = asyncio.get_running_loop().create_future()
        self._waiting.append((submission, answer))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="submissions")
        # Whoever asked may go away: what is handed in is written all the same.
        return await asyncio.shield(answer)

    async def close(self) -> None:
        """Wait until everything that was handed in is written."""
        if self._writer is not None:
            await self._writer

    async def _one_by_one(self, group: Sequence[_Waiting], error: Exception) -> None:
        """A group that could not be written: one of it may be to blame, and the others must not pay for it."""
        for one, waiting in group:
            if len(group) > 1 and not isinstance(error, StoreUnavailableError):
                try:
                    (answer,) = await asyncio.to_thread(self._operations.submit_many, [one])
                except Exception as own:  # noqa: BLE001 - as above
                    _tell(waiting, own)
                else:
                    _tell(waiting, answer)
            else:
                _tell(waiting, error)

    async def _write(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            try:
                answers = await asyncio.to_thread(self._operations.submit_many, [one for one, _ in group])
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
                await self._one_by_one(group, error)
                continue
            for (_, waiting), answer in zip(group, answers, strict=True):
                _tell(waiting, answer)


def _tell(waiting: asyncio.Future[Enqueued], answer: Enqueued | OperationError | Exception) -> None:
    if waiting.done():
        return
    if isinstance(answer, Enqueued):
        waiting.set_result(answer)
    else:
        waiting.set_exception(answer)
        with contextlib.suppress(asyncio.InvalidStateError):
            waiting.exception()  # nobody may be left to hear of it
