"""Alerts, what happened to them, and the outbox of all channels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = ("alert_presses", "alert_mutes", "alert_events", "alerts", "outbox_channels", "outbox")
LIVE = "state IN ('queued', 'leased', 'ambiguous')"


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    time = sa.Text() if sqlite else postgresql.TIMESTAMP(timezone=True)
    json = sa.Text() if sqlite else postgresql.JSONB()
    options = {"sqlite_autoincrement": True} if sqlite else {}

    def serial() -> sa.Column:
        if sqlite:
            return sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True)
        return sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True)

    op.create_table(
        "outbox",
        serial(),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("alert_id", sa.Text),
        sa.Column("key", sa.Text, unique=True),
        sa.Column("payload", json, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.Column("waiting_since", time, nullable=False),
        sa.Column("next_at", time, nullable=False),
        sa.Column("expires_at", time),
        sa.Column("lease_owner", sa.Text),
        sa.Column("lease_expires_at", time),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("ended_at", time),
        sa.Column("reference", sa.Text),
        sa.Column("error", sa.Text),
        sa.CheckConstraint(
            "state IN ('queued', 'leased', 'sent', 'ambiguous', 'dead', 'superseded')", name="outbox_state_known"
        ),
        **options,
    )
    live = {"sqlite_where": sa.text(LIVE), "postgresql_where": sa.text(LIVE)}
    op.create_index("outbox_live", "outbox", ["channel", "subject", "seq"], **live)
    op.create_index("outbox_due", "outbox", ["channel", "seq"], **live)
    op.create_index("outbox_subject", "outbox", ["subject", "channel", "seq"])
    op.create_index("outbox_alert", "outbox", ["alert_id", "seq"])
    op.create_table(
        "outbox_channels",
        sa.Column("channel", sa.Text, primary_key=True, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failing_since", time),
        sa.Column("last_error", sa.Text),
        sa.Column("last_sent_at", time),
        sa.Column("open_at", time, nullable=False),
    )
    op.create_table(
        "alerts",
        serial(),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("updated_at", time, nullable=False),
        sa.Column("fired_at", time),
        sa.Column("resolved_at", time),
        sa.Column("detail", json, nullable=False),
        sa.CheckConstraint("state IN ('pending', 'firing', 'acked', 'resolved')", name="alerts_state_known"),
        **options,
    )
    open_ = {"sqlite_where": sa.text("state <> 'resolved'"), "postgresql_where": sa.text("state <> 'resolved'")}
    op.create_index("alerts_fingerprint_open", "alerts", ["fingerprint"], unique=True, **open_)
    op.create_index("alerts_fingerprint", "alerts", ["fingerprint", "seq"])
    op.create_table(
        "alert_events",
        serial(),
        sa.Column("alert_id", sa.Text, nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("actor", sa.Text),
        sa.Column("text", sa.Text, nullable=False),
        **options,
    )
    op.create_index("alert_events_alert", "alert_events", ["alert_id", "seq"])
    op.create_table(
        "alert_mutes",
        sa.Column("fingerprint", sa.Text, primary_key=True, nullable=False),
        sa.Column("until", time, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("since", time, nullable=False),
    )
    op.create_table(
        "alert_presses",
        sa.Column("alert_id", sa.Text, primary_key=True, nullable=False),
        sa.Column("action", sa.Text, primary_key=True, nullable=False),
        sa.Column("action_ts", sa.Text, primary_key=True, nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text),
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
