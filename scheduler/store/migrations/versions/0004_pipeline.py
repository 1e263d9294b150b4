"""Health: what probes come to, how services changed, who keeps one down on purpose. Failures: what is the same one.

``service_rollups`` outlives the probes it was made of. ``render_failures.fingerprint`` is NULL for failures that were
recorded before it was there.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    time = sa.Text() if sqlite else postgresql.TIMESTAMP(timezone=True)
    real = sa.REAL() if sqlite else postgresql.DOUBLE_PRECISION()
    no = sa.text("0" if sqlite else "false")
    op.add_column("service_probes", sa.Column("doubtful", sa.Boolean, nullable=False, server_default=no))
    op.create_table(
        "service_rollups",
        sa.Column("service", sa.Text, primary_key=True, nullable=False),
        sa.Column("span_s", sa.Integer, primary_key=True, nullable=False, autoincrement=False),
        sa.Column("start_at", time, primary_key=True, nullable=False),
        sa.Column("probes", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("p50_ms", real),
        sa.Column("p95_ms", real),
        sa.Column("p99_ms", real),
        sa.Column("max_ms", real),
    )
    op.create_index("service_rollups_by_time", "service_rollups", ["span_s", "start_at"])
    op.create_table(
        "service_transitions",
        sa.Column("service", sa.Text, primary_key=True, nullable=False),
        sa.Column("at", time, primary_key=True, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_table(
        "service_maintenance",
        sa.Column("service", sa.Text, primary_key=True, nullable=False),
        sa.Column("until_at", time, nullable=False),
        sa.Column("since_at", time, nullable=False),
        sa.Column("by_whom", sa.Text, nullable=False),
    )
    op.add_column("render_failures", sa.Column("fingerprint", sa.Text))
    op.create_index("render_failures_by_fingerprint", "render_failures", ["fingerprint", "seq"])


def downgrade() -> None:
    op.drop_index("render_failures_by_fingerprint", "render_failures")
    op.drop_column("render_failures", "fingerprint")
    for table in ("service_maintenance", "service_transitions", "service_rollups"):
        op.drop_table(table)
    op.drop_column("service_probes", "doubtful")
