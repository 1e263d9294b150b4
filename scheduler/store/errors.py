"""What a database driver says, in the words of ``scheduler.ports.store``: the one place that knows drivers' errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from scheduler.ports.store import SchemaError, StoreCorruptError, StoreError, StoreUnavailableError

_Kind = tuple[type[StoreError], str]

_SQLITE: Mapping[int, _Kind] = {
    sqlite3.SQLITE_BUSY: (
        StoreUnavailableError,
        "is locked by another process; end what holds it (an sqlite3 shell, a backup) or raise database.busy_timeout_s",
    ),
    sqlite3.SQLITE_LOCKED: (StoreUnavailableError, "is locked within this process; try again"),
    sqlite3.SQLITE_READONLY: (
        StoreUnavailableError,
        "cannot be written; give this user write permission on the file and on its folder",
    ),
    sqlite3.SQLITE_PERM: (StoreUnavailableError, "may not be opened; give this user permission on the file"),
    sqlite3.SQLITE_AUTH: (StoreUnavailableError, "may not be used; give this user permission on the file"),
    sqlite3.SQLITE_FULL: (StoreUnavailableError, "cannot grow: the disk is full; free some space"),
    sqlite3.SQLITE_IOERR: (
        StoreUnavailableError,
        "cannot be read or written (I/O error); look at the disk's space and health",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        StoreUnavailableError,
        "cannot be opened; see that it is a file in a folder that this user may write to",
    ),
    sqlite3.SQLITE_CORRUPT: (
        StoreCorruptError,
        "is damaged; put a backup in its place, or recover it with: sqlite3 <file> .recover",
    ),
    sqlite3.SQLITE_NOTADB: (
        StoreCorruptError,
        "is no SQLite database; name another file in database.url, or put a backup in its place",
    ),
    sqlite3.SQLITE_FORMAT: (StoreCorruptError, "is damaged; put a backup in its place"),
    sqlite3.SQLITE_SCHEMA: (SchemaError, "changed its schema underway; try again"),
}

_OLD_SCHEMA = "does not have the tables of this program; bring it up to date with: predawn db migrate"

_POSTGRESQL: tuple[tuple[str, _Kind], ...] = (
    # SQLSTATE prefixes, the longer ones first (PostgreSQL manual, appendix A).
    ("42P01", (SchemaError, _OLD_SCHEMA)),
    ("42703", (SchemaError, _OLD_SCHEMA)),
    ("42501", (StoreUnavailableError, "refuses this role; grant it the rights on predawn's tables")),
    ("25006", (StoreUnavailableError, "is read-only; connect to the primary server")),
    ("53100", (StoreUnavailableError, "cannot grow: the server's disk is full; free some space")),
    ("53", (StoreUnavailableError, "is out of resources; look at its connections, memory and disk")),
    ("55P03", (StoreUnavailableError, "is locked for too long; end what holds the lock")),
    ("57", (StoreUnavailableError, "ended the connection; see that the server is up")),
    ("58", (StoreUnavailableError, "has trouble with its system; look at the server's log")),
    ("40", (StoreUnavailableError, "rolled the transaction back for another one; try again")),
    ("28", (StoreUnavailableError, "refuses the login; see user and password in database.url")),
    ("3D", (StoreUnavailableError, "does not exist; create the database, or name another in database.url")),
    ("XX001", (StoreCorruptError, "is damaged; restore it from a backup")),
    ("XX002", (StoreCorruptError, "has a damaged index; REINDEX it, or restore a backup")),
    ("08", (StoreUnavailableError, "cannot be reached; see that the server is up and database.url is right")),
)

_UNREACHABLE: _Kind = (
    StoreUnavailableError,
    "cannot be reached; see that the server is up and database.url is right",
)
_REFUSED: _Kind = (StoreError, "refused a statement")
_PRIMARY_CODE = 0xFF
"""SQLite's extended codes carry the primary one in their lowest byte."""


def is_database_error(error: BaseException) -> bool:
    """Whether ``translate`` knows what to make of it."""
    return isinstance(error, (SQLAlchemyError, sqlite3.Error, OSError)) or hasattr(error, "sqlstate")


def translate(error: BaseException, database: str) -> StoreError:
    """The store's error for what SQLAlchemy or a driver raised.

    Args:
        error: as caught; what SQLAlchemy wrapped is unwrapped.
        database: the file, or host and name, as people know it.
    """
    if isinstance(error, StoreError):
        return error
    if isinstance(error, PoolTimeoutError):
        return StoreUnavailableError(f"{database} has no free connection; fewer things at once, please ({error})")
    if isinstance(error, OSError):
        return StoreUnavailableError(f"{database} cannot be opened: {error.strerror or error}; see its path")
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    kind, words = _classify(cause, connection_lost=isinstance(error, DBAPIError) and error.connection_invalidated)
    return kind(f"{database} {words} ({_one_line(cause)})")


def _classify(cause: BaseException, *, connection_lost: bool) -> _Kind:
    if isinstance(cause, sqlite3.Error):
        return _classify_sqlite(cause)
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str):
        return next((kind for prefix, kind in _POSTGRESQL if state.startswith(prefix)), _REFUSED)
    if connection_lost or type(cause).__name__ in {"OperationalError", "InterfaceError", "ConnectionTimeout"}:
        return _UNREACHABLE
    return _REFUSED


def _classify_sqlite(cause: sqlite3.Error) -> _Kind:
    code = getattr(cause, "sqlite_errorcode", None)
    known = _SQLITE.get(code & _PRIMARY_CODE) if isinstance(code, int) else None
    if known is not None:
        return known
    return (SchemaError, _OLD_SCHEMA) if str(cause).startswith(("no such table", "no such column")) else _REFUSED


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
