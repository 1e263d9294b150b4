"""The pgqueuer dispatcher: its channel lets the worker look, its manager hands out what is left, a sweeper adds."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncGenerator
from datetime import timedelta

import psycopg
import structlog
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain import models
from pgqueuer.domain.errors import PgqException, RetryRequested
from pgqueuer.ports.repository import EntrypointExecutionParameter

from config.settings import QueueSettings
from scheduler.ports.dispatcher import Hands
from scheduler.queue.pgq.link import Link, seconds
from scheduler.queue.pgq.statements import ENTRYPOINT, HEAD, Names, prune_statement, sweep_statements

log = structlog.get_logger("predawn.dispatcher")

SWEEP_LOCK_KEY = 0x7072_6564_6177_6E02
SOON_S = 0.1
"""Seconds between sweeps when one is asked for, or the last one had its hands full."""
BACKOFF_S = (0.5, 1.0, 2.0, 5.0)
"""Seconds between tries to reach a database that is away."""
LOOK_ANYWAY_S = 5.0
"""Seconds after which the tickets are looked at although nothing was heard."""
FULL_POLL_S = 0.25
"""Seconds between looks while this worker is full and tickets wait: an ended job wakes it at once anyway."""
PRUNE_EVERY_S = 3600.0


LOOK_FIRST_S = 0.1
"""Seconds that a look gets before tickets are asked for: a claim takes its ticket along, in one transaction."""
ROOM_S = 0.2
"""Seconds after which a ticket's end lets the worker look: mostly whoever ended the job has filled its place."""


class _Manager(QueueManager):
    """pgqueuer's manager, which takes no more tickets than its worker has slots free."""

    hands: Hands

    async def _effective_dequeue_timeout(self, dequeue_timeout: timedelta) -> timedelta:
        """While the worker is full nothing is asked: an ended job fills its slot itself, in the same transaction."""
        if self.hands.free <= 0:
            return dequeue_timeout
        return await super()._effective_dequeue_timeout(dequeue_timeout)

    async def fetch_jobs(
        self,
        batch_size: int,  # noqa: ARG002 - the free slots are the batch
        global_concurrency_limit: int | None,
        heartbeat_timeout: timedelta,
    ) -> AsyncGenerator[models.Job, None]:
        """Tickets, as long as there are free slots."""
        entrypoints = {
            name: EntrypointExecutionParameter(concurrency_limit=executor.parameters.concurrency_limit)
            for name, executor in self.entrypoint_registry.items()
        }
        if self.hands.free > 0:
            self.hands.look()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.shutdown.wait(), LOOK_FIRST_S)
        while not self.shutdown.is_set():
            free = min(self.hands.free, self.hands.slots - len(self.job_context))
            if free <= 0:
                return
            tickets = await self.queries.dequeue(
                batch_size=free,
                entrypoints=entrypoints,
                queue_manager_id=self.queue_manager_id,
                global_concurrency_limit=global_concurrency_limit,
                heartbeat_timeout=heartbeat_timeout,
            )
            for ticket in tickets:
                yield ticket
            if not tickets:
                return


class _Changes:
    """What pgqueuer's channel says: a new ticket is looked for at once, room that was made a little later."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._later: asyncio.TimerHandle | None = None

    def hear(self, payload: str | bytes | bytearray) -> None:
        """One notification."""
        payload = payload if isinstance(payload, str) else payload.decode(errors="replace")
        if _INSERTED in payload:
            self._hands.look()
        elif _DELETED in payload and self._later is None:
            self._later = asyncio.get_running_loop().call_later(ROOM_S, self._look)

    def _look(self) -> None:
        self._later = None
        if self._hands.free > 0:
            self._hands.look()


_INSERTED, _DELETED = '"operation" : "insert"', '"operation" : "delete"'
"""As PostgreSQL's json_build_object writes it; what is not recognised is heard by the manager, a little later."""


class PgQueuerDispatcher:
    """Hands jobs to one worker, by way of pgqueuer.

    Args:
        conninfo: libpq's words for the database.
        settings: concurrency (over all workers), lease, sweep, prefix.
    """

    def __init__(self, conninfo: str, settings: QueueSettings) -> None:
        self._conninfo = conninfo
        self._settings = settings
        self._names = Names(settings.engine_prefix)
        self._sweep_soon = asyncio.Event()
        self._triggered = False
        self._refused = False
        self._pruned_at = time.monotonic()
        self._hands: Hands | None = None

    def wake(self) -> None:
        """Look now, and sweep soon unless the trigger sees to everything and no type was full."""
        if self._hands is not None:
            self._hands.look()
        if self._refused or not self._triggered:
            self._sweep_soon.set()

    async def run(self, hands: Hands, stop: asyncio.Event) -> None:
        """Hand out tickets until ``stop`` is set; a lost database is waited for.

        Raises:
            StoreError: this role may not do what it takes.
        """
        failures = 0
        self._hands = hands
        while not stop.is_set():
            try:
                async with Link.open(self._conninfo, self._names) as link:
                    self._triggered = await link.install()
                    failures = 0
                    await self._session(link, hands, stop)
            except (psycopg.Error, PgqException, OSError, RuntimeError) as error:
                log.warning(
                    "the engine's database is out of reach; trying again",
                    error=f"{type(error).__name__}: {' '.join(str(error).split())}",
                )
            if not stop.is_set():
                pause = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
                failures += 1
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)

    async def _session(self, link: Link, hands: Hands, stop: asyncio.Event) -> None:
        """One connection's life: until ``stop``, or until it is lost.

        When it is lost, jobs in hand go on (their leases do not hang on it), their tickets go stale and are refused.
        """
        lost = link.driver.lost
        link.driver.on_change = _Changes(hands).hear
        await link.driver.listen_ahead(link.settings.channel)
        manager = _Manager(link.queries, channel=link.settings.channel)
        manager.hands = hands
        manager.min_dequeue_poll_interval = seconds(FULL_POLL_S)

        @manager.entrypoint(ENTRYPOINT, concurrency_limit=self._settings.concurrency, accepts_context=False)
        async def _handle(ticket: models.Job) -> None:  # pyright: ignore[reportUnusedFunction] - pgqueuer calls it
            await self._take(hands, ticket, stop=stop, lost=lost)

        working = asyncio.create_task(
            manager.run(
                dequeue_timeout=seconds(LOOK_ANYWAY_S),
                batch_size=1,  # tickets are taken by free slots; what has ended is written at once
                shutdown_on_listener_failure=True,
                heartbeat_timeout=seconds(self._settings.lease_s),
                log_aggregation_interval=timedelta(0),
            ),
            name="pgqueuer",
        )
        sweeping = asyncio.create_task(self._sweep_on(link))
        waiting = [asyncio.create_task(event.wait()) for event in (stop, lost)]
        try:
            await asyncio.wait({working, sweeping, *waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sweeping, *waiting):
                task.cancel()
            await asyncio.gather(sweeping, *waiting, return_exceptions=True)
            manager.shutdown.set()
            if not stop.is_set():
                lost.set()
            await asyncio.wait({working})
        for part in (working, sweeping):
            if not part.cancelled() and (error := part.exception()) is not None:
                raise error

    async def _take(self, hands: Hands, ticket: models.Job, *, stop: asyncio.Event, lost: asyncio.Event) -> None:
        """Hold a ticket while its job is worked on; let go of it when the connection is lost."""
        job_id = (ticket.payload or b"").decode(errors="replace")
        taking = asyncio.create_task(hands.take(job_id))
        losing = asyncio.create_task(lost.wait())
        try:
            await asyncio.wait({taking, losing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            losing.cancel()
            taking.cancel()
            await asyncio.gather(taking, losing, return_exceptions=True)
        if taking.cancelled() or taking.result():
            return
        if stop.is_set():
            raise RetryRequested(reason="its worker is stopping")
        # Its type may be full or paused: the sweeper hands it over again when there is room.
        self._refused = True

    async def _sweep_on(self, link: Link) -> None:
        """Sweep now and then, and soon when asked; prune pgqueuer's log."""
        sweep = sweep_statements(self._names, SWEEP_LOCK_KEY)
        limits = (self._settings.concurrency, self._settings.concurrency)
        while True:
            self._sweep_soon.clear()
            (look,) = await link.driver.fetch(sweep.find, *limits)
            handed = await link.driver.fetch(sweep.hand_over, *limits) if look["found"] else []
            if look["stray"]:
                await link.driver.execute(sweep.drop)
            if handed:
                log.info("handed over by the sweeper", jobs=len(handed))
            else:
                self._refused = False
            if time.monotonic() - self._pruned_at > PRUNE_EVERY_S:
                self._pruned_at = time.monotonic()
                await link.driver.execute(prune_statement(self._names))
            await asyncio.sleep(SOON_S)
            if len(handed) < HEAD:
                pause = self._settings.sweep_s * random.uniform(0.8, 1.1) - SOON_S  # noqa: S311 - jitter, no secret
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._sweep_soon.wait(), max(pause, 0))
