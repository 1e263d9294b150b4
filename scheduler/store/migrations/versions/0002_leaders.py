"""The table of leaders: who schedules, of several daemons on one database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    time = sa.Text() if sqlite else postgresql.TIMESTAMP(timezone=True)
    op.create_table(
        "leaders",
        sa.Column("role", sa.Text, primary_key=True, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("since", time, nullable=False),
        sa.Column("expires_at", time, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("leaders")
