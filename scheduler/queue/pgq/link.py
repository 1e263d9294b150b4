"""The connections of the pgqueuer dispatcher, and what it needs in the database.

Two connections: psycopg's ``notifies()`` holds its connection while it waits, and a query on the same one would wait
for up to a second behind it (measured: 1,000 ms; with two, 1 ms).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import psycopg
import structlog
from pgqueuer.adapters.drivers.psycopg import PsycopgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.settings import DBSettings
from pgqueuer.domain.types import Channel
from pgqueuer.ports.driver import NotifyCallback
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from scheduler.ports.store import StoreUnavailableError
from scheduler.queue.notices import KEEPALIVE
from scheduler.queue.pgq.statements import (
    Names,
    close_to_web_roles,
    trigger_state_statement,
    trigger_statements,
    version_of,
)

log = structlog.get_logger("predawn.dispatcher")

LOCK_TIMEOUT_S = 5
"""Seconds to wait for the table ``jobs`` when the triggers are made; then the sweeper does alone to the next start."""


class LinkDriver(PsycopgDriver):
    """pgqueuer's driver over two connections, which tells when either fails.

    Attributes:
        lost: set at the first error that is not a lost race between two workers; the link is of no more use.
        on_change: hears every notification before pgqueuer does.
    """

    def __init__(self, connection: psycopg.AsyncConnection, listening: psycopg.AsyncConnection) -> None:
        super().__init__(connection)
        self.lost = asyncio.Event()
        self.on_change: NotifyCallback = _unheard
        self._ear = _Ear(listening, self.lost)

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        """Run a query; its rows."""
        try:
            return await super().fetch(query, *args)
        except psycopg.Error as error:
            self._note(error)
            raise

    async def execute(self, query: str, *args: object) -> str:
        """Run a statement; its status."""
        try:
            return await super().execute(query, *args)
        except psycopg.Error as error:
            self._note(error)
            raise

    def _note(self, error: psycopg.Error) -> None:
        if not isinstance(error, (errors.UniqueViolation, errors.DeadlockDetected)):
            self.lost.set()

    async def listen_ahead(self, channel: str) -> None:
        """Hear a channel from now on; what is said before a callback is added is kept for it.

        The manager's first probe of its listener may else be sent before the other connection listens.
        """
        await self._ear.listen_ahead(channel)

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        """Listen on the other connection."""

        def hear(payload: str | bytes | bytearray) -> None:
            self.on_change(payload)
            callback(payload)

        await self._ear.add_listener(channel, hear)

    async def remove_listener(self, channel: str, callback: NotifyCallback) -> None:
        """Stop listening."""
        await self._ear.remove_listener(channel, callback)

    async def __aexit__(self, *_: object) -> None:
        await self._ear.__aexit__()
        await super().__aexit__()


def _unheard(_payload: str | bytes | bytearray) -> None:
    """Notifications that only pgqueuer hears."""


class _Ear(PsycopgDriver):
    """The connection that listens."""

    def __init__(self, connection: psycopg.AsyncConnection, lost: asyncio.Event) -> None:
        super().__init__(connection)
        self._lost = lost

    async def listen_ahead(self, channel: str) -> None:
        await self._connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))

    async def watch_notifies(self) -> None:
        try:
            await super().watch_notifies()
        except psycopg.Error as error:
            log.warning("the connection that listens was lost", error=str(error).strip())
            self._lost.set()


class Link:
    """A connected dispatcher: pgqueuer's queries on our names."""

    def __init__(self, driver: LinkDriver, names: Names) -> None:
        self.driver = driver
        self.names = names
        # Every name is given, so that PGQUEUER_* variables meant for another application do not reach ours.
        self.settings = DBSettings(
            prefix=names.prefix,
            db_schema=None,
            channel=Channel(f"{names.prefix}ch_pgqueuer"),
            function=f"{names.prefix}fn_pgqueuer_changed",
            statistics_table=names.statistics,
            queue_status_type=f"{names.prefix}pgqueuer_status",
            queue_table=names.tickets,
            queue_table_log=names.log,
            trigger=f"{names.prefix}tg_pgqueuer_changed",
            schedules_table=names.schedules,
        )
        self.queries = Queries(
            driver,
            qbe=QueryBuilderEnvironment(self.settings),
            qbq=QueryQueueBuilder(self.settings),
            qbs=QuerySchedulerBuilder(self.settings),
        )

    @classmethod
    @asynccontextmanager
    async def open(cls, conninfo: str, names: Names) -> AsyncGenerator[Link, None]:
        """Connect; both connections are closed after the body."""
        async with (
            await _connect(conninfo) as connection,
            await _connect(conninfo) as listening,
        ):
            yield cls(LinkDriver(connection, listening), names)

    async def install(self) -> bool:
        """See that pgqueuer's tables are there and up to date, and our triggers; several may do so at once.

        Returns:
            Whether the triggers hand jobs over; if not, the log says why, and the sweeper does it alone.

        Raises:
            StoreUnavailableError: the tables are not there, and this role may not make them.
        """
        async with self.queries.schema_lock():
            try:
                if await self.queries.schema_is_installed():
                    await self.queries.upgrade()
                else:
                    await self.queries.install()
                    await self.driver.execute(close_to_web_roles(self.names))
            except errors.InsufficientPrivilege as error:
                self.driver.lost.clear()
                if not await self.queries.has_table(self.names.tickets):
                    raise StoreUnavailableError(
                        f"This role may not make pgqueuer's tables ({', '.join(self.names.tables)}): {_words(error)}; "
                        "start one worker as the owner of the schema, or set queue.dispatcher to embedded"
                    ) from error
                log.warning("pgqueuer's tables were not brought up to date", error=_words(error))
            return await self._install_triggers()

    async def _install_triggers(self) -> bool:
        rows = await self.driver.fetch("SELECT quote_ident(current_schema()) AS name")
        schema = str(rows[0]["name"])
        statements = trigger_statements(self.names, schema)
        version = version_of(statements)
        standing = await self._standing(schema, version)
        if standing is not None:
            return standing
        connection = self.driver._connection  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - one transaction, which a driver does not offer
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'".encode())
                for statement in statements:
                    await connection.execute(statement.encode())
                for trigger in (self.names.on_insert, self.names.on_update):
                    comment = f"COMMENT ON TRIGGER {trigger} ON {schema}.jobs IS '{version}'"
                    await connection.execute(comment.encode())
        except (errors.InsufficientPrivilege, errors.LockNotAvailable) as error:
            log.warning(
                "the trigger that hands jobs to the engine could not be made; the sweeper alone does it, in seconds "
                "instead of at once",
                error=_words(error),
                remedy="let the owner of the table jobs start one worker, or grant TRIGGER on jobs",
            )
            return False
        log.info("jobs are handed to the engine by trigger", version=version)
        return True

    async def _standing(self, schema: str, version: str) -> bool | None:
        """Whether the triggers that are there work; None: they are to be made."""
        standing = True
        for trigger in (self.names.on_insert, self.names.on_update):
            rows = await self.driver.fetch(trigger_state_statement(), f"{schema}.jobs", trigger)
            if not rows or rows[0]["version"] != version:
                return None
            standing = standing and bool(rows[0]["enabled"])
        if not standing:
            log.warning("the trigger that hands jobs to the engine is switched off; the sweeper alone does it")
        return standing


async def _connect(conninfo: str) -> psycopg.AsyncConnection:
    words = make_conninfo(conninfo, application_name="predawn dispatcher", connect_timeout=10, **KEEPALIVE)
    return await psycopg.AsyncConnection.connect(words, autocommit=True)


def _words(error: psycopg.Error) -> str:
    return " ".join(str(error).split())


def seconds(value: float) -> timedelta:
    """A length of time as pgqueuer takes it."""
    return timedelta(seconds=value)
