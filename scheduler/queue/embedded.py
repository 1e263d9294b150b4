"""The embedded dispatcher: hears of other processes' writes by polling the number that changes with each commit.

One thread of its own polls (``PRAGMA data_version``: microseconds); the event loop is woken only when the number has
changed. So an idle worker costs next to nothing, and a job that another process queued is seen within one poll.

PostgreSQL is a round trip away and polled less often; there a second thread listens to what its triggers say.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial

import structlog

from scheduler.ports.dispatcher import Hands
from scheduler.ports.store import StoreError, StoreReplacedError

log = structlog.get_logger("predawn.dispatcher")

RETRY_S = 1.0
"""Seconds between polls of a database that is in trouble."""
LOOK_ANYWAY_S = 5.0
"""Seconds after which the worker looks although nothing was heard."""


Listen = Callable[[Callable[[], object], threading.Event], None]


class EmbeddedDispatcher:
    """Lets the worker look whenever anyone has written.

    Args:
        version: the number that changes with each commit (``JobStore.data_version``); called in a thread.
        poll_s: seconds between polls.
        listen: blocks and calls its first argument when there is something to look for, until its second is set; runs
            in a thread of its own.
    """

    def __init__(self, version: Callable[[], int], *, poll_s: float, listen: Listen | None = None) -> None:
        self._version = version
        self._poll_s = poll_s
        self._listen = listen
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
        threads = [threading.Thread(target=self._watch, args=(loop, hands, done, lost), name="dispatcher", daemon=True)]
        if self._listen is not None:
            heard = partial(_look_from_afar, loop, hands)
            threads.append(threading.Thread(target=self._listen, args=(heard, done), name="notices", daemon=True))
        stopping = asyncio.create_task(stop.wait())
        hands.look()
        for thread in threads:
            thread.start()
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
            for thread in threads:
                await asyncio.to_thread(thread.join, RETRY_S)

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
            if changed and not _look_from_afar(loop, hands):
                return


def _look_from_afar(loop: asyncio.AbstractEventLoop, hands: Hands) -> bool:
    """Let the worker look, from another thread; False: the loop was closed, there is nobody left to wake."""
    try:
        loop.call_soon_threadsafe(hands.look)
    except RuntimeError:
        return False
    return True
