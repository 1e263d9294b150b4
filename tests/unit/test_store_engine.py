"""How databases are opened, and what is said when one cannot be used: real files, real faults."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event

from scheduler.domain.job import JobSpec
from scheduler.ports.store import SchemaError, StoreCorruptError, StoreError, StoreUnavailableError
from scheduler.store import open_store
from scheduler.store.checkpoints import EVERY
from scheduler.store.engine import database_name, open_engine, parse_url
from scheduler.store.migrations import HEAD, migrate


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "predawn.db"


def test_file_and_folder_are_made_for_this_user_alone(path: Path) -> None:
    with closing(open_store(url_of(path))) as store:
        store.enqueue(JobSpec("daily_ca"))
        for file in path.parent.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(("synchronous", "code"), [("FULL", 2), ("NORMAL", 1)])
def test_sqlite_is_opened_as_it_must_be(path: Path, synchronous: str, code: int) -> None:
    engine = open_engine(url_of(path), 3.5, synchronous)  # pyright: ignore[reportArgumentType] - the parameter's words
    with engine.connect() as connection:
        found = {
            pragma: connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()
            for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert found == {"journal_mode": "wal", "synchronous": code, "foreign_keys": 1, "busy_timeout": 3500}


def test_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("this is not a database, whatever its name says" * 100)
    with pytest.raises(StoreCorruptError, match=r"notes\.txt is no SQLite database; name another file"):
        open_store(url_of(path))
    assert path.read_text().startswith("this is not")


def test_damaged_file_is_said_to_be_damaged(path: Path) -> None:
    with closing(open_store(url_of(path))) as store:
        for _ in range(50):
            store.enqueue(JobSpec("daily_ca", payload={"text": "x" * 500}))
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xde\xad" * ((len(content) - 4096) // 2)
    path.write_bytes(content)
    with pytest.raises(StoreCorruptError, match=r"predawn\.db is damaged; put a backup"):
        open_store(url_of(path)).list()


def test_locked_database_is_said_to_be_locked_after_the_wait(path: Path) -> None:
    with closing(open_store(url_of(path), busy_timeout_s=0.1)) as store, closing(sqlite3.connect(path)) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match=r"predawn\.db is locked by another process.*busy_timeout_s"):
            store.enqueue(JobSpec("daily_ca"))
        assert store.list().items == (), "reading goes on"
        other.execute("ROLLBACK")
        assert store.enqueue(JobSpec("daily_ca")).created


def test_full_disk_is_said_to_be_full_and_leaves_nothing_half_written(path: Path) -> None:
    with closing(open_store(url_of(path))) as store:

        def limit(connection: sqlite3.Connection, *_: object) -> None:
            connection.execute("PRAGMA max_page_count=60")

        event.listen(store.database.engine, "connect", limit)
        store.database.engine.dispose()

        def fill() -> None:
            for _ in range(100):
                store.enqueue(JobSpec("daily_ca", payload={"text": "x" * 5000}))

        with pytest.raises(StoreUnavailableError, match="the disk is full; free some space"):
            fill()
        for job in store.list(limit=1000).items:
            assert len(job.payload["text"]) == 5000


def test_read_only_database_is_said_to_be_unwritable(path: Path) -> None:
    with closing(open_store(url_of(path))) as store:

        def refuse(connection: sqlite3.Connection, *_: object) -> None:
            connection.execute("PRAGMA query_only=ON")

        event.listen(store.database.engine, "connect", refuse)
        store.database.engine.dispose()
        with pytest.raises(StoreUnavailableError, match="cannot be written; give this user write permission"):
            store.enqueue(JobSpec("daily_ca"))


def test_folder_in_the_place_of_the_file_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="cannot be opened"):
        open_store(url_of(tmp_path))


def test_file_in_the_place_of_the_folder_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreUnavailableError, match="cannot be opened"):
        open_store(url_of(tmp_path / "file" / "predawn.db"))


def test_schema_that_is_not_there_is_refused_where_it_may_not_be_made(path: Path) -> None:
    with pytest.raises(SchemaError, match="no schema yet; bring it up to date with: predawn db migrate"):
        open_store(url_of(path), migrate=False)


def test_tables_that_went_missing_are_a_schema_error(path: Path) -> None:
    with closing(open_store(url_of(path))) as store:
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA foreign_keys=OFF")
            other.execute("DROP TABLE jobs")
        with pytest.raises(SchemaError, match="predawn db migrate"):
            store.list()


def test_failed_migration_leaves_nothing_behind(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE processes (x)")
    with pytest.raises(StoreError):
        open_store(url_of(path))
    with closing(sqlite3.connect(path)) as other:
        tables = [name for (name,) in other.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert tables == ["processes"]


def test_head_is_the_newest_script() -> None:
    folder = Path(sys.modules[migrate.__module__].__file__ or "").parent / "versions"
    assert max(file.name.partition("_")[0] for file in folder.glob("0*.py")) == HEAD


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("mysql://root@host/db", "not on mysql"),
        ("just a path.db", "is no URL"),
    ],
)
def test_url_that_cannot_be_used_is_refused_with_what_to_write(url: str, words: str) -> None:
    with pytest.raises(StoreUnavailableError, match=words):
        open_store(url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"])
def test_postgresql_goes_through_psycopg_3(scheme: str) -> None:
    parsed = parse_url(f"{scheme}://ann:secret@db.example:5433/predawn")
    assert parsed.drivername == "postgresql+psycopg"
    assert database_name(parsed) == "The database predawn on db.example:5433"


def test_server_that_is_not_there_is_said_to_be_out_of_reach() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreUnavailableError, match=r"predawn on 127\.0\.0\.1:1 cannot be reached") as caught:
        open_store("postgresql://ann:hidden-word@127.0.0.1:1/predawn")
    assert "hidden-word" not in str(caught.value)


def test_types_come_without_the_weight_of_sqlalchemy() -> None:
    code = "import sys, scheduler.store, scheduler.testing; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_log_is_moved_into_the_file_beside_the_commits(path: Path) -> None:
    with closing(open_store(url_of(path))) as store, closing(sqlite3.connect(path)) as other:

        def moved() -> bool:
            # Nothing is left to be moved: what there is of the log is in the file already.
            content = path.read_bytes()
            return all(f"number {n}".encode() in content for n in (0, EVERY // 2))

        for n in range(EVERY - 1):
            store.enqueue(JobSpec("daily_ca", payload={"text": f"number {n}"}))
        assert other.execute("SELECT count(*) FROM jobs").fetchone() == (EVERY - 1,)
        assert not any(thread.name == "predawn-checkpoints" for thread in threading.enumerate()), "not for so few"
        assert not moved()
        for n in range(3):
            store.enqueue(JobSpec("daily_ca", payload={"text": f"late {n}"}))
        until = time.monotonic() + 20
        while not moved():
            assert time.monotonic() < until
            time.sleep(0.02)
    assert not any(thread.name == "predawn-checkpoints" for thread in threading.enumerate())
