"""The on-time record, what became of each run date of a schedule with a deadline; and more ways to say when.

Its rows refer to nothing, so that they stay when jobs are pruned. Nights of the time before are told from the jobs that
are still there.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    time = sa.Text() if sqlite else postgresql.TIMESTAMP(timezone=True)
    now = sa.text("(strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))" if sqlite else "now()")
    op.create_table(
        "nights",
        sa.Column("schedule", sa.Text, primary_key=True, nullable=False),
        sa.Column("run_date", sa.Text() if sqlite else sa.Date(), primary_key=True, nullable=False),
        sa.Column("timezone", sa.Text, nullable=False),
        sa.Column("nominal_at", time, nullable=False),
        sa.Column("due_at", time, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("job_id", sa.Text() if sqlite else postgresql.UUID()),
        sa.Column("started_at", time),
        sa.Column("ready_at", time),
        sa.Column("degraded", sa.Boolean),
        sa.Column("upgraded_at", time),
        sa.Column("p50_at", time),
        sa.Column("p90_at", time),
        sa.Column("note", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("updated_at", time, nullable=False, server_default=now),
    )
    json = sa.Text() if sqlite else postgresql.JSONB()
    empty = sa.text("'[]'" if sqlite else "'[]'::jsonb")
    for column in (
        sa.Column("one_off", json, nullable=False, server_default=empty),
        sa.Column("holidays", json, nullable=False, server_default=empty),
        sa.Column("latest_start", sa.Text),
        sa.Column("start_early", sa.Boolean, nullable=False, server_default=sa.text("1" if sqlite else "true")),
        sa.Column("payload_file", sa.Text),
    ):
        op.add_column("schedules", column)
    op.create_index("nights_by_date", "nights", ["run_date"])
    op.create_index("renders_by_start", "renders", ["started_at"])
    op.execute(BACKFILL)


BACKFILL = """
INSERT INTO nights
    (schedule, run_date, timezone, nominal_at, due_at, outcome, job_id, started_at, ready_at, degraded, note)
SELECT job.schedule_name, job.run_date, plan.timezone, job.created_at, job.deadline_at,
    CASE WHEN job.status = 'completed' AND job.completed_at <= job.deadline_at THEN 'on time'
        WHEN job.status = 'completed' THEN 'late' ELSE 'missed' END,
    job.id, job.started_at, CASE WHEN job.status = 'completed' THEN job.completed_at END,
    CASE WHEN job.status = 'completed' THEN job.degraded END, ''
FROM jobs AS job JOIN schedules AS plan ON plan.name = job.schedule_name
WHERE job.run_date IS NOT NULL AND job.deadline_at IS NOT NULL AND job.status IN ('completed', 'failed', 'cancelled')
    AND job.seq = (SELECT max(other.seq) FROM jobs AS other
        WHERE other.schedule_name = job.schedule_name AND other.run_date = job.run_date)
"""


def downgrade() -> None:
    op.drop_index("renders_by_start", "renders")
    op.drop_table("nights")
    for name in ("one_off", "holidays", "latest_start", "start_early", "payload_file"):
        op.drop_column("schedules", name)
