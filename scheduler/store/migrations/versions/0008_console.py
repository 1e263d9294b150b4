"""When people last looked at the console, for the brief they get when they are back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    time = sa.Text() if sqlite else postgresql.TIMESTAMP(timezone=True)
    op.create_table(
        "console_visits",
        sa.Column("name", sa.Text, primary_key=True, nullable=False),
        sa.Column("seen_at", time, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("console_visits")
