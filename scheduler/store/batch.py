"""Many rows in one statement: they go in as one JSON parameter, so that the statement's text never changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Integer, Text, bindparam, cast, column, func, type_coerce
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from scheduler.store.plain import json_text


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of a parameter as something to select from.

    Attributes:
        table: for FROM.
        c: its columns by name, and ``place``: the row's place in the batch, from 0 (SQLite) or 1 (PostgreSQL).
    """

    table: FromClause
    c: Mapping[str, ColumnElement[Any]]


PARAMETER = "batch_rows"


def batch(columns: Mapping[str, TypeEngine[Any]], *, is_sqlite: bool) -> Batch:
    """Rows with these columns, to be bound with ``batch_rows``."""
    rows = bindparam(PARAMETER, type_=Text)
    if is_sqlite:
        table = func.json_each(rows).table_valued(column("key", Integer), column("value", Text), name="batch")
        found: dict[str, ColumnElement[Any]] = {
            name: type_coerce(func.json_extract(table.c.value, f"$.{name}"), kind) for name, kind in columns.items()
        }
        return Batch(table, found | {"place": table.c.key})
    table = (
        func.jsonb_array_elements(cast(rows, postgresql.JSONB))
        .table_valued(column("value", postgresql.JSONB), with_ordinality="place", name="batch")
        .render_derived()
    )
    found = {name: cast(table.c.value.op("->>")(name), kind) for name, kind in columns.items()}
    return Batch(table, found | {"place": table.c.place})


def batch_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The parameter for ``batch``: values are text, numbers, booleans or None."""
    return {PARAMETER: json_text(rows)}
