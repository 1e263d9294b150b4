"""The engines that ``benchmarks.queue`` measures, each behind the same four verbs.

Every engine runs with what its documentation recommends and a concurrency of 10, logs warnings only, and stores a job
durably before an enqueue returns. They are made in child processes, one engine each: the imports of one weigh neither
on another's memory nor on its start.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

CONCURRENCY = 10
NAME = "noop"

Note = Callable[[int], None]
"""To be called by a handler, first of all, with the job's number."""
Put = Callable[[int], Awaitable[None]]
"""Enqueues one job; when it returns, the job is committed."""
Left = Callable[[], int]
"""Jobs that are not recorded as ended."""


class Engine(Protocol):
    """A queue on one database."""

    def prepare(self) -> None:
        """Make the tables."""
        ...

    def producing(self) -> AbstractAsyncContextManager[Put]:
        """A connected producer."""
        ...

    def serve(self, note: Note) -> None:
        """Work until the process is ended."""
        ...

    def watch(self) -> Left:
        """Connect to ask how many jobs are left; the answer is called in one thread."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """An engine as it is asked for.

    Attributes:
        database: where it runs.
        beside: the engine that its ratios are to.
        words: for people.
    """

    name: str
    database: Literal["sqlite", "postgresql"]
    beside: str
    words: str
    make: Callable[[str], Engine]

    @property
    def ours(self) -> bool:
        """Whether it is predawn."""
        return self.name.startswith("predawn")


def unheard(_n: int) -> None:
    """For those who only enqueue."""


def sqlite_left(file: str, query: str) -> Left:
    """Count with this query; the connection is its own."""
    connection = sqlite3.connect(file, isolation_level=None, timeout=30, check_same_thread=False)
    return lambda: int(connection.execute(query).fetchone()[0])


def postgresql_left(url: str, query: str) -> Left:
    """Count with this query; the connection is its own."""
    import psycopg  # noqa: PLC0415 - an extra

    connection = psycopg.connect(url, autocommit=True)

    def left() -> int:
        row = connection.execute(query.encode()).fetchone()
        return int(row[0]) if row else 0

    return left


def _predawn(url: str) -> Engine:
    from benchmarks._queue_predawn import Predawn  # noqa: PLC0415 - only the child that is one pays for the imports

    return Predawn(url)


def _predawn_normal(url: str) -> Engine:
    from benchmarks._queue_predawn import Predawn  # noqa: PLC0415 - see _predawn

    return Predawn(url, synchronous="NORMAL")


def _predawn_pgqueuer(url: str) -> Engine:
    from benchmarks._queue_predawn import Predawn  # noqa: PLC0415 - see _predawn

    return Predawn(url, dispatcher="pgqueuer")


def _huey(url: str) -> Engine:
    from benchmarks._queue_peers import Huey  # noqa: PLC0415 - see _predawn

    return Huey(url)


def _pgqueuer(url: str) -> Engine:
    from benchmarks._queue_peers import PgQueuerAlone  # noqa: PLC0415 - see _predawn

    return PgQueuerAlone(url)


def _procrastinate(url: str) -> Engine:
    from benchmarks._queue_peers import Procrastinate  # noqa: PLC0415 - see _predawn

    return Procrastinate(url)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("predawn-full", "sqlite", "huey", "predawn, SQLite FULL", _predawn),
        Kind("predawn-normal", "sqlite", "huey", "predawn, SQLite NORMAL", _predawn_normal),
        Kind("huey", "sqlite", "huey", "huey, SQLite FULL", _huey),
        Kind("predawn-pgqueuer", "postgresql", "pgqueuer", "predawn, PostgreSQL, pgqueuer", _predawn_pgqueuer),
        Kind("predawn-embedded", "postgresql", "pgqueuer", "predawn, PostgreSQL, embedded", _predawn),
        Kind("pgqueuer", "postgresql", "pgqueuer", "pgqueuer, PostgreSQL", _pgqueuer),
        Kind("procrastinate", "postgresql", "pgqueuer", "procrastinate, PostgreSQL", _procrastinate),
    )
}
"""All engines, in the order of the table."""
