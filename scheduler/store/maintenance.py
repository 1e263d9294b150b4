"""The care of a database: ``scheduler.ports.maintenance.Maintenance`` over SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, select, text

from scheduler.domain.job import JobStatus
from scheduler.domain.maintenance import (
    PRUNABLE,
    BackupReport,
    CheckReport,
    Finding,
    MigrationReport,
    PruneReport,
)
from scheduler.ports.maintenance import Maintenance, Progress
from scheduler.ports.store import StoreUnavailableError
from scheduler.store.backup import backup
from scheduler.store.counts import read_counts, recount, rewrite
from scheduler.store.engine import Database, database_name, open_engine, parse_url
from scheduler.store.migrations import HEAD, check, migrate
from scheduler.store.prune import Pruner
from scheduler.store.sqltypes import db_time

LATE_S = 60.0
"""Seconds after which a lease that ran out should have been taken back by a daemon that runs."""
SHOWN = 5
_REPAIR = "put right with: predawn db check --repair"
"""Problems named in one finding."""

_REFERENCES = "PRAGMA foreign_key_check"
_LEFT_RENDERS = text(
    "SELECT count(*) FROM renders JOIN jobs ON jobs.id = renders.job_id "
    "WHERE renders.status = 'running' AND jobs.status <> 'processing'"
)
_LATE = text(
    "SELECT count(*) FROM jobs WHERE status = 'processing' AND (lease_expires_at IS NULL OR lease_expires_at < :late)"
)
_UNINDEXED_SQLITE = text("SELECT count(*) FROM jobs WHERE seq NOT IN (SELECT id FROM job_search_docsize)")
_LEFT_SQLITE = text("SELECT count(*) FROM job_search_docsize WHERE id NOT IN (SELECT seq FROM jobs)")
_UNINDEXED_POSTGRESQL = text("SELECT count(*) FROM jobs LEFT JOIN job_search USING (seq) WHERE words IS NULL")
_LEFT_POSTGRESQL = text("SELECT count(*) FROM job_search LEFT JOIN jobs USING (seq) WHERE jobs.seq IS NULL")
_REINDEX_SQLITE = (
    "INSERT INTO job_search (job_search) VALUES ('delete-all')",
    """INSERT INTO job_search (rowid, job_type, key, payload, error)
        SELECT seq, job_type, key, payload, error FROM job_search_source""",
)
_REINDEX_POSTGRESQL = (
    "DELETE FROM job_search",
    """INSERT INTO job_search SELECT seq, predawn_words(predawn_document(
        job_type, idempotency_key, payload, error_message)) FROM jobs""",
)


class SqlMaintenance:
    """Care of one database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    @classmethod
    def open(cls, url: str, *, busy_timeout_s: float = 10.0) -> SqlMaintenance:
        """Open a database that is there, with the schema of this program.

        Raises:
            StoreError: it is not there, cannot be used, or has another schema.
        """
        refuse_missing(url)
        engine = open_engine(url, busy_timeout_s)
        try:
            check(engine)
        except BaseException:
            engine.dispose()
            raise
        return cls(Database(engine, busy_timeout_s=busy_timeout_s))

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()

    def prune(
        self,
        *,
        older_than: timedelta,
        statuses: Sequence[JobStatus] = PRUNABLE,
        dry_run: bool = False,
        vacuum: bool = False,
        progress: Progress | None = None,
    ) -> PruneReport:
        """Delete jobs that ended longer ago, with all that belongs to them, and old probes; the queue works on."""
        if not set(statuses) <= set(PRUNABLE):
            raise ValueError(f"only jobs that have ended are pruned: {', '.join(PRUNABLE)}")
        pruner = Pruner(self._db, older_than, progress)
        return pruner.count(statuses) if dry_run else pruner.run(statuses, vacuum=vacuum)

    def backup(self, target: Path, *, overwrite: bool = False, progress: Progress | None = None) -> BackupReport:
        """Copy the database while it is in use; the copy is whole, or not there."""
        return backup(self._db, target, overwrite=overwrite, progress=progress)

    def check(self, *, repair: bool = False) -> CheckReport:
        """Look for damage, and put counters and the search index right if asked to."""
        findings: list[Finding] = []
        with self._db.read() as connection:
            if self._db.is_sqlite:
                findings += [_integrity(connection), _references(connection)]
            findings += [self._counters(connection), self._search(connection)]
            findings += [_renders(connection), self._leases(connection)]
        if repair:
            findings = [self._repaired(finding) for finding in findings]
        return CheckReport(HEAD, findings)

    def _counters(self, connection: Connection) -> Finding:
        kept, found = set(read_counts(connection)), set(recount(connection))
        if kept == found:
            return Finding("counters", ok=True, detail=f"{sum(part.count for part in found)} jobs are counted right")
        wrong = sorted({f"{part.status}/{part.job_type}/{part.priority}" for part in kept ^ found})
        return Finding(
            "counters",
            ok=False,
            detail=f"wrong for {', '.join(wrong[:SHOWN])}; {_REPAIR}",
        )

    def _search(self, connection: Connection) -> Finding:
        sqlite = self._db.is_sqlite
        missing = connection.execute(_UNINDEXED_SQLITE if sqlite else _UNINDEXED_POSTGRESQL).scalar_one()
        left = connection.execute(_LEFT_SQLITE if sqlite else _LEFT_POSTGRESQL).scalar_one()
        if not missing and not left:
            return Finding("search", ok=True, detail="every job is found by its words")
        detail = f"{missing} jobs are not in the index, {left} that are gone still are; {_REPAIR}"
        return Finding("search", ok=False, detail=detail)

    def _leases(self, connection: Connection) -> Finding:
        shift = {"shift": self._db.shift_s - LATE_S}
        late = connection.execute(select(db_time()), shift).scalar_one()
        value = late.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if self._db.is_sqlite else late
        stuck = connection.execute(_LATE, {"late": value}).scalar_one()
        if not stuck:
            return Finding("leases", ok=True, detail="no job is held by a worker that is gone")
        return Finding(
            "leases",
            ok=False,
            detail=f"{stuck} jobs are held by workers that are gone; a daemon takes them back: predawn serve",
        )

    def _repaired(self, finding: Finding) -> Finding:
        if finding.ok or finding.name not in {"counters", "search"}:
            return finding
        with self._db.write() as connection:
            if not self._db.is_sqlite:
                connection.execute(text("LOCK TABLE jobs IN SHARE ROW EXCLUSIVE MODE"))
            if finding.name == "counters":
                rewrite(connection)
            else:
                for statement in _REINDEX_SQLITE if self._db.is_sqlite else _REINDEX_POSTGRESQL:
                    connection.execute(text(statement))
        return Finding(finding.name, ok=False, detail=finding.detail.partition(";")[0] + "; put right", repaired=True)


def _integrity(connection: Connection) -> Finding:
    found = [str(row[0]) for row in connection.exec_driver_sql(f"PRAGMA integrity_check({SHOWN})")]
    if found == ["ok"]:
        return Finding("integrity", ok=True, detail="the file is whole")
    words = f"{'; '.join(found)}. Put a backup in its place, or recover it with: sqlite3 <file> .recover"
    return Finding("integrity", ok=False, detail=words)


def _references(connection: Connection) -> Finding:
    broken = [str(row[0]) for row in connection.exec_driver_sql(_REFERENCES)]
    if not broken:
        return Finding("references", ok=True, detail="every row belongs to a job")
    tables = ", ".join(sorted(set(broken)))
    words = f"{len(broken)} rows of {tables} belong to nothing: another program deleted jobs without foreign keys"
    return Finding("references", ok=False, detail=words)


def _renders(connection: Connection) -> Finding:
    left = connection.execute(_LEFT_RENDERS).scalar_one()
    if not left:
        return Finding("renders", ok=True, detail="no render runs without its job")
    return Finding("renders", ok=False, detail=f"{left} renders are marked as running, but their jobs are not")


def refuse_missing(url: str) -> None:
    """See that an SQLite file is there: caring for a database must not make one.

    Raises:
        StoreUnavailableError: it is not.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists():
        raise StoreUnavailableError(
            f"{database_name(parsed)} is not there; the first start makes it (predawn serve), or: predawn db migrate"
        )


def bring_up_to_date(url: str, *, busy_timeout_s: float = 10.0) -> MigrationReport:
    """Migrate the database; an SQLite file is made if there is none.

    Raises:
        StoreError: it cannot be used, or its schema is newer than this program.
    """
    engine = open_engine(url, busy_timeout_s)
    try:
        return MigrationReport(migrate(engine), HEAD)
    finally:
        engine.dispose()


def _satisfies_the_port(maintenance: SqlMaintenance) -> Maintenance:  # pyright: ignore[reportUnusedFunction] - the type checker reads it
    return maintenance
