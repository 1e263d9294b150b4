"""Store calls of a render that are tried again: a cut connection or a moment's lock is not the job's fault."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from scheduler.ports.store import StoreUnavailableError

log = structlog.get_logger("predawn.pipeline")

Blocking = Callable[..., Awaitable[Any]]
"""Runs a blocking call off the event loop: ``asyncio.to_thread``."""

PAUSES_S = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each further try: a restarting server and a checkpointing disk are back by then."""


async def settle(blocking: Blocking, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run a blocking write to its end, also when the caller is cancelled meanwhile; then the cancellation goes on.

    A thread cannot be stopped: without this, a row could be written after the ones that close it.
    """
    work = asyncio.ensure_future(blocking(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})
        if not work.cancelled():
            work.exception()  # it is looked at, so that asyncio does not complain: the cancellation matters more
        raise


async def insist(blocking: Blocking, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """``settle``, and again after ``PAUSES_S`` while the database is away. Only for calls that may be repeated.

    Raises:
        StoreError: the database stays away, or refuses.
    """
    for pause_s in PAUSES_S:
        try:
            return await settle(blocking, function, *args, **kwargs)
        except StoreUnavailableError as error:
            log.warning("the database failed under a render; trying again", error=str(error), in_s=pause_s)
        await asyncio.sleep(pause_s)
    return await settle(blocking, function, *args, **kwargs)
