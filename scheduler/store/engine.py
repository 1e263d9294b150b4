"""Connections: how SQLite and PostgreSQL are opened, and what a transaction is on each.

SQLite: WAL, ``synchronous=FULL`` by default, foreign keys, and ``BEGIN IMMEDIATE`` for every transaction that writes,
so that two writers queue up instead of failing halfway. Writers of one process queue on a lock of ours first: SQLite's
own wait between processes sleeps and is not fair. The log is moved into the file by a thread (``checkpoints.py``).
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import URL, Connection, Engine, FromClause, PoolProxiedConnection, create_engine, event, make_url
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, NoSuchModuleError, StatementError
from sqlalchemy.pool import ConnectionPoolEntry

from scheduler.ports.store import StoreError, StoreReplacedError, StoreUnavailableError
from scheduler.store.checkpoints import NET_PAGES, Checkpoints
from scheduler.store.errors import is_database_error, translate
from scheduler.store.plain import json_text

_WRITES = "predawn_writes"
_JOURNAL_LIMIT = 64 * 1024 * 1024
_RESTS_SINCE = "predawn_rests_since"
_REST_S = 1.0
"""Seconds without use after which a connection to a server is tried before it is used."""
POOL_SIZE = 8
POOL_OVERFLOW = 32
"""More than the threads of asyncio's default executor, so that none waits for a connection."""


def parse_url(url: str) -> URL:
    """The URL with the driver we use.

    Raises:
        StoreUnavailableError: it names no database that predawn works on.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise StoreUnavailableError(
            f"database.url {url!r} is no URL; write sqlite:////path/to/predawn.db or postgresql://user@host/name"
        ) from error
    match parsed.get_backend_name():
        case "sqlite":
            if not parsed.database or parsed.database == ":memory:" or "mode=memory" in str(parsed):
                raise StoreUnavailableError("database.url names no file: an SQLite database in memory cannot be shared")
            return parsed.set(drivername="sqlite+pysqlite")
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise StoreUnavailableError(f"database.url: predawn works on sqlite and postgresql, not on {other}")


def database_name(url: URL) -> str:
    """The database as people know it, without a password: the file, or host, port and name."""
    if url.get_backend_name() == "sqlite":
        return f"The database {url.database}"
    host = url.host or url.query.get("host") or "localhost"
    return f"The database {url.database} on {host}{f':{url.port}' if url.port else ''}"


def open_engine(url: str, busy_timeout_s: float = 10.0, synchronous: Literal["FULL", "NORMAL"] = "FULL") -> Engine:
    """An engine on the database; an SQLite file is created (0600, its folder 0700) if there is none.

    Raises:
        StoreError: the database cannot be opened.
    """
    parsed = parse_url(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            return _open_sqlite(parsed, busy_timeout_s, synchronous)
        engine = create_engine(
            parsed,
            pool_size=4,
            max_overflow=16,  # a server's connections are dear; who finds none waits
            pool_use_lifo=True,
            json_serializer=json_text,
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise StoreUnavailableError(
            f"database.url {parsed.render_as_string()} needs a driver: pip install 'psycopg[binary]'"
        ) from error
    except Exception as error:
        if not is_database_error(error):
            raise
        raise translate(error, database_name(parsed)) from error
    _ping_after_a_rest(engine)
    return engine


def _ping_after_a_rest(engine: Engine) -> None:
    """See that a connection which has rested still works, before it is used.

    A ping before every use costs a fifth of the throughput; a server that goes away in between is an error that
    callers must expect at any time anyhow.
    """

    @event.listens_for(engine, "checkin")
    def _rests(_connection: object, record: ConnectionPoolEntry) -> None:  # pyright: ignore[reportUnusedFunction] - SQLAlchemy calls it
        record.info[_RESTS_SINCE] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _checked(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:  # pyright: ignore[reportUnusedFunction] - SQLAlchemy calls it
        since = record.info.get(_RESTS_SINCE)
        if since is None or time.monotonic() - since < _REST_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            # The pool then takes another connection, or makes one.
            raise DisconnectionError from error


def _open_sqlite(url: URL, busy_timeout_s: float, synchronous: str) -> Engine:
    path = Path(url.database or "")
    _create_private(path)
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_use_lifo=True,
        connect_args={"timeout": busy_timeout_s, "check_same_thread": False},
    )
    engine.dialect.statement_compiler = _Compiler

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:  # pyright: ignore[reportUnusedFunction] - SQLAlchemy calls it
        # The sqlite3 module must not begin transactions by itself: _begin below does.
        connection.isolation_level = None
        for pragma in (
            f"synchronous={synchronous}",
            "foreign_keys=ON",
            f"journal_size_limit={_JOURNAL_LIMIT}",
            f"wal_autocheckpoint={NET_PAGES}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction] - SQLAlchemy calls it
        writes = connection.get_execution_options().get(_WRITES, False)
        # Past SQLAlchemy's care for statements, which costs three times what this one does.
        driver: Any = connection.connection.driver_connection
        driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")

    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        if driver.execute("PRAGMA page_count").fetchone() == (0,):
            # Only before the first table: lets space be given back piece by piece after old jobs were deleted.
            driver.execute("PRAGMA auto_vacuum=INCREMENTAL")
        (mode,) = driver.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise StoreUnavailableError(
            f"{database_name(url)} cannot use a write-ahead log (journal mode {mode}); keep it on a local disk"
        )
    return engine


class _Compiler(SQLiteCompiler):
    """Writes ``with_hint`` out: SQLite knows ``INDEXED BY`` and ``NOT INDEXED``, and SQLAlchemy leaves them away."""

    def get_from_hint_text(self, table: FromClause, text: str | None) -> str | None:
        """The hint itself."""
        del table
        return text


def _create_private(path: Path) -> None:
    missing = [folder for folder in path.absolute().parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


class Database:
    """Transactions on one engine, with the store's errors. Thread-safe.

    Args:
        engine: the connections.
        busy_timeout_s: SQLite: seconds to wait for this process's other writes.
        follow_file: SQLite: open the file anew when another one lies in its place (a restored backup), as who only
            looks and commands may; a worker must not.

    Attributes:
        shift_s: seconds added to the database's clock in every statement. Zero but in tests, which move time by it.
    """

    def __init__(self, engine: Engine, *, busy_timeout_s: float = 10.0, follow_file: bool = False) -> None:
        self.engine = engine
        self.name = database_name(engine.url)
        self.is_sqlite = engine.dialect.name == "sqlite"
        self.shift_s = 0.0
        self._writing = engine.execution_options(**{_WRITES: True})
        self._single = self._writing if self.is_sqlite else engine.execution_options(isolation_level="AUTOCOMMIT")
        self._write_lock = threading.Lock()
        self._checkpoints = Checkpoints(engine) if self.is_sqlite else None
        self._busy_timeout_s = busy_timeout_s
        self._watch_lock = threading.Lock()
        self._watch: PoolProxiedConnection | None = None
        self._file = engine.url.database if self.is_sqlite else None
        self._opened = self._identity()
        self._follow_file = follow_file
        self._joined = threading.local()

    @contextmanager
    def read(self) -> Generator[Connection]:
        """A transaction that reads: one consistent look on SQLite."""
        joined = self._held()
        if joined is not None:
            with self.translated():
                yield joined
            return
        with self.translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self, *, whole: bool = False) -> Generator[Connection]:
        """A transaction that may write; it is committed at the end, or rolled back when the block raises.

        Args:
            whole: within ``together``: what raises here undoes all of that, whoever catches it. That saves the
                savepoint to which this block alone could be undone.
        """
        joined = self._held()
        if joined is None:
            with self.translated(), self._turn(), self._writing.begin() as connection:
                yield connection
            return
        with self.translated():
            if not whole:
                with joined.begin_nested():
                    yield joined
                return
            try:
                yield joined
            except BaseException as error:
                self._joined.spoilt = error
                raise

    @contextmanager
    def write_once(self) -> Generator[Connection]:
        """For one statement that writes, and reads: PostgreSQL commits it by itself, which saves two round trips."""
        if self._held() is not None:
            with self.write() as connection:
                yield connection
            return
        with self.translated(), self._turn(), self._single.begin() as connection:
            yield connection

    @contextmanager
    def together(self) -> Generator[None]:
        """Make all that this thread reads and writes in the block one transaction; within another, part of that."""
        if self._held() is not None:
            yield
            return
        with self.translated(), self._turn(), self._writing.begin() as connection:
            self._joined.connection, self._joined.spoilt = connection, None
            try:
                yield
                if self._joined.spoilt is not None:
                    raise self._joined.spoilt
            finally:
                self._joined.connection = None

    def _held(self) -> Connection | None:
        """The transaction that this thread is in by ``together``."""
        found: Connection | None = getattr(self._joined, "connection", None)
        return found

    def outside_transaction(self, *statements: str) -> None:
        """SQLite: run statements that are allowed in no transaction, or are one by themselves (VACUUM and its kind).

        As a script: the sqlite3 module would end ``incremental_vacuum``, which has no rows, after its first page.
        """
        with self.translated(), self._turn():
            connection = self.engine.raw_connection()
            try:
                driver: Any = connection.driver_connection
                for statement in statements:
                    driver.executescript(statement)
            finally:
                connection.close()

    @contextmanager
    def translated(self) -> Generator[None]:
        """Whatever a driver raises in the block comes out as a ``StoreError``."""
        try:
            yield
        except Exception as error:
            if isinstance(error, StatementError) and not isinstance(error, DBAPIError) and error.orig is not None:
                # A value that cannot be stored (a naive time, an object that is no JSON): the caller's mistake.
                raise error.orig from error
            if isinstance(error, StoreError) or not is_database_error(error):
                raise
            raise translate(error, self.name) from error

    def _identity(self) -> tuple[int, int] | None:
        if self._file is None:
            return None
        try:
            found = os.stat(self._file)  # noqa: PTH116 - asked at each write; a Path would be made each time
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _see_that_it_is_there(self) -> None:
        """What is written into a file that was deleted or replaced is lost without an error of SQLite's.

        Raises:
            StoreReplacedError: it was.
            StoreUnavailableError: it is gone, and whoever only looks may wait for it.
        """
        if self._file is None or (found := self._identity()) == self._opened:
            return
        if not self._follow_file:
            raise StoreReplacedError(
                f"{self.name} was deleted or replaced while this program had it open; nothing more is written to it: "
                "put the right file in its place and start the program again"
            )
        if found is None:
            raise StoreUnavailableError(f"{self.name} is gone; put it back, or restore a backup")
        if self._watch is not None:
            self._watch.invalidate()
            self._watch = None
        self.engine.dispose()
        self._opened = found

    @contextmanager
    def _turn(self) -> Generator[None]:
        if not self.is_sqlite:
            yield
            return
        if not self._write_lock.acquire(timeout=max(self._busy_timeout_s, 0.001)):
            raise StoreUnavailableError(
                f"{self.name} is locked: this process has been writing for {self._busy_timeout_s:g} s; try again"
            )
        try:
            with self._watch_lock:
                self._see_that_it_is_there()
            yield
            if self._checkpoints is not None:
                self._checkpoints.committed()
        finally:
            self._write_lock.release()

    def data_version(self) -> int:
        """A number that changes with every commit, ours and others'.

        SQLite counts the commits of *other* connections, so one that never writes is kept for asking. PostgreSQL has
        no such number for one database: the set of running and finished transactions of the server stands for it,
        which also changes with writes that are not ours.
        """
        with self._watch_lock, self.translated():
            self._see_that_it_is_there()
            if self._watch is None:
                self._watch = self.engine.raw_connection()
            try:
                cursor = self._watch.cursor()
                cursor.execute(_SQLITE_VERSION if self.is_sqlite else _POSTGRESQL_VERSION)
                row = cursor.fetchone()
                cursor.close()
                if not self.is_sqlite:
                    self._watch.rollback()
            except Exception:
                # The connection may be dead (server restarted): the next question opens a new one.
                self._watch.invalidate()
                self._watch = None
                raise
            return int(row[0]) if row else 0

    def close(self) -> None:
        """Close every connection."""
        if self._checkpoints is not None:
            self._checkpoints.close()
        with self._watch_lock:
            if self._watch is not None:
                self._watch.close()
                self._watch = None
        self.engine.dispose()


_SQLITE_VERSION = "PRAGMA data_version"
_POSTGRESQL_VERSION = "SELECT hashtextextended(pg_current_snapshot()::text, 0)"
