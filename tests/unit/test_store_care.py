"""``predawn db …`` and databases that are broken: real files, real processes, the exit codes of the contract."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from console.cli.db import parse_age
from console.cli.main import main
from scheduler.domain.job import JobResult, JobSpec, JobStatus
from scheduler.ports.maintenance import NotForThisDatabaseError
from scheduler.ports.store import StoreUnavailableError
from scheduler.store import open_store
from scheduler.store.engine import Database, open_engine
from scheduler.store.maintenance import SqlMaintenance
from scheduler.store.migrations import HEAD

RESULT = JobResult("file:///v.mp4", None, 1.0, degraded=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A data folder with a database that holds three jobs."""
    path = tmp_path / "home"
    with closing(open_store(f"sqlite:///{path / 'predawn.db'}", synchronous="NORMAL")) as store:
        store.enqueue_many([JobSpec("daily_ca", payload={"n": n, "text": "x" * 3000}) for n in range(3)])
    return path


@pytest.fixture
def database(home: Path) -> Path:
    return home / "predawn.db"


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


Predawn = Callable[..., Done]


@pytest.fixture
def predawn(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Predawn:
    """The command line in this process: what it costs to start Python is not what is tested here."""

    def run(home: Path, *args: str) -> Done:
        monkeypatch.setenv("PREDAWN_HOME", str(home))
        monkeypatch.setenv("PREDAWN_DATABASE__BUSY_TIMEOUT_S", "0.2")
        monkeypatch.setattr(sys, "argv", ["predawn", *args])
        capsys.readouterr()
        code: Any = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return run


def in_a_process(home: Path, *args: str) -> Done:
    """The command line as a shell runs it."""
    command = [sys.executable, "-m", "console.cli.main", *args]
    environment = os.environ | {"PREDAWN_HOME": str(home)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)
    return Done(done.returncode, done.stdout, done.stderr)


def assert_one_line(done: Done, code: int, words: str) -> None:
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


# What each command does


def test_migrate_tells_from_which_schema_to_which(predawn: Predawn, tmp_path: Path) -> None:
    home = tmp_path / "new"
    assert json.loads(predawn(home, "db", "migrate", "--json").stdout) == {"from": None, "to": HEAD, "changed": True}
    done = predawn(home, "db", "migrate")
    assert (done.returncode, done.stdout) == (0, f"the schema is up to date ({HEAD})\n")


def test_check_of_a_whole_database_ends_with_0(predawn: Predawn, home: Path) -> None:
    done = predawn(home, "db", "check", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"], report["schema"]) == (0, True, HEAD)
    names = ["integrity", "references", "counters", "search", "renders", "leases"]
    assert [finding["name"] for finding in report["findings"]] == names


def test_check_that_finds_something_ends_with_1_and_repairs_when_told(
    predawn: Predawn, home: Path, database: Path
) -> None:
    with closing(sqlite3.connect(database)) as other:
        other.execute("UPDATE job_counts SET n = 7")
        other.commit()
    done = predawn(home, "db", "check")
    assert done.returncode == 1
    assert "WRONG counters" in done.stdout
    done = predawn(home, "db", "check", "--repair")
    assert done.returncode == 0
    assert "fixed counters" in done.stdout
    assert predawn(home, "db", "check").returncode == 0


def test_rows_that_belong_to_nothing_are_found(predawn: Predawn, home: Path, database: Path) -> None:
    with closing(sqlite3.connect(database)) as other:  # without foreign keys, as other programs open it
        other.execute("INSERT INTO renders (id, job_id, number, attempt, status) VALUES ('r', 'gone', 1, 1, 'failed')")
        other.commit()
    done = predawn(home, "db", "check")
    assert done.returncode == 1
    assert "WRONG references  1 rows of renders belong to nothing" in done.stdout


def test_backup_is_whole_private_and_opens(predawn: Predawn, home: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    done = predawn(home, "db", "backup", str(target), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"path": str(target), "bytes": target.stat().st_size}
    assert "100 %" in done.stderr
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with closing(open_store(f"sqlite:///{target}", migrate=False)) as store:
        assert len(store.list().items) == 3
    done = predawn(home, "db", "backup", str(target))
    assert_one_line(done, 2, "is there already; give another name, or --force")
    assert predawn(home, "db", "backup", str(target), "--force").returncode == 0


def test_backup_that_cannot_be_written_leaves_nothing(predawn: Predawn, home: Path, tmp_path: Path) -> None:
    done = predawn(home, "db", "backup", str(tmp_path / "no" / "folder.db"))
    assert_one_line(done, 1, "folder.db cannot be written: No such file or directory")


def test_backup_under_writes_is_one_moment(home: Path, database: Path, tmp_path: Path) -> None:
    """Two counters that only ever change together are the same in the copy, and the writer is not held up."""
    with closing(open_store(f"sqlite:///{database}", synchronous="NORMAL")) as store:
        store.enqueue_many([JobSpec("filler", payload={"text": "x" * 4000}) for _ in range(3000)])
        stop, written = threading.Event(), 0

        def write() -> None:
            nonlocal written
            while not stop.is_set():
                store.enqueue_many([JobSpec("left"), JobSpec("right")])
                written += 1

        thread = threading.Thread(target=write)
        thread.start()
        steps: list[int] = []
        maintenance = SqlMaintenance(store.database)
        maintenance.backup(tmp_path / "copy.db", progress=lambda done, _total: steps.append(done))
        during = written
        stop.set()
        thread.join()
        assert during > 0
    assert steps == sorted(steps), "it never began anew"
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        counts = dict(copy.execute("SELECT job_type, count(*) FROM jobs GROUP BY job_type"))
    assert counts.get("left", 0) == counts.get("right", 0)
    assert list(tmp_path.glob(".*.part")) == []


def test_postgresql_is_saved_with_its_own_tool() -> None:
    pytest.importorskip("psycopg")
    maintenance = SqlMaintenance(Database(open_engine("postgresql://ann:hidden-word@127.0.0.1:1/predawn")))
    with pytest.raises(NotForThisDatabaseError, match=r"pg_dump --format=custom --file=x\.dump") as caught:
        maintenance.backup(Path("x.dump"))
    assert "hidden-word" not in str(caught.value)


def old_jobs(database: Path, count: int) -> None:
    with (
        closing(open_store(f"sqlite:///{database}", synchronous="NORMAL")) as store,
        store.database.write() as connection,
    ):
        connection.exec_driver_sql(
            "INSERT INTO jobs (job_type, status, payload, completed_at) WITH RECURSIVE n(i) AS "
            "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT 'daily_ca', 'completed', "
            "json_object('text', hex(randomblob(1000))), '2020-01-01T00:00:00.000000Z' FROM n",
            (count,),
        )


def test_prune_asks_says_and_shrinks_the_file(predawn: Predawn, home: Path, database: Path) -> None:
    old_jobs(database, 1500)
    size = database.stat().st_size
    done = predawn(home, "db", "prune", "--older-than", "90d", "--dry-run")
    assert done.stdout == "would delete 1,500 jobs with all that belongs to them, and 0 probes\n"
    done = predawn(home, "db", "prune", "--older-than", "90d")
    assert_one_line(done, 2, "Nobody can be asked here: say --yes")
    done = predawn(home, "db", "prune", "--older-than", "90d", "--yes", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["jobs"]) == (0, 1500)
    assert "deleted 1,500 of 1,500 jobs (100 %)" in done.stderr
    assert report["freed_bytes"] > size / 2
    assert database.stat().st_size < size / 2
    with closing(open_store(f"sqlite:///{database}")) as store:
        assert store.depth().by_status == {JobStatus.QUEUED: 3}


def test_file_that_cannot_shrink_piece_by_piece_is_rewritten_when_told(
    predawn: Predawn, home: Path, database: Path
) -> None:
    with closing(sqlite3.connect(database)) as other:  # as an earlier version made it
        other.execute("PRAGMA auto_vacuum = NONE")
        other.execute("VACUUM")
    old_jobs(database, 500)
    done = predawn(home, "db", "prune", "--older-than", "90d", "--yes", "--vacuum", "--json")
    assert json.loads(done.stdout)["freed_bytes"] > 500 * 2000
    with closing(sqlite3.connect(database)) as other:
        assert other.execute("PRAGMA auto_vacuum").fetchone() == (2,)
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize(
    ("text", "age"), [("90d", timedelta(days=90)), ("12w", timedelta(weeks=12)), ("1 h", timedelta(hours=1))]
)
def test_ages(text: str, age: timedelta) -> None:
    assert parse_age(text) == age


@pytest.mark.parametrize("text", ["90", "0d", "-1d", "d", "1.5d", "90m"])
def test_ages_that_are_none(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="write a number and h, d or w"):
        parse_age(text)


# Broken


def damage_header(database: Path) -> None:
    database.write_bytes(b"this is no database at all" * 500)


def damage_pages(database: Path) -> None:
    content = bytearray(database.read_bytes())
    content[4096:] = b"\xde\xad" * ((len(content) - 4096) // 2)
    database.write_bytes(content)


def newer(database: Path) -> None:
    with closing(sqlite3.connect(database)) as other:
        other.execute("UPDATE predawn_schema SET version_num = '9999'")
        other.commit()


def folder_in_its_place(database: Path) -> None:
    for file in database.parent.glob("predawn.db*"):
        file.unlink()
    database.mkdir()


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (damage_header, "is no SQLite database"),
        (damage_pages, "is damaged; put a backup"),
        (newer, "schema 9999, which is newer than this program"),
        (folder_in_its_place, "cannot be opened"),
    ],
)
def test_database_that_cannot_be_used_ends_every_command_with_5(
    predawn: Predawn, home: Path, database: Path, break_it: Callable[[Path], None], words: str
) -> None:
    break_it(database)
    for command in (("jobs", "list"), ("jobs", "cancel", "3f2a"), ("status",), ("db", "check"), ("db", "migrate")):
        assert_one_line(predawn(home, *command), 5, words)
    assert_one_line(in_a_process(home, "jobs", "list"), 5, words)


def test_damage_inside_is_found_by_check(predawn: Predawn, home: Path, database: Path) -> None:
    """A page of the table itself: the file opens, some rows do not."""
    with closing(sqlite3.connect(database)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = other.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'service_probes_by_time'").fetchone()
        (size,) = other.execute("PRAGMA page_size").fetchone()
    content = bytearray(database.read_bytes())
    content[(page - 1) * size : page * size] = b"\x01" * size
    database.write_bytes(content)
    done = predawn(home, "db", "check")
    assert done.returncode in {1, 5}
    assert "Traceback" not in done.stderr
    assert "integrity" in done.stdout or "is damaged" in done.stderr


def test_database_that_is_not_there_is_not_made_by_caring_for_it(predawn: Predawn, tmp_path: Path) -> None:
    home = tmp_path / "none"
    for command in (("check",), ("backup", "x.db"), ("prune", "--older-than", "90d")):
        assert_one_line(predawn(home, "db", *command), 5, "is not there; the first start makes it")
    assert not (home / "predawn.db").exists()


def test_locked_database_ends_a_write_with_5_and_leaves_reading(predawn: Predawn, home: Path, database: Path) -> None:
    with closing(sqlite3.connect(database)) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        done = predawn(home, "jobs", "cancel", "--filter", "n", "--yes")
        assert done.returncode in {0, 5}
        done = predawn(home, "db", "prune", "--older-than", "90d", "--yes")
        assert_one_line(done, 5, "is locked by another process")
        other.execute("ROLLBACK")
    assert predawn(home, "db", "check").returncode == 0


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anything")
def test_unwritable_database_ends_a_write_with_5(predawn: Predawn, home: Path, database: Path) -> None:
    database.chmod(0o400)
    assert_one_line(predawn(home, "db", "prune", "--older-than", "90d", "--yes"), 5, "cannot be written")


# A full disk: nothing is half written, and all is well again when there is space


FILL = """
import sys
from scheduler.domain.job import JobSpec
from scheduler.ports.store import StoreUnavailableError
from scheduler.store import open_store
store = open_store(sys.argv[1])
made = 0
try:
    while True:
        store.enqueue_many([JobSpec("left", payload={"text": "x" * 20000}), JobSpec("right")])
        made += 1
except StoreUnavailableError as error:
    print(made)
    sys.exit(f"refused: {error}")
"""


def fill(database: Path, **more: Any) -> tuple[int, str]:
    """Write until the disk is full: how many pairs were kept, and what was said."""
    command = [sys.executable, "-c", FILL, f"sqlite:///{database}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **more)
    assert "refused" in done.stderr, done.stderr
    return int(done.stdout), done.stderr


def assert_whole(database: Path, pairs: int) -> None:
    with closing(open_store(f"sqlite:///{database}")) as store:
        assert store.count().number == 2 * pairs
        counts = {part.job_type: part.count for part in store.depth().parts}
        assert counts == ({"left": pairs, "right": pairs} if pairs else {})
        store.enqueue(JobSpec("after"))
    maintenance = SqlMaintenance.open(f"sqlite:///{database}")
    assert maintenance.check().ok
    maintenance.close()


def test_file_that_may_not_grow_keeps_what_was_committed(tmp_path: Path) -> None:
    database = tmp_path / "predawn.db"
    open_store(f"sqlite:///{database}").close()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    pairs, words = fill(database, preexec_fn=limit)
    assert pairs > 5
    assert "look at the disk's space" in words or "the disk is full" in words
    assert_whole(database, pairs)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    mount = shutil.which("mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("no right to mount a file system here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_full_disk_keeps_what_was_committed_and_works_again_with_space(predawn: Predawn, small_disk: Path) -> None:
    database = small_disk / "home" / "predawn.db"
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * 600_000)
    pairs, words = fill(database)
    assert pairs > 0
    assert "the disk is full; free some space" in words
    done = predawn(database.parent, "jobs", "list", "--limit", "1")
    assert done.returncode == 0, "reading needs no space: " + done.stderr
    ballast.unlink()
    assert_whole(database, pairs)


def test_caring_for_a_missing_database_in_the_program_is_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="is not there"):
        SqlMaintenance.open(f"sqlite:///{tmp_path / 'x.db'}")
