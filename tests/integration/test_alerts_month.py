"""Thirty nights with realistic faults on a clock that moves when told: does every incident make one alert, in time?

The faults are drawn from a seed; what is true is known, so each alert can be held against it. The table in
docs/alerts.md is the one that this prints: ``python tests/integration/test_alerts_month.py``.
"""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from alerts_world import a_job, depth

from config.sections.alerts import AlertSettings
from scheduler.alerting.evaluator import Evaluator
from scheduler.alerting.observation import Observation, RunLook
from scheduler.domain.alert import Alert
from scheduler.domain.deadline import Prediction, Verdict
from scheduler.domain.job import Job, JobStatus
from scheduler.domain.service import Probe, ServiceHealth, ServiceState
from scheduler.domain.snapshot import ProcessInfo, Tonight
from scheduler.testing import FakeClock, MemoryStore

PAGE = Path(__file__).parents[2] / "docs" / "alerts.md"
FIRST = datetime(2026, 11, 1, 21, 30, tzinfo=UTC)  # 03:00 in Kolkata
USUAL, SPREAD = 40.0, 10.0
"""Minutes that a render usually takes, and what P90 lies above P50."""
MINUTE = timedelta(minutes=1)


@dataclass
class Truth:
    """One incident: what an alert about it is called, and by when it could be known."""

    kind: str
    fingerprint: str
    deadline: datetime | None = None


@dataclass
class NightPlan:
    """What goes wrong in one night; minutes count from the start of the run."""

    number: int
    slow: float = 1.0
    fails_at: float | None = None
    starts_at: float = 0.0
    outage: tuple[str, float, float] | None = None
    lost_at: float | None = None
    failing_jobs: int = 0
    noise: random.Random = field(default_factory=lambda: random.Random(0))

    @property
    def start(self) -> datetime:
        return FIRST + timedelta(days=self.number)

    @property
    def deadline(self) -> datetime:
        return self.start + timedelta(hours=3)

    @property
    def run_date(self) -> date:
        return (self.start + timedelta(hours=6)).date()

    @property
    def ends_at(self) -> float:
        again = 0.0 if self.fails_at is None else self.fails_at + 25  # an operator retries it
        return max(self.starts_at, again) + USUAL * self.slow

    def truths(self) -> list[Truth]:
        found: list[Truth] = []
        run = f"deadline|nightly|{self.run_date}"
        if self.fails_at is not None:
            found.append(Truth("run finally failed", run, self.deadline))
        elif self.starts_at > 5:
            found.append(Truth("run started late", run, self.deadline))
        elif self.ends_at + SPREAD > 165:
            found.append(Truth("render too slow", run, self.deadline))
        if self.outage is not None:
            found.append(Truth("service down", f"service_down|{self.outage[0]}|"))
        if self.lost_at is not None:
            found.append(Truth("worker lost", f"worker_lost|host/{self.number}|"))
        if self.failing_jobs >= 3:
            found.append(Truth("jobs failing in a row", "consecutive_failures|doubt|"))
        return found


def plans(seed: int) -> list[NightPlan]:
    rng = random.Random(seed)
    found: list[NightPlan] = []
    for number in range(30):
        night = NightPlan(number, noise=random.Random(seed * 100 + number))
        kind = rng.random()
        night.slow = rng.uniform(0.8, 1.6)
        if kind < 0.17:
            night.slow = rng.uniform(3.9, 5.2)
        elif kind < 0.27:
            night.fails_at = rng.uniform(5, 60)
        elif kind < 0.37:
            night.starts_at = rng.uniform(8, 70)
        if rng.random() < 0.3:
            night.outage = (rng.choice(["manim", "revideo", "orchestrator"]), rng.uniform(0, 90), rng.uniform(4, 60))
        if rng.random() < 0.15:
            night.lost_at = rng.uniform(10, 100)
        if rng.random() < 0.2:
            night.failing_jobs = rng.choice([2, 3, 4])
        found.append(night)
    return found


def look(night: NightPlan, minute: float) -> Observation:
    """What the rules would see at a minute of a night."""
    now = night.start + minute * MINUTE
    rng = random.Random(f"{night.number} {minute}")
    health: list[ServiceHealth] = []
    for name in ("manim", "revideo", "orchestrator"):
        down = night.outage is not None and night.outage[0] == name and 0 <= minute - night.outage[1] < night.outage[2]
        state = ServiceState.DOWN if down else ServiceState.DEGRADED if rng.random() < 0.05 else ServiceState.UP
        probe = Probe(name, now, ok=not down and rng.random() > 0.03, error="connection refused")
        health.append(ServiceHealth(name, "http://s", state, now, probe))
    processes = [ProcessInfo("d", "serve", "main", 1, FIRST, now, alive=True)]
    if night.lost_at is not None:
        gone = night.start + night.lost_at * MINUTE
        beat = min(now, gone)
        processes.append(ProcessInfo("w", "worker", "host", night.number, FIRST, beat, now - beat < 0.5 * MINUTE))
        if minute > night.lost_at + 12:  # systemd has started it anew
            processes.append(ProcessInfo("w2", "worker", "host", 999, gone + 12 * MINUTE, now, alive=True))
    return Observation(
        now,
        runs=(run_look(night, minute, now),),
        depth=depth(rng.choice([0, 3, 18, 19, 20])),
        ended=ended(night, minute),
        services=tuple(health),
        processes=tuple(processes),
        zone="Asia/Kolkata",
    )


def ended(night: NightPlan, minute: float) -> tuple[Job, ...]:
    """Jobs of another type: some fail here and there, and on some nights several in a row."""
    done: list[Job] = []
    for number in range(int(max(0.0, minute) // 10)):
        at = night.start + 10 * number * MINUTE
        bad = number in range(3, 3 + night.failing_jobs) or (night.failing_jobs == 0 and number % 5 == 2)
        status = JobStatus.FAILED if bad else JobStatus.COMPLETED
        done.append(a_job(night.number * 100 + number, status, at=at, job_type="doubt"))
    return tuple(reversed(done))


def run_look(night: NightPlan, minute: float, now: datetime) -> RunLook:
    begun = max(night.starts_at, 0.0 if night.fails_at is None or minute < night.fails_at else night.fails_at + 25)
    ready = night.start + night.ends_at * MINUTE
    failed = night.fails_at is not None and night.fails_at <= minute < night.fails_at + 25
    job = None
    prediction = None
    if minute >= night.ends_at:
        job = a_job(night.number, JobStatus.COMPLETED, at=ready)
    elif failed:
        job = a_job(night.number, JobStatus.FAILED, at=now)
    elif minute >= begun:
        job = a_job(night.number, JobStatus.PROCESSING, at=now)
        # The estimate knows how long stages usually take, not that this night is slow.
        left = USUAL * (1 - (minute - begun) / (USUAL * night.slow))
        prediction = Prediction(now + left * MINUTE, now + (left + SPREAD) * MINUTE)
    else:
        waits = max(now, night.start)
        prediction = Prediction(waits + USUAL * MINUTE, waits + (USUAL + SPREAD) * MINUTE)
    tonight = Tonight(
        verdict=Verdict.ON_TRACK,
        schedule="nightly",
        run_date=night.run_date,
        timezone="Asia/Kolkata",
        deadline_at=night.deadline,
        starts_at=None,
        job=job,
        render=None,
        stages=(),
        prediction=prediction,
        slack_s=None,
        note="",
    )
    ready_at = ready if minute >= night.ends_at else None
    return RunLook(tonight, due_at=night.start if minute >= 0 else None, ready_at=ready_at)


def month(seed: int) -> tuple[list[Truth], list[Alert]]:
    """Thirty nights from 02:50 to 07:30, a look each half minute."""
    clock = FakeClock(FIRST)
    store = MemoryStore(clock)
    now = look(NightPlan(0), -10)
    evaluator = Evaluator(store, lambda: now, AlertSettings(), clock, "me", slack=True, plain=("email",))
    truths: list[Truth] = []
    for night in plans(seed):
        truths += night.truths()
        for half in range(-20, 540):
            minute = half / 2
            clock.step((night.start + minute * MINUTE - clock.now()).total_seconds())
            now = replace(look(night, minute))
            evaluator.look()
    return truths, list(store.alerts(limit=1000).items)[::-1]


@dataclass
class Row:
    incidents: int = 0
    alerts: int = 0
    unseen: int = 0
    warned: list[float] = field(default_factory=list[float])


def judge(truths: list[Truth], alerts: list[Alert]) -> tuple[dict[str, Row], list[Alert]]:
    """The incidents by kind with the alerts about them, and the alerts about none."""
    left = list(alerts)
    rows: dict[str, Row] = defaultdict(Row)
    for truth in truths:
        row = rows[truth.kind]
        row.incidents += 1
        mine = next((alert for alert in left if alert.fingerprint == truth.fingerprint), None)
        if mine is None:
            row.unseen += 1
            continue
        left.remove(mine)
        row.alerts += mine.count
        if truth.deadline is not None and mine.fired_at is not None:
            row.warned.append((truth.deadline - mine.fired_at).total_seconds() / 60)
    return rows, left


def table(rows: dict[str, Row], wrong: list[Alert]) -> str:
    lines = ["| incident | times | alerts | not alerted | warned before the deadline |", "|---|---|---|---|---|"]
    for kind, row in sorted(rows.items()):
        early = f"{sum(row.warned) / len(row.warned):.0f} min" if row.warned else "–"
        lines.append(f"| {kind} | {row.incidents} | {row.alerts} | {row.unseen} | {early} |")
    lines.append(f"| no incident | | {len(wrong)} | | |")
    return "\n".join(lines)


@pytest.mark.timeout(600)
def test_every_incident_makes_one_alert_in_time_and_nothing_else_does() -> None:
    truths, alerts = month(7)
    rows, wrong = judge(truths, alerts)
    assert wrong == []
    assert {kind: row.unseen for kind, row in rows.items()} == dict.fromkeys(rows, 0)
    assert {kind: row.alerts - row.incidents for kind, row in rows.items()} == dict.fromkeys(rows, 0)
    warned = [minutes for row in rows.values() for minutes in row.warned]
    assert sum(warned) / len(warned) >= 20
    assert {"render too slow", "run finally failed", "run started late", "service down"} <= set(rows)
    assert table(rows, wrong) in PAGE.read_text(encoding="utf-8"), "run: python tests/integration/test_alerts_month.py"


if __name__ == "__main__":
    sys.stdout.write(table(*judge(*month(7))) + "\n")
