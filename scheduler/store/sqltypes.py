"""Column types and expressions that mean the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any, cast

from sqlalchemy import REAL, BindParameter, Dialect, Text, bindparam
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from scheduler.store.plain import json_text, parse_time, plain_json, utc_text

SQLITE_TIME_FORMAT = "%Y-%m-%dT%H:%M:%f000Z"
"""For SQLite's ``strftime``; ``%f`` gives milliseconds, so the text is padded to microseconds."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time in UTC: ``timestamptz`` on PostgreSQL, fixed-width text on SQLite."""

    impl = postgresql.TIMESTAMP(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text on SQLite."""
        return Text() if dialect.name == "sqlite" else postgresql.TIMESTAMP(timezone=True)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuses naive times: they would compare wrongly."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return utc_text(value)
        if value.tzinfo is None:
            raise ValueError(f"a naive time cannot be stored: {value!r}; give it a time zone")
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Aware, in UTC, whatever the session's time zone."""
        del dialect
        if value is None:
            return None
        return parse_time(value) if isinstance(value, str) else cast("datetime", value).astimezone(UTC)


class IsoDate(TypeDecorator[date]):
    """A calendar day: ``date`` on PostgreSQL, ISO text on SQLite."""

    impl = postgresql.DATE()
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text on SQLite."""
        return Text() if dialect.name == "sqlite" else postgresql.DATE()

    def process_bind_param(self, value: date | None, dialect: Dialect) -> Any:
        """ISO text on SQLite."""
        return value.isoformat() if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> date | None:
        """A ``date``."""
        del dialect
        return date.fromisoformat(value) if isinstance(value, str) else value


class UuidText(TypeDecorator[str]):
    """A uuid that Python sees as text: ``uuid`` on PostgreSQL, text on SQLite."""

    impl = Text()
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """``uuid`` on PostgreSQL."""
        return postgresql.UUID(as_uuid=False) if dialect.name == "postgresql" else Text()

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Text."""
        del dialect
        return None if value is None else str(value)


class JsonValue(TypeDecorator[Any]):
    """A JSON value: ``jsonb`` on PostgreSQL, text on SQLite; not escaped, so that people can read Hindi in it."""

    impl = Text()
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """``jsonb`` on PostgreSQL."""
        return postgresql.JSONB(none_as_null=True) if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """JSON text on SQLite."""
        if value is None:
            return None
        plain = plain_json(value)
        return plain if dialect.name == "postgresql" else json_text(plain)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """The value, parsed."""
        if value is None or dialect.name == "postgresql":
            return value
        return json.loads(value)


class DbTime(FunctionElement[datetime]):
    """The database's clock, shifted by seconds: leases are judged by it, never by a worker's clock (engine rule 2)."""

    name = "db_time"
    type = UtcDateTime()
    inherit_cache = True


def db_time(parameter: str = "shift") -> DbTime:
    """The database's clock plus the bound seconds ``parameter``."""
    return DbTime(seconds(parameter))


def seconds(parameter: str) -> BindParameter[float]:
    """A bound number of seconds."""
    return bindparam(parameter, type_=REAL)


@compiles(DbTime, "sqlite")
def _sqlite_time(element: DbTime, compiler: SQLCompiler, **kw: Any) -> str:  # pyright: ignore[reportUnusedFunction] - SQLAlchemy calls it
    shift = compiler.process(element.clauses, **kw)
    return f"strftime('{SQLITE_TIME_FORMAT}', 'now', printf('%+.3f seconds', {shift}))"


@compiles(DbTime, "postgresql")
def _postgresql_time(element: DbTime, compiler: SQLCompiler, **kw: Any) -> str:  # pyright: ignore[reportUnusedFunction] - SQLAlchemy calls it
    shift = compiler.process(element.clauses, **kw)
    return f"(clock_timestamp() + make_interval(secs => {shift}))"


class JsonSet(FunctionElement[Any]):
    """``JsonSet(column, "key", value, …)``: the column's object with these keys set; a null value is kept as null."""

    name = "json_keys_set"
    type = JsonValue()
    inherit_cache = True


@compiles(JsonSet, "sqlite")
def _sqlite_set(element: JsonSet, compiler: SQLCompiler, **kw: Any) -> str:  # pyright: ignore[reportUnusedFunction] - SQLAlchemy calls it
    column, *pairs = (compiler.process(clause, **kw) for clause in element.clauses)
    paths = [f"'$.' || {text}" if n % 2 == 0 else text for n, text in enumerate(pairs)]
    return f"json_set({', '.join([column, *paths])})"


@compiles(JsonSet, "postgresql")
def _postgresql_set(element: JsonSet, compiler: SQLCompiler, **kw: Any) -> str:  # pyright: ignore[reportUnusedFunction] - SQLAlchemy calls it
    column, *pairs = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"({column} || jsonb_build_object({', '.join(pairs)}))"
