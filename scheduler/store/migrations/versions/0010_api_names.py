"""What callers call their jobs, and jobs whose remote work somebody wants looked at now."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    time = sa.Text() if sqlite else postgresql.TIMESTAMP(timezone=True)
    uuid = sa.Text() if sqlite else postgresql.UUID(as_uuid=False)
    op.create_table(
        "job_names",
        sa.Column("name", sa.Text, primary_key=True, nullable=False),
        sa.Column("job_id", uuid, sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    )
    op.create_index("job_names_job", "job_names", ["job_id"])
    op.create_table(
        "remote_looks",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("asked_at", time, nullable=False),
        sa.Column("looked_at", time),
    )


def downgrade() -> None:
    for table in ("remote_looks", "job_names"):
        op.drop_table(table)
