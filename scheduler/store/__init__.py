"""The store: jobs, renders, schedules and probes on SQLite or PostgreSQL. ``open_store`` is the way in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from scheduler.domain.job import QueueConfig

if TYPE_CHECKING:
    from scheduler.store.sql_store import SqlStore


def open_store(
    url: str,
    *,
    busy_timeout_s: float = 10.0,
    synchronous: Literal["FULL", "NORMAL"] = "FULL",
    max_crashes: int = 3,
    defaults: QueueConfig | None = None,
    migrate: bool = True,
    follow_file: bool = False,
) -> SqlStore:
    """Open the database and bring its schema up to date.

    Args:
        url: ``sqlite:///<file>`` (the file and its folder are made if there are none, readable by this user alone) or
            ``postgresql://user@host:5432/name``.
        busy_timeout_s: SQLite: seconds to wait for another process's write.
        synchronous: SQLite: FULL keeps every commit at a power cut.
        max_crashes: leases of a job that may run out; at this many it counts as poison and fails.
        defaults: limits of job types without a row in ``job_queue_config``; its ``job_type`` does not matter.
        migrate: False: refuse an older schema instead of changing it.
        follow_file: SQLite: when another file lies in its place, open that one instead of refusing to go on.

    Raises:
        StoreUnavailableError: it cannot be reached, opened or written.
        StoreCorruptError: the file is damaged or is no database.
        SchemaError: its schema is newer than this program, or older and ``migrate`` is False.
    """
    # SQLAlchemy and SQLModel take 0.4 s to import: those who only need the types do not wait for them.
    from scheduler.store.sql_store import SqlStore  # noqa: PLC0415 - see above

    return SqlStore.open(
        url,
        busy_timeout_s=busy_timeout_s,
        synchronous=synchronous,
        max_crashes=max_crashes,
        defaults=defaults or QueueConfig(job_type="*"),
        bring_up_to_date=migrate,
        follow_file=follow_file,
    )
