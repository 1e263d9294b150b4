"""PostgreSQL: whoever puts a job into the queue is heard by workers that listen, whatever wrote the row.

The triggers that count say it (``NOTIFY predawn_jobs``), with the commit; many rows of one transaction are one notice.
SQLite needs none: its number of commits costs microseconds to poll.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NOTICE = "PERFORM pg_notify('predawn_jobs', '');"


def upgrade() -> None:
    _count(on_insert=f"IF EXISTS (SELECT FROM fresh WHERE status = 'queued') THEN {NOTICE} END IF;",
           on_update=f"IF NEW.status = 'queued' THEN {NOTICE} END IF;")


def downgrade() -> None:
    _count(on_insert="", on_update="")


def _count(*, on_insert: str, on_update: str) -> None:
    """The counting functions of 0003, with what they say."""
    if op.get_bind().dialect.name == "sqlite":
        return
    schema = str(op.get_bind().execute(sa.text("SELECT current_schema()")).scalar())
    at = '"' + schema.replace('"', '""').replace("%", "%%") + '"'
    trigger = f"RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = {at}, pg_temp"
    for statement in (
        f"""CREATE OR REPLACE FUNCTION {at}.predawn_count_insert() {trigger} AS $$ BEGIN
            INSERT INTO job_counts SELECT status, job_type, priority, count(*) FROM fresh GROUP BY 1, 2, 3;
            {on_insert} RETURN NULL; END $$""",
        f"""CREATE OR REPLACE FUNCTION {at}.predawn_count_update() {trigger} AS $$ BEGIN
            INSERT INTO job_counts VALUES (OLD.status, OLD.job_type, OLD.priority, -1),
                (NEW.status, NEW.job_type, NEW.priority, 1);
            {on_update} RETURN NULL; END $$""",
    ):
        op.get_bind().exec_driver_sql(statement)
