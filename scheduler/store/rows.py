"""The tables, as SQLModel rows. They stay in this folder: what leaves it are the values of ``scheduler.domain``.

The migrations make the tables, with their defaults, checks and indexes; a test holds the two against each other.
Queries are written in SQLAlchemy Core over the ``Table`` objects at the end.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Computed, Float, MetaData, Table, Text
from sqlmodel import Field, SQLModel

from scheduler.domain.job import Priority
from scheduler.store.sqltypes import IsoDate, JsonValue, UtcDateTime, UuidText

PRIORITY_RANK = "CASE priority " + " ".join(f"WHEN '{word}' THEN {word.rank}" for word in Priority) + " END"


class Row(SQLModel):
    """A table of ours, in a catalogue of its own."""

    metadata = MetaData()
    __tablename__: ClassVar[str]  # pyright: ignore[reportIncompatibleMethodOverride, reportIncompatibleVariableOverride] - SQLModel types it as a declared_attr


class JobRow(Row, table=True):
    """Something to be made: the contract with other applications (contracts.md), and columns of ours with defaults."""

    __tablename__ = "jobs"

    seq: int = Field(primary_key=True, sa_type=BigInteger)
    """Grows by insertion: the tie-breaker of FIFO and the key of pages."""
    id: str = Field(sa_type=UuidText, unique=True)
    job_type: str = Field(sa_type=Text)
    priority: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    payload: Any = Field(sa_type=JsonValue, nullable=False)
    retry_count: int
    max_retries: int | None
    """NULL: the job type's setting."""
    error_message: str | None = Field(sa_type=Text)
    """JSON ``{message, type, timestamp, stack, stage, provider}``."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    started_at: datetime | None = Field(sa_type=UtcDateTime)
    completed_at: datetime | None = Field(sa_type=UtcDateTime)
    idempotency_key: str | None = Field(sa_type=Text, unique=True)
    schedule_name: str | None = Field(sa_type=Text)
    run_date: date | None = Field(sa_type=IsoDate)
    deadline_at: datetime | None = Field(sa_type=UtcDateTime)
    queued_at: datetime = Field(sa_type=UtcDateTime)
    """When it last became queued."""
    retry_at: datetime | None = Field(sa_type=UtcDateTime)
    lease_owner: str | None = Field(sa_type=Text)
    lease_expires_at: datetime | None = Field(sa_type=UtcDateTime)
    attempt: int
    crash_count: int
    time_limit_at: datetime | None = Field(sa_type=UtcDateTime)
    cancel_requested_at: datetime | None = Field(sa_type=UtcDateTime)
    progress: float = Field(sa_type=Float)
    stage: str | None = Field(sa_type=Text)
    degraded: bool
    reason: str | None = Field(sa_type=Text)
    priority_rank: int = Field(sa_column_args=(Computed(PRIORITY_RANK),))
    """0 high, 1 normal, 2 low; generated, so that a claim reads one range of an index."""


class QueueConfigRow(Row, table=True):
    """The limits of one job type."""

    __tablename__ = "job_queue_config"

    job_type: str = Field(primary_key=True, sa_type=Text)
    concurrency: int
    timeout_s: float = Field(sa_type=Float)
    max_retries: int
    retry_delay_s: float = Field(sa_type=Float)
    paused: bool
    updated_at: datetime = Field(sa_type=UtcDateTime)


class RenderRow(Row, table=True):
    """One pass of a job through the pipeline."""

    __tablename__ = "renders"

    id: str = Field(primary_key=True, sa_type=UuidText)
    job_id: str = Field(sa_type=UuidText)
    number: int
    attempt: int
    status: str = Field(sa_type=Text)
    started_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(sa_type=UtcDateTime)
    degraded: bool
    video_url: str | None = Field(sa_type=Text)
    thumbnail_url: str | None = Field(sa_type=Text)
    duration_s: float | None = Field(sa_type=Float)
    correlation_id: str | None = Field(sa_type=Text)


class RenderLogRow(Row, table=True):
    """One call of one provider."""

    __tablename__ = "render_logs"

    seq: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(sa_type=Text, unique=True)
    render_id: str = Field(sa_type=UuidText)
    job_id: str = Field(sa_type=UuidText)
    step_name: str = Field(sa_type=Text)
    provider: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    retry_count: int
    fallback_position: int
    resumed: bool
    duration_ms: int | None = Field(sa_type=BigInteger)
    error_class: str | None = Field(sa_type=Text)
    error_message: str | None = Field(sa_type=Text)
    detail: Any = Field(sa_type=JsonValue, nullable=False)
    created_at: datetime = Field(sa_type=UtcDateTime)


class RenderFailureRow(Row, table=True):
    """One final failure of a render or of one of its stages."""

    __tablename__ = "render_failures"

    seq: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(sa_type=UuidText, unique=True)
    render_id: str = Field(sa_type=UuidText)
    failure_reason: str = Field(sa_type=Text)
    error_details: Any = Field(sa_type=JsonValue, nullable=False)
    """JSON ``{message, stage, provider, retryable, details}``."""
    resolved: bool
    resolved_at: datetime | None = Field(sa_type=UtcDateTime)
    resolved_by: str | None = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=UtcDateTime)
    fingerprint: str | None = Field(sa_type=Text)
    """The same for the same failure of another night."""


class CheckpointRow(Row, table=True):
    """A stage's kept output, or (``part`` not empty) one finished part of it."""

    __tablename__ = "checkpoints"

    job_id: str = Field(primary_key=True, sa_type=UuidText)
    stage: str = Field(primary_key=True, sa_type=Text)
    part: str = Field(primary_key=True, sa_type=Text)
    output: Any = Field(sa_type=JsonValue, nullable=False)
    attempt: int
    created_at: datetime = Field(sa_type=UtcDateTime)


class ScheduleRow(Row, table=True):
    """A schedule as declared in the config, and what has become of it."""

    __tablename__ = "schedules"

    name: str = Field(primary_key=True, sa_type=Text)
    job_type: str = Field(sa_type=Text)
    cron: str = Field(sa_type=Text)
    timezone: str = Field(sa_type=Text)
    deadline: str | None = Field(sa_type=Text)
    """Local time of day, ISO."""
    catch_up_s: float = Field(sa_type=Float)
    payload: Any = Field(sa_type=JsonValue, nullable=False)
    priority: str = Field(sa_type=Text)
    enabled: bool
    declared: bool
    """Whether the config still names it; if not, only an operator's pause and skipped dates are kept here."""
    last_fire: datetime | None = Field(sa_type=UtcDateTime)
    paused: bool
    skip_dates: Any = Field(sa_type=JsonValue, nullable=False)
    last_job_id: str | None = Field(sa_type=UuidText)
    updated_at: datetime = Field(sa_type=UtcDateTime)
    one_off: Any = Field(sa_type=JsonValue, nullable=False)
    """Local times, ISO without offset."""
    holidays: Any = Field(sa_type=JsonValue, nullable=False)
    latest_start: str | None = Field(sa_type=Text)
    start_early: bool
    payload_file: str | None = Field(sa_type=Text)


class ProbeRow(Row, table=True):
    """One health check of a service."""

    __tablename__ = "service_probes"

    seq: int = Field(primary_key=True, sa_type=BigInteger)
    service: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=UtcDateTime)
    ok: bool
    degraded: bool
    latency_ms: float | None = Field(sa_type=Float)
    http_status: int | None
    error: str | None = Field(sa_type=Text)
    doubtful: bool
    """Nothing elsewhere could be reached either: the service may be well."""


class RollupRow(Row, table=True):
    """The probes of a service over a span of time, in figures."""

    __tablename__ = "service_rollups"

    service: str = Field(primary_key=True, sa_type=Text)
    span_s: int = Field(primary_key=True)
    start_at: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    probes: int
    failures: int
    p50_ms: float | None = Field(sa_type=Float)
    p95_ms: float | None = Field(sa_type=Float)
    p99_ms: float | None = Field(sa_type=Float)
    max_ms: float | None = Field(sa_type=Float)


class TransitionRow(Row, table=True):
    """A service's change of state."""

    __tablename__ = "service_transitions"

    service: str = Field(primary_key=True, sa_type=Text)
    at: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    before: str = Field(sa_type=Text)
    after: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)


class MaintenanceRow(Row, table=True):
    """A service that an operator has taken out until a time."""

    __tablename__ = "service_maintenance"

    service: str = Field(primary_key=True, sa_type=Text)
    until_at: datetime = Field(sa_type=UtcDateTime)
    since_at: datetime = Field(sa_type=UtcDateTime)
    by_whom: str = Field(sa_type=Text)


class ProcessRow(Row, table=True):
    """A daemon or worker and its last beat."""

    __tablename__ = "processes"

    id: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(sa_type=Text)
    host: str = Field(sa_type=Text)
    pid: int
    started_at: datetime = Field(sa_type=UtcDateTime)
    beat_at: datetime = Field(sa_type=UtcDateTime)


class LeaderRow(Row, table=True):
    """Who does what only one of several daemons should do."""

    __tablename__ = "leaders"

    role: str = Field(primary_key=True, sa_type=Text)
    holder: str = Field(sa_type=Text)
    fence: int = Field(sa_type=BigInteger)
    since: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)


class ConsoleVisitRow(Row, table=True):
    """When somebody last looked at the console."""

    __tablename__ = "console_visits"

    name: str = Field(primary_key=True, sa_type=Text)
    seen_at: datetime = Field(sa_type=UtcDateTime)


class NightRow(Row, table=True):
    """What became of one run date of a schedule with a deadline; kept when its job is pruned."""

    __tablename__ = "nights"

    schedule: str = Field(primary_key=True, sa_type=Text)
    run_date: date = Field(primary_key=True, sa_type=IsoDate)
    timezone: str = Field(sa_type=Text)
    nominal_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime)
    outcome: str = Field(sa_type=Text)
    job_id: str | None = Field(sa_type=UuidText)
    started_at: datetime | None = Field(sa_type=UtcDateTime)
    ready_at: datetime | None = Field(sa_type=UtcDateTime)
    degraded: bool | None
    upgraded_at: datetime | None = Field(sa_type=UtcDateTime)
    p50_at: datetime | None = Field(sa_type=UtcDateTime)
    p90_at: datetime | None = Field(sa_type=UtcDateTime)
    note: str = Field(sa_type=Text)
    updated_at: datetime = Field(sa_type=UtcDateTime)


class AuditRow(Row, table=True):
    """Who did what, hash-chained; only added to."""

    __tablename__ = "audit"

    seq: int = Field(primary_key=True, sa_type=BigInteger)
    """Counts from 1 without gaps."""
    at: datetime = Field(sa_type=UtcDateTime)
    actor: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    via: str = Field(sa_type=Text)
    origin: str = Field(sa_type=Text)
    command: str = Field(sa_type=Text)
    target: str = Field(sa_type=Text)
    outcome: str = Field(sa_type=Text)
    message: str = Field(sa_type=Text)
    detail: str = Field(sa_type=Text)
    """JSON, as text on both databases: it is hashed as it stands."""
    previous: str = Field(sa_type=Text)
    hash: str = Field(sa_type=Text)


class AuditHeadRow(Row, table=True):
    """The newest line of the audit trail: one row, at which writers wait for each other."""

    __tablename__ = "audit_head"

    id: int = Field(primary_key=True)
    seq: int = Field(sa_type=BigInteger)
    hash: str = Field(sa_type=Text)


class TokenRow(Row, table=True):
    """A token of the HTTP API; the token itself is nowhere."""

    __tablename__ = "api_tokens"

    id: str = Field(primary_key=True, sa_type=Text)
    """The part of the token that is no secret."""
    name: str = Field(sa_type=Text, unique=True)
    role: str = Field(sa_type=Text)
    hash: str = Field(sa_type=Text)
    """SHA-256 of the whole token, lower-case hex."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    created_by: str = Field(sa_type=Text)
    expires_at: datetime | None = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(sa_type=UtcDateTime)


class WebhookRow(Row, table=True):
    """A webhook that was taken, so that it is not taken again."""

    __tablename__ = "webhooks_seen"

    id: str = Field(primary_key=True, sa_type=Text)
    at: datetime = Field(sa_type=UtcDateTime)


class JobNameRow(Row, table=True):
    """What a caller of the HTTP API calls a job (``job_id`` of ``POST /render``): the newest one of that name."""

    __tablename__ = "job_names"

    name: str = Field(primary_key=True, sa_type=Text)
    job_id: str = Field(sa_type=UuidText)


class RemoteLookRow(Row, table=True):
    """A job whose remote work somebody wants looked at now; ``id`` is ours or the remote service's."""

    __tablename__ = "remote_looks"

    id: str = Field(primary_key=True, sa_type=Text)
    asked_at: datetime = Field(sa_type=UtcDateTime)
    looked_at: datetime | None = Field(sa_type=UtcDateTime)
    """NULL: nobody has looked yet."""


job_counts = Table(
    "job_counts",
    Row.metadata,
    Column("status", Text, nullable=False),
    Column("job_type", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("n", BigInteger, nullable=False),
)
"""How many jobs are in which state, kept by triggers: the sum of ``n``. No ORM row: on PostgreSQL it has no key."""


def _table(name: str) -> Table:
    return Row.metadata.tables[name]


jobs = _table("jobs")
job_queue_config = _table("job_queue_config")
renders = _table("renders")
render_logs = _table("render_logs")
render_failures = _table("render_failures")
checkpoints = _table("checkpoints")
schedules = _table("schedules")
service_probes = _table("service_probes")
service_rollups = _table("service_rollups")
service_transitions = _table("service_transitions")
service_maintenance = _table("service_maintenance")
processes = _table("processes")
leaders = _table("leaders")
nights = _table("nights")
console_visits = _table("console_visits")
audit = _table("audit")
audit_head = _table("audit_head")
api_tokens = _table("api_tokens")
webhooks_seen = _table("webhooks_seen")
job_names = _table("job_names")
remote_looks = _table("remote_looks")
