"""What really happened in nights that were watched, and the alerts held against it. Pure but for reading the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from config.settings import Settings
from scheduler.domain.alert import Alert, Rule, fingerprint
from scheduler.domain.job import Job, JobStatus, QueueDepth
from scheduler.domain.render import RenderStatus
from scheduler.domain.schedule import Fire
from scheduler.ports.store import Store
from scheduler.simulate.trouble import Kind, Trouble

SURELY_S = 75.0
"""Seconds that something must last for the rules to have seen it twice."""
SLACK = timedelta(minutes=10)
"""An alert belongs to what happened up to so long before it."""
REOPENED = timedelta(minutes=30)
"""What comes back so soon is the same trouble (``alerts.reopen_s``)."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One trouble that people must hear of, once.

    Attributes:
        kind: in words.
        fingerprint: of the alert about it.
        since: when it could be known first.
        until: when it was over.
        deadline: of the run it endangers.
        brief: over so soon that nobody may have looked; it need not be told, but may.
    """

    kind: str
    fingerprint: str
    since: datetime
    until: datetime
    deadline: datetime | None = None
    brief: bool = False


@dataclass(frozen=True, slots=True)
class NightSeen:
    """How one run went."""

    schedule: str
    run_date: date
    nominal: datetime
    deadline: datetime
    started: datetime | None
    out: datetime | None
    failed: datetime | None


@dataclass
class Seen:
    """What was written down while the nights went on."""

    troubles: list[Trouble] = field(default_factory=list[Trouble])
    nights: list[NightSeen] = field(default_factory=list[NightSeen])
    deaths: list[tuple[str, datetime]] = field(default_factory=list[tuple[str, datetime]])
    failed: list[tuple[str, datetime]] = field(default_factory=list[tuple[str, datetime]])
    ended: list[tuple[datetime, str, bool]] = field(default_factory=list[tuple[datetime, str, bool]])
    depths: list[tuple[datetime, int, float]] = field(default_factory=list[tuple[datetime, int, float]])

    def end(self, job: Job, now: datetime) -> None:
        """A job has ended for good."""
        if job.status is JobStatus.FAILED:
            self.failed.append((job.id, now))
        if job.status is not JobStatus.CANCELLED:
            self.ended.append((now, job.job_type, job.status is JobStatus.COMPLETED))

    def depth(self, now: datetime, depth: QueueDepth) -> None:
        """How full the queue is."""
        self.depths.append((now, depth.of(JobStatus.QUEUED), depth.oldest_queued_age_s or 0.0))

    def night(self, fire: Fire, store: Store) -> None:
        """How a night went."""
        job = store.by_key(fire.key)
        renders = [] if job is None else store.renders(job.id)
        out = [r.finished_at for r in renders if r.status is RenderStatus.COMPLETED and r.finished_at is not None]
        failed = [at for job_id, at in self.failed if job is not None and job_id == job.id]
        if fire.deadline_at is None:
            return
        self.nights.append(
            NightSeen(
                fire.schedule,
                fire.run_date,
                fire.nominal,
                fire.deadline_at,
                min((render.started_at for render in renders), default=None),
                min(out, default=None),
                min(failed, default=None),
            )
        )


def incidents(seen: Seen, settings: Settings) -> list[Incident]:
    """Everything that people must hear of."""
    found: list[Incident] = []
    for night in seen.nights:
        incident = _of_run(night, seen.troubles, settings)
        if incident is not None:
            found.append(incident)
    missed = [night for night in seen.nights if night.out is None or night.out > night.deadline]
    if missed:
        first = missed[0]
        name = fingerprint(Rule.SLA, first.schedule, "")
        found.append(Incident("on-time record hurt", name, first.deadline, seen.nights[-1].deadline + SLACK))
    for one in seen.troubles:
        if one.kind is Kind.OUTAGE:
            name = fingerprint(Rule.SERVICE_DOWN, one.service, "")
            found.append(Incident("service down", name, one.begins, one.ends))
    for machine, at in seen.deaths:
        name = fingerprint(Rule.WORKER_LOST, machine, "")
        found.append(Incident("machine lost", name, at, at + timedelta(hours=12)))
    found += _in_a_row(seen.ended, settings.alerts.rules.consecutive_failures, settings.alerts.every_s)
    found += _lasting(
        "queue too deep", "jobs", [(at, count > settings.alerts.rules.queue_depth) for at, count, _ in seen.depths]
    )
    found += _lasting(
        "jobs wait too long", "oldest", [(at, age > settings.alerts.rules.queue_age_s) for at, _, age in seen.depths]
    )
    return found


def _of_run(night: NightSeen, troubles: Sequence[Trouble], settings: Settings) -> Incident | None:
    late = night.nominal + timedelta(seconds=settings.alerts.rules.start_late_s)
    warn = night.deadline - timedelta(seconds=settings.deadline.warning_s)
    if night.failed is not None:
        kind, since = "run finally failed", night.failed
    elif night.started is None or night.started > late:
        kind, since = "run started late", late
    elif night.out is None or night.out > warn:
        begun = [one.begins for one in troubles if one.kind is Kind.SLOW and one.at(night.nominal)]
        kind, since = "render too slow", min(begun, default=night.started)
    else:
        return None
    name = fingerprint(Rule.DEADLINE_AT_RISK, night.schedule, str(night.run_date))
    return Incident(kind, name, since, max(night.out or night.deadline, night.deadline), night.deadline)


def _in_a_row(ended: Iterable[tuple[datetime, str, bool]], many: int, every_s: float) -> list[Incident]:
    """The times in which the last jobs of a type had all failed; a short break does not end one."""
    streaks: dict[str, int] = defaultdict(int)
    spans: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    last = datetime.max.replace(tzinfo=UTC)
    for at, job_type, fine in sorted(ended):
        before, streaks[job_type] = streaks[job_type], 0 if fine else streaks[job_type] + 1
        if streaks[job_type] == many:
            spans[job_type].append((at, last))
        elif fine and before >= many:
            spans[job_type][-1] = (spans[job_type][-1][0], at)
    return [
        Incident(
            "jobs failing in a row",
            fingerprint(Rule.CONSECUTIVE_FAILURES, job_type, ""),
            since,
            until,
            brief=(until - since).total_seconds() < every_s,
        )
        for job_type, found in spans.items()
        for since, until in _joined(found)
    ]


def _lasting(kind: str, subject: str, samples: Iterable[tuple[datetime, bool]]) -> list[Incident]:
    """The times in which something was so for long enough; a short break does not end one."""
    spans: list[tuple[datetime, datetime]] = []
    goes_on = False
    for at, so in samples:
        if so and goes_on:
            spans[-1] = (spans[-1][0], at)
        elif so:
            spans.append((at, at))
        goes_on = so
    long = [(since, until) for since, until in spans if (until - since).total_seconds() >= SURELY_S]
    name = fingerprint(Rule.QUEUE_DEPTH, subject, "")
    return [Incident(kind, name, since, until) for since, until in _joined(long)]


def _joined(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Times as one where the break between them is so short that the same alert is opened again."""
    found: list[tuple[datetime, datetime]] = []
    for since, until in spans:
        if found and since - found[-1][1] <= REOPENED:
            found[-1] = (found[-1][0], until)
        else:
            found.append((since, until))
    return found


@dataclass
class Row:
    """One kind of incident.

    Attributes:
        incidents: how many there were.
        alerts: how many alerts there were about them.
        again: how often one of those was opened again.
        unseen: how many nobody was told of.
        warned: minutes before the deadline at which it was told, where the cause was there 20 minutes before it.
    """

    incidents: int = 0
    alerts: int = 0
    again: int = 0
    unseen: int = 0
    warned: list[float] = field(default_factory=list[float])


def judge(truths: Sequence[Incident], alerts: Sequence[Alert]) -> tuple[dict[str, Row], list[Alert]]:
    """The incidents by kind with the alerts about them, and the alerts about none."""
    left = list(alerts)
    rows: dict[str, Row] = defaultdict(Row)
    for truth in sorted(truths, key=lambda one: one.since):
        mine = [one for one in left if _is_about(one, truth)]
        if not mine and truth.brief:
            continue
        row = rows[truth.kind]
        row.incidents += 1
        row.alerts += len(mine)
        row.again += sum(one.count - 1 for one in mine)
        row.unseen += not mine
        left = [one for one in left if one not in mine]
        early = truth.deadline is not None and truth.since <= truth.deadline - timedelta(minutes=20)
        fired = min((one.fired_at for one in mine if one.fired_at is not None), default=None)
        if early and truth.deadline is not None and fired is not None:
            row.warned.append((truth.deadline - fired).total_seconds() / 60)
    return rows, left


def _is_about(alert: Alert, truth: Incident) -> bool:
    at = alert.fired_at or alert.created_at
    if alert.fingerprint != truth.fingerprint:
        return False
    # An alert about a run names its night; others come while the trouble lasts.
    return truth.deadline is not None or (truth.since - SLACK <= at and at - SLACK <= truth.until)


def warned_min(rows: Mapping[str, Row]) -> float | None:
    """Minutes before the deadline at which incidents of a run were told, on average; None: there were none."""
    warned = [minutes for row in rows.values() for minutes in row.warned]
    return sum(warned) / len(warned) if warned else None


def table(rows: Mapping[str, Row], wrong: Sequence[Alert]) -> list[str]:
    """The judgement as a Markdown table, a line each."""
    lines = [
        "| incident | times | alerts | opened again | not alerted | warned before the deadline |",
        "|---|---|---|---|---|---|",
    ]
    for kind, row in sorted(rows.items()):
        early = f"{sum(row.warned) / len(row.warned):.0f} min" if row.warned else "–"
        lines.append(f"| {kind} | {row.incidents} | {row.alerts} | {row.again} | {row.unseen} | {early} |")
    mean = warned_min(rows)
    whole = [sum(getattr(row, name) for row in rows.values()) for name in ("incidents", "alerts", "again", "unseen")]
    early = "–" if mean is None else f"{mean:.0f} min"
    lines.append(f"| **all** | {' | '.join(map(str, whole))} | {early} |")
    lines.append(f"| no incident | | {len(wrong)} | | | |")
    return lines
