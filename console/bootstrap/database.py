"""The care of the database of the settings, without the rest of the installation."""

from __future__ import annotations

from config.settings import Settings
from scheduler.domain.maintenance import MigrationReport
from scheduler.ports.maintenance import Maintenance
from scheduler.store.maintenance import SqlMaintenance, bring_up_to_date


def open_maintenance(settings: Settings) -> Maintenance:
    """Care of the database, which must be there with the schema of this program.

    Raises:
        StoreError: it is not, or cannot be used.
    """
    return SqlMaintenance.open(settings.database_url, busy_timeout_s=settings.database.busy_timeout_s)


def migrate_database(settings: Settings) -> MigrationReport:
    """Bring the database up to date, or make it.

    Raises:
        StoreError: it cannot be used, or its schema is newer than this program.
    """
    return bring_up_to_date(settings.database_url, busy_timeout_s=settings.database.busy_timeout_s)
