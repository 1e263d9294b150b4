"""The embedded dispatcher: hears of other processes' writes by polling the number that changes with each commit.

One thread of its own polls (``PRAGMA data_version``: microseconds); the event loop is woken only when the number has
changed. So an idle worker costs next to nothing, and a job that another process queued is seen within one poll.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable

import structlog

from scheduler.ports.dispatcher import Hands
from scheduler.ports.store import StoreError, StoreReplacedError

log = structlog.get_logger("predawn.dispatcher")

RETRY_S = 1.0
"""Seconds between polls of a database that is in trouble."""
LOOK_ANYWAY_S = 5.0
"""Seconds after which the worker looks although nothing was heard."""


class EmbeddedDispatcher:
    """Lets the worker look whenever anyone has written.

    Args:
        version: the number that changes with each commit (``JobStore.data_version``); called in a thread.
        poll_s: seconds between polls.
    """

    def __init__(self, version: Callable[[], int], *, poll_s: float) -> None:
        self._version = version
        self._poll_s = poll_s
        self._hands: Hands | None = None

    def wake(self) -> None:
        """Let the worker look now."""
        if self._hands is not None:
            self._hands.look()

    async def run(self, hands: Hands, stop: asyncio.Event) -> None:
        """Let the worker look at each change until ``stop`` is set.

        Raises:
            StoreReplacedError: the database's file is no longer the one that was opened.
        """
        self._hands = hands
        done, loop = threading.Event(), asyncio.get_running_loop()
        lost: asyncio.Future[None] = loop.create_future()
        watcher = threading.Thread(target=self._watch, args=(loop, hands, done, lost), name="dispatcher", daemon=True)
        stopping = asyncio.create_task(stop.wait())
        hands.look()
        watcher.start()
        try:
            while not stop.is_set():
                await asyncio.wait({stopping, lost}, timeout=LOOK_ANYWAY_S, return_when=asyncio.FIRST_COMPLETED)
                if lost.done():
                    lost.result()
                hands.look()
        finally:
            self._hands = None
            stopping.cancel()
            done.set()
            await asyncio.to_thread(watcher.join, RETRY_S)

    def _watch(
        self, loop: asyncio.AbstractEventLoop, hands: Hands, done: threading.Event, lost: asyncio.Future[None]
    ) -> None:
        seen: int | None = None
        failing = False
        while not done.wait(RETRY_S if failing else self._poll_s):
            try:
                version = self._version()
            except StoreReplacedError as error:
                with contextlib.suppress(RuntimeError):  # the loop was closed under us
                    loop.call_soon_threadsafe(lost.set_exception, error)
                return
            except StoreError as error:
                if not failing:
                    log.warning("the database cannot be watched; trying again", error=str(error))
                failing = True
                continue
            changed = version != seen or failing
            seen, failing = version, False
            if changed:
                try:
                    loop.call_soon_threadsafe(hands.look)
                except RuntimeError:  # the loop was closed under us: there is nobody left to wake
                    return
