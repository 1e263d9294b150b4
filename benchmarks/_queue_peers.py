"""The peers of ``benchmarks.queue``: huey, pgqueuer and procrastinate as their documentation shows them."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from benchmarks._queue_engines import CONCURRENCY, NAME, Left, Note, Put, postgresql_left, sqlite_left, unheard


class Huey:
    """SqliteHuey with its consumer: ten threads, every commit synced as SQLite's FULL does."""

    def __init__(self, url: str) -> None:
        self._file = url.removeprefix("sqlite:///")

    def _open(self, note: Note) -> tuple[Any, Any]:
        huey: Any = importlib.import_module("huey")  # it has no types
        queue = huey.SqliteHuey(NAME, filename=self._file, fsync=True)

        @queue.task(name=NAME)
        def noop(n: int) -> None:
            note(n)

        return queue, noop

    def prepare(self) -> None:
        """Make the tables."""
        self._open(unheard)

    @asynccontextmanager
    async def producing(self) -> AsyncGenerator[Put, None]:
        """A call of the task."""
        _, noop = self._open(unheard)

        async def put(n: int) -> None:
            noop(n)

        yield put

    def serve(self, note: Note) -> None:
        """Run the consumer with ten threads and its own defaults."""
        queue, _ = self._open(note)
        queue.create_consumer(workers=CONCURRENCY, worker_type="thread").run()

    def watch(self) -> Left:
        """Tasks that were not taken: huey keeps no record of one that runs, or has run without a result."""
        return sqlite_left(self._file, "SELECT count(*) FROM task")


class PgQueuerAlone:
    """pgqueuer by itself: one entrypoint, limit 10, the driver that serves it best of those that are installed."""

    def __init__(self, url: str) -> None:
        self._url = url

    @asynccontextmanager
    async def _driver(self) -> AsyncGenerator[Any, None]:
        try:
            asyncpg: Any = importlib.import_module("asyncpg")
        except ModuleNotFoundError:
            # Two connections, as predawn has them: on one alone, psycopg's notifies() holds up every query.
            from scheduler.queue.pgq.link import Link  # noqa: PLC0415 - the other peers do without
            from scheduler.queue.pgq.statements import Names  # noqa: PLC0415 - see above

            async with Link.open(self._url, Names("")) as link:
                yield link.driver
            return
        from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver  # noqa: PLC0415 - see above

        connection = await asyncpg.connect(self._url)
        try:
            yield AsyncpgDriver(connection)
        finally:
            await connection.close()

    def prepare(self) -> None:
        """Make the tables."""

        async def install() -> None:
            from pgqueuer import Queries  # noqa: PLC0415 - see _driver

            async with self._driver() as driver:
                await Queries(driver).install()

        asyncio.run(install())

    @asynccontextmanager
    async def producing(self) -> AsyncGenerator[Put, None]:
        """``Queries.enqueue`` of one job."""
        from pgqueuer import Queries  # noqa: PLC0415 - see _driver

        async with self._driver() as driver:
            queries = Queries(driver)

            async def put(n: int) -> None:
                await queries.enqueue(NAME, str(n).encode())

            yield put

    def serve(self, note: Note) -> None:
        """Run a ``PgQueuer``."""
        asyncio.run(self._serve(note))

    async def _serve(self, note: Note) -> None:
        from pgqueuer import PgQueuer  # noqa: PLC0415 - see _driver
        from pgqueuer.models import Job  # noqa: PLC0415 - see _driver

        async with self._driver() as driver:
            queue = PgQueuer(driver)

            async def noop(job: Job) -> None:
                note(int(job.payload or b"0"))

            queue.entrypoint(NAME, concurrency_limit=CONCURRENCY, accepts_context=False)(noop)
            await queue.run(batch_size=CONCURRENCY)

    def watch(self) -> Left:
        """Rows of its queue: what has ended is moved to its log."""
        return postgresql_left(self._url, "SELECT count(*) FROM pgqueuer")


class Procrastinate:
    """procrastinate on psycopg, ten jobs at once."""

    def __init__(self, url: str) -> None:
        self._url = url

    def _app(self, note: Note) -> tuple[Any, Any]:
        import procrastinate  # noqa: PLC0415 - only this child pays for the import

        app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=self._url))

        async def noop(n: int) -> None:
            note(n)

        return app, app.task(name=NAME)(noop)

    def prepare(self) -> None:
        """Make the tables."""

        async def install() -> None:
            app, _ = self._app(unheard)
            async with app.open_async():
                await app.schema_manager.apply_schema_async()

        asyncio.run(install())

    @asynccontextmanager
    async def producing(self) -> AsyncGenerator[Put, None]:
        """``defer_async`` of one job."""
        app, noop = self._app(unheard)

        async def put(n: int) -> None:
            await noop.defer_async(n=n)

        async with app.open_async():
            yield put

    def serve(self, note: Note) -> None:
        """Run its worker."""

        async def work() -> None:
            app, _ = self._app(note)
            async with app.open_async():
                await app.run_worker_async(concurrency=CONCURRENCY, install_signal_handlers=False)

        asyncio.run(work())

    def watch(self) -> Left:
        """Jobs that are neither done nor failed."""
        return postgresql_left(self._url, "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')")
