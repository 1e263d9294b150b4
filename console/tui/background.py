"""Calls that may block, off the event loop, without keeping the program from ending."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    """One daemon thread that does calls one after another.

    An executor of the standard library would be waited for when the program ends: a database that is locked would then
    hold up the quit by its whole time-out.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def run(self, call: Callable[[], T]) -> T:
        """Do ``call`` on the thread; its result, or what it raises."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001 - it is handed to the caller, whatever it is
                _settle(loop, future, error=error)
            else:
                _settle(loop, future, result=result)

        self._calls.put(work)
        return await future

    def close(self) -> None:
        """Let the thread end after the call it is in; nothing waits for it."""
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


def _settle(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Any],
    *,
    result: Any = None,
    error: BaseException | None = None,
) -> None:
    def settle() -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    with suppress(RuntimeError):  # the loop is closed: the program is ending and nobody waits
        loop.call_soon_threadsafe(settle)
