"""Where the truth is kept, and the queue over it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from config.sections.base import Section


class DatabaseSettings(Section):
    """Where the truth is kept."""

    url: str | None = None
    """SQLAlchemy URL. Default: ``sqlite:///<home>/predawn.db``."""
    busy_timeout_s: Annotated[float, Field(ge=0, le=300)] = 10.0
    """SQLite: seconds to wait for another process's write."""
    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    """SQLite: FULL keeps every commit at a power cut; NORMAL is 4× faster and may lose the last ones."""


class QueueSettings(Section):
    """The queue and its workers. Limits by job type live in the table ``job_queue_config``."""

    concurrency: Annotated[int, Field(ge=1, le=10)] = 10
    """Jobs processed at once over all workers; the contract's limit is 10."""
    lease_s: Annotated[float, Field(ge=2, le=3600)] = 30.0
    """Seconds after which a silent worker's job goes back to the queue."""
    heartbeat_s: Annotated[float, Field(ge=0.2, le=600)] = 1.0
    """Seconds between a worker's heartbeats; also how soon it hears of a cancel. At most a third of ``lease_s``."""
    poll_s: Annotated[float, Field(ge=0.005, le=60)] = 0.015
    """Embedded: seconds between looks for other processes' writes; on PostgreSQL not below 0.1."""
    grace_s: Annotated[float, Field(ge=0, le=3600)] = 20.0
    """Seconds that a stopping worker waits for its jobs to reach a checkpoint, before it gives them back anyway."""
    reap_s: Annotated[float, Field(ge=0.1, le=600)] = 5.0
    """Seconds between passes of the reaper (a fifth of it as jitter)."""
    max_crashes: Annotated[int, Field(ge=1, le=100)] = 3
    """Leases that may run out, or passes that the database may fail under, before a job counts as poison and fails."""
    timeout_s: Annotated[float, Field(ge=1, le=86_400)] = 600.0
    """Default seconds a job may run, for job types without a row in ``job_queue_config``."""
    max_retries: Annotated[int, Field(ge=0, le=100)] = 3
    """Default automatic retries of a failed job."""
    retry_delay_s: Annotated[float, Field(ge=0, le=86_400)] = 300.0
    """Default seconds from a failure to its retry."""
    slots: Annotated[int, Field(ge=1, le=10)] | None = None
    """Jobs at once in this worker. Default: as many as ``concurrency`` allows."""
    dispatcher: Literal["auto", "embedded", "pgqueuer"] = "auto"
    """Who wakes the workers: ``embedded`` (looks for writes), ``pgqueuer`` (PostgreSQL), ``auto``: by the database."""
    leader_s: Annotated[float, Field(ge=1, le=20)] = 15.0
    """Seconds of silence after which another daemon schedules in place of this one (a third of it until it looks)."""
    sweep_s: Annotated[float, Field(ge=0.1, le=60)] = 2.0
    """pgqueuer: seconds between looks for jobs that it has not been handed."""
    engine_prefix: Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,23}$")] = "predawn_"
    """pgqueuer: how the names of its tables, functions and channel begin."""
