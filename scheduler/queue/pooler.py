"""Refuses a pooler in transaction mode: LISTEN and session locks are lost there between two statements, silently."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from scheduler.ports.store import StoreUnavailableError

if TYPE_CHECKING:
    from sqlalchemy import URL

REMEDY = (
    "use the session pooler or a direct connection, port 5432 (Supabase: Project settings, Database, Session pooler)"
)
SUPABASE_TRANSACTION_PORT = 6543


def _parse(url: str) -> URL:
    from scheduler.store.engine import parse_url  # noqa: PLC0415 - SQLAlchemy costs 0.2 s, and commands start fast

    return parse_url(url)


def _name(url: URL) -> str:
    from scheduler.store.engine import database_name  # noqa: PLC0415 - see _parse

    return database_name(url)


def is_postgresql(url: str) -> bool:
    """Whether the URL names a PostgreSQL database.

    Raises:
        StoreUnavailableError: it is no URL of a database that predawn works on.
    """
    return _parse(url).get_backend_name() == "postgresql"


def libpq_url(url: str) -> str:
    """The URL as libpq (psycopg) takes it."""
    return _parse(url).set(drivername="postgresql").render_as_string(hide_password=False)


def refuse_pooler_url(url: str) -> None:
    """Refuse what the URL alone gives away: Supabase's transaction pooler is on port 6543.

    Raises:
        StoreUnavailableError: with the remedy.
    """
    parsed = _parse(url)
    if parsed.port == SUPABASE_TRANSACTION_PORT and "supabase" in (parsed.host or ""):
        raise _refusal(f"{_name(parsed)} is Supabase's pooler in transaction mode")


def refuse_transaction_pooler(url: str) -> None:
    """Refuse a PostgreSQL connection that leads through a pooler in transaction mode; connects twice to find out.

    A session keeps its server process and shares it with nobody. Behind such a pooler a connection changes it from
    one transaction to the next, or two connections have the same.

    Raises:
        StoreUnavailableError: it does, or the database cannot be reached.
    """
    refuse_pooler_url(url)
    if not is_postgresql(url):
        return
    try:
        import psycopg  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise StoreUnavailableError("PostgreSQL needs a driver: pip install 'predawn[postgres]'") from error
    name, conninfo = _name(_parse(url)), libpq_url(url)
    try:
        with ExitStack() as stack:
            first, second = (
                stack.enter_context(
                    psycopg.connect(conninfo, autocommit=True, connect_timeout=10, prepare_threshold=None)
                )
                for _ in range(2)
            )

            def pid(connection: psycopg.Connection) -> int:
                row = connection.execute("SELECT pg_backend_pid()").fetchone()
                return int(row[0]) if row else 0

            mine = [pid(first)]
            with second.transaction():  # holds on to the server process that it is given
                theirs = [pid(second)]
                mine.append(pid(first))
            mine.append(pid(first))
            theirs.append(pid(second))
    except psycopg.Error as error:
        raise StoreUnavailableError(
            f"{name} cannot be reached; see that the server is up and database.url is right "
            f"({type(error).__name__}: {' '.join(str(error).split())})"
        ) from error
    if shares_sessions(mine, theirs):
        raise _refusal(f"{name} is reached through a pooler in transaction mode")


def shares_sessions(mine: Sequence[int], theirs: Sequence[int]) -> bool:
    """Whether the server processes that two connections saw, in order, show that sessions are not their own. Pure."""
    return len(set(mine)) > 1 or len(set(theirs)) > 1 or bool(set(mine) & set(theirs))


def _refusal(what: str) -> StoreUnavailableError:
    return StoreUnavailableError(f"{what}, where neither LISTEN nor session locks work; {REMEDY}")
