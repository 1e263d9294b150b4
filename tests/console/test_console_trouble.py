"""The console in a real terminal in trouble: hostile text, few colours, a database that is locked, gone or replaced."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from test_console_terminal import HERE, Terminal

from scheduler.domain.job import JobSpec
from scheduler.store import open_store

HOSTILE = """
import random, sys
sys.path.insert(0, {here!r})
from dataclasses import replace
from datetime import timedelta
import console_world as world
from scheduler.domain.failure import FailureClass, JobError
from scheduler.domain.job import JobStatus

PIECES = [
    "\\x1b[2J", "\\x1b[31m", "\\x1b]0;owned\\x07", "\\x1b]52;c;aGk=\\x07", "\\x1bP+q\\x1b\\\\", "\\x1b[6n", "\\x1bc",
    "\\x1b",
    "\\x9b31m", "\\x9d0;x\\x9c", "\\x00", "\\x07", "\\x08", "\\x0e", "\\x7f", "\\r", "\\n", "\\t", "\\u202e", "\\u2066",
    "\\u200b", "\\ufeff", "\\ud83d", "[bold red]", "[/]", "[@click=app.quit]", "]", "\\\\", "e\\u0301",
    "\\u0915\\u094d\\u0937",
    "\\U0001f680", "\\U0001f468\\u200d\\U0001f4bb", "\\u6f22", "a", "job ", "\\U000e0041", "\\x1b[?1049l", "\\x1b[5;5H",
]
chance = random.Random(5)
def hostile():
    return "".join(chance.choice(PIECES) for _ in range(chance.randrange(1, 6)))
def one(n):
    message = " ".join(hostile() for _ in range(9))
    error = JobError(message, FailureClass.UNKNOWN, world.NOW, stage=hostile(), provider=hostile(), stack=message)
    made = world.job(n, JobStatus.FAILED, job_type=hostile(), error=error, reason=hostile(), retry_at=None,
        payload={{hostile(): [message]}})
    return replace(made, seq=n, created_at=world.NOW - timedelta(days=1, seconds=5000 - n))
jobs = [one(n) for n in range(1, 1001)]
operations = world.FakeOperations(world.snapshot(world.tonight(note=hostile(), job=jobs[-1]), jobs=jobs))
world.make_app(operations, settings=world.Options(refresh_s=1.0), notice=hostile()).run()
print("ended")
"""
OURS = re.compile(
    rb"\x1b\[[0-9;]*[Hm]"  # to a place; colours and attributes
    rb"|\x1b\[\?[0-9;]+(?:\$p|[hl])"  # modes, asked for and set
    rb"|\x1b\[6n"  # where is your cursor?
    rb"|\x1b\[[<>=]?[0-9;]*u"  # the keyboard's protocol
    rb"|\x1b\]22;[a-z]*\x07"  # the pointer's shape
)
REAL = "import sys; sys.argv = ['predawn', 'console']; from console.cli.main import main; main()"


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


def queued(path: Path, count: int) -> Path:
    store = open_store(f"sqlite:///{path}", synchronous="NORMAL")
    store.enqueue_many([JobSpec("doubt", {"n": n}) for n in range(count)])
    store.close()
    return path


def at_home(folder: Path) -> Terminal:
    """The real program over the database in this folder."""
    return Terminal(program=REAL, size=(160, 48), PREDAWN_HOME=str(folder))


def share_of_a_core(terminal: Terminal, seconds: float) -> float:
    process = psutil.Process(terminal.process.pid)
    before = process.cpu_times()
    terminal.read(seconds)
    after = process.cpu_times()
    return (after.user + after.system - before.user - before.system) / seconds


def test_of_ten_thousand_hostile_texts_no_control_byte_reaches_the_terminal(terminals: list[Terminal]) -> None:
    terminal = Terminal(program=HOSTILE.format(here=str(HERE)), size=(200, 60))
    terminals.append(terminal)
    terminal.shows("ON TRACK", "failed")
    os.write(terminal.master, b"2")
    terminal.shows("newest first", " row 1 ")
    row = 1
    while row < 1000:  # a page at a time: a thousand rows with ten texts each
        os.write(terminal.master, b"\x1b[6~")
        before = row
        while row == before:
            terminal.read(0.05)
            found = re.search(r" row ([0-9,]+)", terminal.display())
            row = int(found[1].replace(",", "")) if found else row
    os.write(terminal.master, b"\r")
    terminal.shows("Attempts")
    # What was read may end within a sequence: up to the last one, all are whole.
    text = OURS.sub(b"", terminal.seen[: terminal.seen.rindex(b"\x1b")]).decode()
    assert not {one for one in text if ord(one) < 32 or 0x7F <= ord(one) < 0xA0}
    assert not set(text) & set("\u202e\u2066\u200b\ufeff\U000e0041")
    assert "[@click=app.quit]" in text


def test_the_linux_console_gets_sixteen_colours_and_signs_it_has(terminals: list[Terminal]) -> None:
    terminal = Terminal(TERM="linux", COLORTERM="")
    terminals.append(terminal)
    shown = terminal.shows("READY", "daemon")
    assert b"38;2;" not in terminal.seen
    assert b"38;5;" not in terminal.seen
    assert shown.isascii()
    os.write(terminal.master, b"q")
    terminal.wait_for(b"ended 0")


def test_a_locked_database_is_looked_at_and_left_at_once(terminals: list[Terminal], tmp_path: Path) -> None:
    path = queued(tmp_path / "predawn.db", 3)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        terminals.append(ready := at_home(tmp_path))
        ready.shows("3 queued")
        other.execute("BEGIN IMMEDIATE")
        terminals.append(terminal := at_home(tmp_path))
        terminal.shows("3 queued")
        os.write(terminal.master, b"q")
        assert terminal.process.wait(10) == 0
        other.execute("ROLLBACK")


def test_a_database_that_is_gone_and_then_replaced_is_followed(terminals: list[Terminal], tmp_path: Path) -> None:
    path, other = queued(tmp_path / "predawn.db", 3), queued(tmp_path / "other.db", 5)
    terminal = at_home(tmp_path)
    terminals.append(terminal)
    terminal.shows("3 queued")
    path.rename(tmp_path / "away.db")
    terminal.shows("is gone", "3 queued")
    assert share_of_a_core(terminal, 2.0) < 0.7, "it spins"
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"predawn.db{suffix}").unlink(missing_ok=True)
    other.rename(path)
    terminal.shows("5 queued")
    assert "is gone" not in terminal.display()
