"""The store over SQLite or PostgreSQL, put together from its parts."""

from __future__ import annotations

from typing import Literal

from scheduler.domain.job import QueueConfig
from scheduler.ports.store import Store
from scheduler.store.alert_store import SqlAlerts
from scheduler.store.api_store import SqlApi
from scheduler.store.audit_store import SqlAudit
from scheduler.store.commands import SqlCommands
from scheduler.store.engine import Database, open_engine
from scheduler.store.health_store import SqlHealth
from scheduler.store.history_store import SqlHistory
from scheduler.store.leader_store import SqlLeaders
from scheduler.store.migrations import check, migrate
from scheduler.store.night_store import SqlNights
from scheduler.store.outbox_store import SqlOutbox
from scheduler.store.render_store import SqlRenders
from scheduler.store.results import SqlResults
from scheduler.store.schedule_store import SqlSchedules
from scheduler.store.settle import SqlSettle
from scheduler.store.watch_store import SqlWatch


class SqlStore(
    SqlSchedules,
    SqlSettle,
    SqlResults,
    SqlCommands,
    SqlRenders,
    SqlWatch,
    SqlHealth,
    SqlLeaders,
    SqlNights,
    SqlHistory,
    SqlAudit,
    SqlApi,
    SqlOutbox,
    SqlAlerts,
):
    """The whole ``scheduler.ports.store.Store`` over one database. Thread-safe."""

    @classmethod
    def open(
        cls,
        url: str,
        *,
        busy_timeout_s: float,
        synchronous: Literal["FULL", "NORMAL"],
        max_crashes: int,
        defaults: QueueConfig,
        bring_up_to_date: bool,
    ) -> SqlStore:
        """See ``scheduler.store.open_store``."""
        engine = open_engine(url, busy_timeout_s, synchronous)
        try:
            if bring_up_to_date:
                migrate(engine)
            else:
                check(engine)
        except BaseException:
            engine.dispose()
            raise
        return cls(Database(engine, busy_timeout_s=busy_timeout_s), max_crashes=max_crashes, defaults=defaults)

    @property
    def database(self) -> Database:
        """Transactions on the database, for maintenance; its ``shift_s`` moves the clock in tests."""
        return self._db

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()


def _satisfies_the_port(store: SqlStore) -> Store:  # pyright: ignore[reportUnusedFunction] - the type checker reads it
    return store
