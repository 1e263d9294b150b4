"""PostgreSQL under Supabase: the web roles get no rights in tables that are predawn's alone.

Supabase lets ``anon`` and ``authenticated`` do everything in new tables. Whoever may write into ``api_tokens`` is admin
here, and ``anon``'s key stands in every web page. The contract's own tables (``jobs``, ``job_queue_config``,
``render_logs``, ``render_failures``) keep the rights that their owner gave: other applications work with them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ROLES = ("anon", "authenticated")
OURS = (
    "alert_events", "alert_mutes", "alert_presses", "alerts", "api_tokens", "audit", "audit_head", "checkpoints",
    "console_visits", "job_counts", "job_names", "job_search", "leaders", "nights", "outbox", "outbox_channels",
    "predawn_schema", "processes", "remote_looks", "renders", "schedules", "service_maintenance", "service_probes",
    "service_rollups", "service_transitions", "webhooks_seen",
)  # fmt: skip


def upgrade() -> None:
    bind = op.get_bind()
    if bind.dialect.name == "sqlite":
        return
    there = set(sa.inspect(bind).get_table_names())
    tables = ", ".join(table for table in OURS if table in there)
    found = bind.execute(sa.text("SELECT rolname FROM pg_roles WHERE rolname = ANY(:roles)"), {"roles": list(ROLES)})
    for role in found.scalars().all():
        op.execute(f"REVOKE ALL ON {tables} FROM {role}")


def downgrade() -> None:
    """Rights that nobody should have had are not given back."""
