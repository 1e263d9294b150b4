"""Alembic's entry: runs the scripts on the connection, and inside the transaction, that ``migrate`` hands over."""

from __future__ import annotations

from alembic import context

from scheduler.store.migrations import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
