"""The schema and its changes: alembic scripts that ship inside the package and are run through this module.

The revision stands in the table ``predawn_schema`` (not alembic's usual name, which another application on the same
server may use).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, func, inspect, select, text

from scheduler.ports.store import SchemaError
from scheduler.store.engine import Database

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "predawn_schema"
HEAD = "0011"
"""The newest revision; a test holds it against the scripts. Kept here so that a start needs no alembic."""
_LOCK_KEY = 0x7072_6564_6177_6E00


def revision(connection: Connection) -> str | None:
    """The schema's revision, None where there is no schema yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant


def migrate(engine: Engine) -> str | None:
    """Bring the schema up to date in one transaction; several processes may do so at once.

    Returns:
        The revision before.

    Raises:
        SchemaError: the schema is newer than this program.
        StoreError: the database cannot do its work.
    """
    database = Database(engine)
    with database.read() as connection:
        before = revision(connection)
    if before == HEAD:
        return before
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK_KEY)))
        before = revision(connection)
        if before != HEAD:
            _upgrade(connection, before, database.name)
    return before


def check(engine: Engine) -> None:
    """See that the schema is this program's.

    Raises:
        SchemaError: it is older, newer or not there.
    """
    database = Database(engine)
    with database.read() as connection:
        found = revision(connection)
    if found == HEAD:
        return
    _refuse_unknown(_config(), found, database.name)
    state = "has no schema yet" if found is None else f"has the older schema {found}"
    raise SchemaError(f"{database.name} {state}; bring it up to date with: predawn db migrate")


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415 - costs 0.1 s, and nearly every start needs none of it

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def _refuse_unknown(config: Config, found: str | None, name: str) -> None:
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see _config

    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise SchemaError(
            f"{name} has schema {found}, which is newer than this program (it knows up to {HEAD}); "
            "install the newer predawn, or put back the backup that was made before it"
        )


def _upgrade(connection: Connection, before: str | None, name: str) -> None:
    from alembic import command  # noqa: PLC0415 - see _config

    config = _config()
    _refuse_unknown(config, before, name)
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
