"""Chaos: worker processes that are killed, frozen and cut off while a watcher looks for a broken promise."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from chaos_disk import Disk

from scheduler.domain.job import JobSpec, JobStatus
from scheduler.ports.store import StoreError
from scheduler.store import open_store

SCRIPT = Path(__file__).with_name("chaos_worker.py")
SETTINGS = {"lease_s": 2.0, "heartbeat_s": 0.25, "reap_s": 0.25, "sweep_s": 0.5, "poll_s": 0.05, "grace_s": 1.0}
CAP = 10


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of it: jobs, worker processes, faults, seconds between two (on average), seconds at most."""

    jobs: int
    workers: int
    faults: int
    every_s: float
    within_s: float


@dataclass
class Outcome:
    """What was seen."""

    scale: Scale
    faults: Counter[str] = field(default_factory=Counter[str])
    most_processing: int = 0
    completed: int = 0
    failed: int = 0
    unfinished: int = 0
    lost: int = 0
    errors: Counter[str] = field(default_factory=Counter[str])
    published_twice: int = 0
    unpublished: int = 0
    kept_twice: int = 0
    suppressed: int = 0
    took_s: float = 0.0

    def table(self, title: str) -> str:
        """For people."""
        rows = {
            "jobs": self.scale.jobs,
            "workers": self.scale.workers,
            **{f"fault: {name}": count for name, count in sorted(self.faults.items())},
            "completed": self.completed,
            "failed": self.failed,
            "still under way at the end of the time": self.unfinished,
            "lost": self.lost,
            **{f"error: {error}": count for error, count in self.errors.items()},
            "published twice": self.published_twice,
            "second tries the publisher refused": self.suppressed,
            "finished stages done again": self.kept_twice,
            "most processing at once": self.most_processing,
            "seconds": round(self.took_s, 1),
        }
        return "\n".join([f"\n{title}", *(f"  {name:<36}{value}" for name, value in rows.items())])


class Chaos:
    """One run over one database.

    Args:
        url: an empty database.
        folder: for the ledger.
        cut: cuts connections of workers to the database (PostgreSQL), or None.
        disk: under the database (SQLite), to be full for a while; or None.
    """

    def __init__(
        self,
        url: str,
        folder: Path,
        scale: Scale,
        *,
        cut: Callable[[], None] | None = None,
        disk: Disk | None = None,
        seed: int,
    ) -> None:
        self._url = url
        self._ledger = folder / "ledger.db"
        self._scale = scale
        self._cut = cut
        self._disk = disk
        self._full_until: float | None = None
        self._rng = random.Random(seed)
        self._workers: list[subprocess.Popen[bytes]] = []
        self._frozen: dict[int, float] = {}
        self._done = threading.Event()
        self.outcome = Outcome(scale)

    def run(self) -> Outcome:
        """Queue the jobs, let the workers at them, and break things until all is done."""
        with sqlite3.connect(self._ledger) as ledger:
            ledger.execute("PRAGMA journal_mode=WAL")
            ledger.execute("CREATE TABLE published (key TEXT PRIMARY KEY, job TEXT, attempt INTEGER, tries INTEGER)")
            ledger.execute("CREATE TABLE kept (job TEXT, stage TEXT, attempt INTEGER)")
        ledger.close()
        store = open_store(self._url, max_crashes=10_000, synchronous="NORMAL")
        for n in range(self._scale.jobs):
            store.enqueue(JobSpec("chaos", {"n": n}, idempotency_key=f"chaos:{n}"))
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        began = time.monotonic()
        try:
            self._workers = [self._spawn() for _ in range(self._scale.workers)]
            self._break_things(began)
        finally:
            self._done.set()
            watcher.join(10)
            self._make_room(force=True)
            for worker in self._workers:
                with contextlib.suppress(ProcessLookupError):
                    worker.send_signal(signal.SIGCONT)
                worker.kill()
                worker.wait()
        self.outcome.took_s = time.monotonic() - began
        self._count()
        store.close()
        return self.outcome

    def _spawn(self) -> subprocess.Popen[bytes]:
        arguments = [self._url, str(self._ledger), json.dumps(SETTINGS), str(self._rng.randrange(2**31))]
        return subprocess.Popen([sys.executable, str(SCRIPT), *arguments], stdout=subprocess.DEVNULL)

    def _break_things(self, began: float) -> None:
        store = open_store(self._url, synchronous="NORMAL")
        try:
            while time.monotonic() - began < self._scale.within_s:
                time.sleep(self._rng.uniform(0.5, 1.5) * self._scale.every_s)
                self._thaw()
                self._make_room()
                self._replace_the_dead()
                with contextlib.suppress(StoreError):
                    depth = store.depth()
                    if depth.of(JobStatus.COMPLETED) == self._scale.jobs:
                        return
                if sum(self.outcome.faults.values()) < self._scale.faults:
                    self._fault()
        finally:
            store.close()

    def _fault(self) -> None:
        kinds = ["kill", "kill", "freeze", "terminate"] + (["cut"] if self._cut else [])
        kinds += ["full"] if self._disk else []
        kind = self._rng.choice(kinds)
        victim = self._rng.choice(self._workers)
        if victim.poll() is not None:
            return
        if kind == "cut" and self._cut is not None:
            self._cut()
        elif kind == "full" and self._disk is not None:
            if self._full_until is not None:
                return
            self._disk.fill(self._pids)
            self._full_until = time.monotonic() + self._rng.uniform(0.2, 1.0)
            kind = self._disk.name
        elif kind == "freeze":
            if victim.pid in self._frozen:
                return
            victim.send_signal(signal.SIGSTOP)
            # Some wake up before their leases have run out, some long after.
            self._frozen[victim.pid] = time.monotonic() + self._rng.uniform(0.5, 2.5) * SETTINGS["lease_s"]
        elif kind == "terminate":
            victim.send_signal(signal.SIGTERM)
        else:
            victim.send_signal(signal.SIGKILL)
        self.outcome.faults[kind] += 1

    @property
    def _pids(self) -> list[int]:
        return [worker.pid for worker in self._workers]

    def _make_room(self, *, force: bool = False) -> None:
        if self._disk is not None and self._full_until is not None and (force or time.monotonic() >= self._full_until):
            self._disk.free(self._pids)
            self._full_until = None

    def _thaw(self) -> None:
        for worker in self._workers:
            until = self._frozen.get(worker.pid)
            if until is not None and time.monotonic() >= until:
                del self._frozen[worker.pid]
                with contextlib.suppress(ProcessLookupError):
                    worker.send_signal(signal.SIGCONT)

    def _replace_the_dead(self) -> None:
        for n, worker in enumerate(self._workers):
            if worker.poll() is not None:
                self._frozen.pop(worker.pid, None)
                self._workers[n] = self._spawn()

    def _watch(self) -> None:
        """Look all the time how many jobs are processing, as the database says."""
        store = open_store(self._url, synchronous="NORMAL")
        while not self._done.wait(0.005):
            with contextlib.suppress(StoreError):
                processing = store.depth().of(JobStatus.PROCESSING)
                self.outcome.most_processing = max(self.outcome.most_processing, processing)
        store.close()

    def _count(self) -> None:
        store = open_store(self._url, synchronous="NORMAL")
        depth = store.depth()
        failed = store.list(statuses=[JobStatus.FAILED], limit=self._scale.jobs).items
        store.close()
        outcome = self.outcome
        outcome.completed = depth.of(JobStatus.COMPLETED)
        outcome.failed = depth.of(JobStatus.FAILED)
        outcome.unfinished = depth.of(JobStatus.QUEUED) + depth.of(JobStatus.PROCESSING)
        outcome.lost = self._scale.jobs - sum(depth.by_status.values())
        outcome.errors = Counter(job.error.message if job.error else "none" for job in failed)
        ledger = sqlite3.connect(self._ledger)
        try:
            per_job = Counter(job for (job,) in ledger.execute("SELECT job FROM published"))
            outcome.published_twice = sum(count > 1 for count in per_job.values())
            outcome.unpublished = outcome.completed - len(per_job)
            (outcome.suppressed,) = ledger.execute("SELECT coalesce(sum(tries - 1), 0) FROM published").fetchone()
            again = ledger.execute("SELECT count(*) FROM (SELECT 1 FROM kept GROUP BY job, stage HAVING count(*) > 1)")
            (outcome.kept_twice,) = again.fetchone()
        finally:
            ledger.close()
