"""A ``jobs`` table that is there already (a Supabase project's, with the contract's columns) becomes predawn's.

Its rows, columns and triggers stay; what is missing is added, with defaults, so that the applications that insert rows
go on as before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from scheduler.ports.store import SchemaError

NEEDED = ("id", "job_type", "priority", "status", "payload")
KINDS = {"id": "uuid", "job_type": "text", "priority": "text", "status": "text", "payload": "jsonb"}
"""What the contract says of the columns that predawn cannot do without."""
SAME = {"character varying": "text", "json": "jsonb"}
GIVEN = {
    "status": ("queued", "processing", "completed", "failed", "cancelled"),
    "priority": ("high", "normal", "low"),
}
_KINDS = sa.text(
    "SELECT column_name, data_type FROM information_schema.columns "
    "WHERE table_schema = current_schema() AND table_name = 'jobs'"
)
_NUMBER = (
    "ALTER TABLE jobs ADD COLUMN seq bigint",
    """UPDATE jobs SET seq = place FROM (
        SELECT ctid AS at, row_number() OVER (ORDER BY {age}, ctid) AS place FROM jobs
    ) AS numbered WHERE jobs.ctid = at""",
    "ALTER TABLE jobs ALTER COLUMN seq SET NOT NULL",
    "ALTER TABLE jobs ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY",
    "ALTER TABLE jobs ADD CONSTRAINT jobs_seq_key UNIQUE (seq)",
)


def refuse_strangers(connection: sa.Connection, names: Collection[str]) -> None:
    """See that no other program has tables of these names here.

    Raises:
        SchemaError: one has.
    """
    taken = sorted(set(names) & set(sa.inspect(connection).get_table_names()))
    if taken:
        raise SchemaError(
            f"the database has a table {taken[0]} that is not predawn's; rename it "
            f"(ALTER TABLE {taken[0]} RENAME TO {taken[0]}_before), or give predawn a database or schema of its own"
        )


def adopt_jobs(connection: sa.Connection, columns: Sequence[Any], checks: Sequence[sa.CheckConstraint]) -> None:
    """Bring an existing ``jobs`` up to these columns and checks.

    Raises:
        SchemaError: it is not the contract's table, or has rows that nobody could take.
    """
    there: dict[str, str] = {name: kind for name, kind in connection.execute(_KINDS)}  # noqa: C416 - typed rows
    _refuse_other_kinds(there)
    if there["payload"] == "json":
        op.execute("ALTER TABLE jobs ALTER COLUMN payload DROP DEFAULT")
        op.execute("ALTER TABLE jobs ALTER COLUMN payload TYPE jsonb USING payload::jsonb")
    op.execute("UPDATE jobs SET status = 'queued' WHERE status = 'pending'")
    if "seq" not in there:
        for statement in _NUMBER:
            op.execute(statement.format(age="created_at" if "created_at" in there else "ctid"))
        op.execute("SELECT setval(pg_get_serial_sequence('jobs', 'seq'), coalesce(max(seq), 0) + 1, false) FROM jobs")
    for column in columns:
        if column.name not in there and column.name != "seq":
            op.add_column("jobs", column)
        elif column.server_default is not None and column.name in there:
            default = column.server_default.arg
            text = f"'{default}'" if isinstance(default, str) else str(default)
            op.execute(f"ALTER TABLE jobs ALTER COLUMN {column.name} SET DEFAULT {text}")
            op.execute(f"UPDATE jobs SET {column.name} = {text} WHERE {column.name} IS NULL")  # noqa: S608 - our columns
            op.execute(f"ALTER TABLE jobs ALTER COLUMN {column.name} SET NOT NULL")
    if "queued_at" not in there:
        op.execute("UPDATE jobs SET queued_at = created_at")
    if "id" not in _unique_columns(connection):
        op.create_unique_constraint("jobs_id_key", "jobs", ["id"])
    _refuse_other_words(connection)
    for check in checks:
        op.create_check_constraint(str(check.name), "jobs", check.sqltext)


def _refuse_other_kinds(there: Mapping[str, str]) -> None:
    for name in NEEDED:
        if name not in there:
            raise SchemaError(
                f"the table jobs has no column {name}: it is not the table of the contract (docs/jobs.md); "
                "rename it, or give predawn a database or schema of its own"
            )
        if SAME.get(there[name], there[name]) != KINDS[name]:
            raise SchemaError(
                f"jobs.{name} is {there[name]} and must be {KINDS[name]}; change it: "
                f"ALTER TABLE jobs ALTER COLUMN {name} TYPE {KINDS[name]} USING {name}::{KINDS[name]}"
            )
    for name, kind in there.items():
        if name.endswith("_at") and kind == "timestamp without time zone":
            raise SchemaError(
                f"jobs.{name} has no time zone; change it: ALTER TABLE jobs ALTER COLUMN {name} "
                f"TYPE timestamptz USING {name} AT TIME ZONE 'UTC'"
            )


def _refuse_other_words(connection: sa.Connection) -> None:
    for name, words in GIVEN.items():
        column: sa.ColumnClause[str] = sa.column(name)
        odd = sa.select(column).select_from(sa.table("jobs")).where(column.not_in(words)).distinct().limit(1)
        found = connection.execute(odd).scalar()
        if found is not None:
            remedy = f"UPDATE jobs SET {name} = '{words[-1]}' WHERE {name} = '{found}'"  # noqa: S608 - for people to run
            raise SchemaError(
                f"jobs has rows with {name} {found!r}, which is none of {', '.join(words)}; change them first, "
                f"for example with: {remedy}"
            )


def _unique_columns(connection: sa.Connection) -> set[str]:
    inspector = sa.inspect(connection)
    keys = [inspector.get_pk_constraint("jobs")["constrained_columns"]]
    keys += [unique["column_names"] for unique in inspector.get_unique_constraints("jobs")]
    return {key[0] for key in keys if len(key) == 1}
