"""The tables of the queue, of renders, schedules, probes and processes.

Hand-written for both databases: what differs stands in one place at the top.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from scheduler.store.migrations.adopt import adopt_jobs, refuse_strangers

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

RANK = "CASE priority WHEN 'high' THEN 0 WHEN 'normal' THEN 1 WHEN 'low' THEN 2 END"
SQLITE_NOW = "(strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))"
SQLITE_UUID4 = (
    "(lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' || "
    "substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))))"
)


TABLES = {
    "jobs", "job_queue_config", "renders", "render_logs", "render_failures", "checkpoints", "schedules",
    "service_probes", "processes",
}


class Kinds:
    """The column types and defaults of the database at hand."""

    def __init__(self, name: str) -> None:
        self.sqlite = name == "sqlite"
        self.time = sa.Text() if self.sqlite else postgresql.TIMESTAMP(timezone=True)
        self.day = sa.Text() if self.sqlite else sa.Date()
        self.uuid = sa.Text() if self.sqlite else postgresql.UUID()
        self.json = sa.Text() if self.sqlite else postgresql.JSONB()
        self.real = sa.REAL() if self.sqlite else postgresql.DOUBLE_PRECISION()
        self.now = sa.text(SQLITE_NOW if self.sqlite else "now()")
        self.new_uuid = sa.text(SQLITE_UUID4 if self.sqlite else "gen_random_uuid()")
        self.no = sa.text("0" if self.sqlite else "false")
        self.yes = sa.text("1" if self.sqlite else "true")
        self.empty_object = sa.text("'{}'" if self.sqlite else "'{}'::jsonb")
        self.empty_list = sa.text("'[]'" if self.sqlite else "'[]'::jsonb")

    def serial(self) -> list[sa.Column]:
        """A number that grows by insertion; on SQLite it must be the primary key to do so."""
        if self.sqlite:
            return [sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True)]
        return [sa.Column("seq", sa.BigInteger, sa.Identity(always=True), nullable=False, unique=True)]

    def key(self) -> sa.Column:
        """The uuid by which others know the row: the primary key where ``seq`` need not be."""
        if self.sqlite:
            return sa.Column("id", self.uuid, nullable=False, unique=True, server_default=self.new_uuid)
        return sa.Column("id", self.uuid, primary_key=True, server_default=self.new_uuid)

    def is_object(self, column: str) -> str:
        return f"json_valid({column}) AND json_type({column}) = 'object'" if self.sqlite else f"jsonb_typeof({column}) = 'object'"

    def table_options(self) -> dict[str, object]:
        # AUTOINCREMENT: a number is never given out twice, also after the newest rows were deleted.
        return {"sqlite_autoincrement": True} if self.sqlite else {}


def upgrade() -> None:
    k = Kinds(op.get_bind().dialect.name)
    refuse_strangers(op.get_bind(), TABLES if k.sqlite else TABLES - {"jobs"})
    _jobs(k)
    _renders(k)
    _others(k)


def _jobs(k: Kinds) -> None:
    checks = [
        sa.CheckConstraint("job_type <> ''", name="jobs_job_type_given"),
        sa.CheckConstraint("priority IN ('high', 'normal', 'low')", name="jobs_priority_known"),
        sa.CheckConstraint(
            "status IN ('queued', 'processing', 'completed', 'failed', 'cancelled')", name="jobs_status_known"
        ),
        sa.CheckConstraint(k.is_object("payload"), name="jobs_payload_is_object"),
        sa.CheckConstraint("retry_count >= 0 AND (max_retries IS NULL OR max_retries >= 0)", name="jobs_counts"),
    ]
    if k.sqlite:
        # Text could hold anything; PostgreSQL's types see to this by themselves.
        checks += [
            sa.CheckConstraint("datetime(created_at) IS NOT NULL", name="jobs_created_at_is_time"),
            sa.CheckConstraint("datetime(updated_at) IS NOT NULL", name="jobs_updated_at_is_time"),
            sa.CheckConstraint("id <> ''", name="jobs_id_given"),
        ]
    columns = [
        *k.serial(),
        k.key(),
        sa.Column("job_type", sa.Text, nullable=False),
        sa.Column("priority", sa.Text, nullable=False, server_default="normal"),
        sa.Column("status", sa.Text, nullable=False, server_default="queued"),
        sa.Column("payload", k.json, nullable=False, server_default=k.empty_object),
        sa.Column("retry_count", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("max_retries", sa.Integer),
        sa.Column("error_message", sa.Text),
        sa.Column("created_at", k.time, nullable=False, server_default=k.now),
        sa.Column("updated_at", k.time, nullable=False, server_default=k.now),
        sa.Column("started_at", k.time),
        sa.Column("completed_at", k.time),
        sa.Column("idempotency_key", sa.Text, unique=True),
        sa.Column("schedule_name", sa.Text),
        sa.Column("run_date", k.day),
        sa.Column("deadline_at", k.time),
        sa.Column("queued_at", k.time, nullable=False, server_default=k.now),
        sa.Column("retry_at", k.time),
        sa.Column("lease_owner", sa.Text),
        sa.Column("lease_expires_at", k.time),
        sa.Column("attempt", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("crash_count", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("time_limit_at", k.time),
        sa.Column("cancel_requested_at", k.time),
        sa.Column("progress", k.real, nullable=False, server_default=sa.text("0")),
        sa.Column("stage", sa.Text),
        sa.Column("degraded", sa.Boolean, nullable=False, server_default=k.no),
        sa.Column("reason", sa.Text),
        sa.Column("priority_rank", sa.Integer, sa.Computed(RANK, persisted=not k.sqlite)),
    ]
    if not k.sqlite and sa.inspect(op.get_bind()).has_table("jobs"):
        adopt_jobs(op.get_bind(), columns, checks)
    else:
        op.create_table("jobs", *columns, *checks, **k.table_options())
    # The claim reads one range of this, and never the table.
    _index("jobs_claim", "jobs", ["priority_rank", "seq", "job_type"], "status = 'queued'")
    _index("jobs_waiting", "jobs", ["queued_at"], "status = 'queued'")
    _index("jobs_leased", "jobs", ["job_type", "lease_expires_at"], "status = 'processing'")
    _index("jobs_retry_due", "jobs", ["retry_at"], "status = 'failed' AND retry_at IS NOT NULL")
    op.create_index("jobs_by_status", "jobs", ["status", "seq"])
    op.create_index("jobs_by_type", "jobs", ["job_type", "seq"])
    op.create_table(
        "job_queue_config",
        sa.Column("job_type", sa.Text, primary_key=True, nullable=False),
        sa.Column("concurrency", sa.Integer, nullable=False, server_default=sa.text("10")),
        sa.Column("timeout_s", k.real, nullable=False, server_default=sa.text("600")),
        sa.Column("max_retries", sa.Integer, nullable=False, server_default=sa.text("3")),
        sa.Column("retry_delay_s", k.real, nullable=False, server_default=sa.text("300")),
        sa.Column("paused", sa.Boolean, nullable=False, server_default=k.no),
        sa.Column("updated_at", k.time, nullable=False, server_default=k.now),
        sa.CheckConstraint(
            "concurrency >= 0 AND timeout_s >= 0 AND max_retries >= 0 AND retry_delay_s >= 0",
            name="job_queue_config_not_negative",
        ),
    )


def _renders(k: Kinds) -> None:
    job = lambda: sa.Column("job_id", k.uuid, sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False)
    render = lambda: sa.Column("render_id", k.uuid, sa.ForeignKey("renders.id", ondelete="CASCADE"), nullable=False)
    op.create_table(
        "renders",
        sa.Column("id", k.uuid, primary_key=True, nullable=False, server_default=k.new_uuid),
        job(),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_at", k.time, nullable=False, server_default=k.now),
        sa.Column("finished_at", k.time),
        sa.Column("degraded", sa.Boolean, nullable=False, server_default=k.no),
        sa.Column("video_url", sa.Text),
        sa.Column("thumbnail_url", sa.Text),
        sa.Column("duration_s", k.real),
        sa.Column("correlation_id", sa.Text),
        sa.UniqueConstraint("job_id", "number", name="renders_numbered_by_job"),
    )
    op.create_table(
        "render_logs",
        *k.serial(),
        sa.Column("id", sa.Text, nullable=False, unique=True) if k.sqlite else sa.Column("id", sa.Text, primary_key=True),
        render(),
        job(),
        sa.Column("step_name", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("retry_count", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("fallback_position", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("resumed", sa.Boolean, nullable=False, server_default=k.no),
        sa.Column("duration_ms", sa.BigInteger),
        sa.Column("error_class", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("detail", k.json, nullable=False, server_default=k.empty_object),
        sa.Column("created_at", k.time, nullable=False, server_default=k.now),
        sa.CheckConstraint("status IN ('started', 'completed', 'failed')", name="render_logs_status_known"),
        **k.table_options(),
    )
    op.create_index("render_logs_by_render", "render_logs", ["render_id", "seq"])
    op.create_index("render_logs_by_job", "render_logs", ["job_id", "seq"])
    _index("render_logs_durations", "render_logs", ["step_name", "provider", "seq"], "status = 'completed'")
    op.create_table(
        "render_failures",
        *k.serial(),
        k.key(),
        render(),
        sa.Column("failure_reason", sa.Text, nullable=False),
        sa.Column("error_details", k.json, nullable=False, server_default=k.empty_object),
        sa.Column("resolved", sa.Boolean, nullable=False, server_default=k.no),
        sa.Column("resolved_at", k.time),
        sa.Column("resolved_by", sa.Text),
        sa.Column("created_at", k.time, nullable=False, server_default=k.now),
        **k.table_options(),
    )
    op.create_index("render_failures_by_render", "render_failures", ["render_id", "seq"])
    op.create_table(
        "checkpoints",
        sa.Column("job_id", k.uuid, sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True, nullable=False),
        sa.Column("stage", sa.Text, primary_key=True, nullable=False),
        sa.Column("part", sa.Text, primary_key=True, nullable=False, server_default=""),
        sa.Column("output", k.json, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("created_at", k.time, nullable=False, server_default=k.now),
    )


def _others(k: Kinds) -> None:
    op.create_table(
        "schedules",
        sa.Column("name", sa.Text, primary_key=True, nullable=False),
        sa.Column("job_type", sa.Text, nullable=False),
        sa.Column("cron", sa.Text, nullable=False),
        sa.Column("timezone", sa.Text, nullable=False),
        sa.Column("deadline", sa.Text),
        sa.Column("catch_up_s", k.real, nullable=False),
        sa.Column("payload", k.json, nullable=False, server_default=k.empty_object),
        sa.Column("priority", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False, server_default=k.yes),
        sa.Column("declared", sa.Boolean, nullable=False, server_default=k.yes),
        sa.Column("last_fire", k.time),
        sa.Column("paused", sa.Boolean, nullable=False, server_default=k.no),
        sa.Column("skip_dates", k.json, nullable=False, server_default=k.empty_list),
        sa.Column("last_job_id", k.uuid),
        sa.Column("updated_at", k.time, nullable=False, server_default=k.now),
    )
    op.create_table(
        "service_probes",
        *(k.serial() if k.sqlite else [sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True)]),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("at", k.time, nullable=False),
        sa.Column("ok", sa.Boolean, nullable=False),
        sa.Column("degraded", sa.Boolean, nullable=False, server_default=k.no),
        sa.Column("latency_ms", k.real),
        sa.Column("http_status", sa.Integer),
        sa.Column("error", sa.Text),
    )
    op.create_index("service_probes_by_service", "service_probes", ["service", "seq"])
    op.create_index("service_probes_by_time", "service_probes", ["at"])
    op.create_table(
        "processes",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("started_at", k.time, nullable=False),
        sa.Column("beat_at", k.time, nullable=False),
    )


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    for table in (
        "processes", "service_probes", "schedules", "checkpoints", "render_failures", "render_logs", "renders",
        "job_queue_config", "jobs",
    ):
        op.drop_table(table)
