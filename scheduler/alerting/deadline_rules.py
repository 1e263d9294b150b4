"""The rules about one run and its deadline: late to start, at risk, missed. Pure.

They share a fingerprint: one trouble that grows, one thread in Slack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from config.sections.alerts import RuleSettings
from scheduler.alerting.observation import Observation, RunLook
from scheduler.alerting.words import clock, cut, span, stage_lines
from scheduler.domain.alert import Facts, Rule, Sample, Severity, fingerprint
from scheduler.domain.job import JobStatus

NEEDS = 2
"""Looks in a row before a prediction is believed."""
CLEARS = 2


def deadline_samples(run: RunLook, look: Observation, rules: RuleSettings, *, warning_s: float) -> Iterator[Sample]:
    """What is wrong with one run."""
    tonight, now = run.tonight, look.now
    deadline = tonight.deadline_at
    if deadline is None or tonight.schedule is None or run.ready_at is not None:
        return
    job = tonight.job
    if run.held and (job is None or job.status is JobStatus.CANCELLED):
        return
    if now >= deadline:
        yield _sample(run, look, Rule.DEADLINE_MISSED, Severity.CRITICAL, _missed_title(run, now), needs=1)
        return
    failed = job is not None and job.is_final and job.status is not JobStatus.COMPLETED
    if failed:
        by_hand = job is not None and job.status is JobStatus.CANCELLED
        word = "was cancelled" if by_hand else "has finally failed"
        title = f"{tonight.schedule} {word}: no video by {_at(run, now)} unless somebody acts"
        yield _sample(run, look, Rule.DEADLINE_AT_RISK, Severity.CRITICAL, title, needs=1)
        return
    yield from _predicted(run, look, deadline, warning_s)
    waiting = job is None or (job.status is JobStatus.QUEUED and job.started_at is None)
    late = timedelta(0) if run.due_at is None else now - run.due_at
    if waiting and late >= timedelta(seconds=rules.start_late_s):
        title = f"{tonight.schedule} has not started, {span(late.total_seconds())} after its time"
        yield _sample(run, look, Rule.START_LATE, Severity.WARNING, title, needs=1, since=run.due_at)


def _predicted(run: RunLook, look: Observation, deadline: datetime, warning_s: float) -> Iterator[Sample]:
    tonight, now = run.tonight, look.now
    guess = tonight.prediction
    if guess is None or guess.p50_at is None or guess.p90_at is None:
        return
    running = tonight.job is not None and tonight.job.status is JobStatus.PROCESSING
    too_late_to_start = not running and run.due_at is not None and run.due_at <= now and guess.p90_at > deadline
    if guess.p50_at > deadline or too_late_to_start:
        why = (
            "the latest safe start has gone by" if too_late_to_start else f"most likely {_late(guess.p50_at, deadline)}"
        )
        title = f"{tonight.schedule} will probably miss {_at(run, now)}: {why}"
        yield _sample(run, look, Rule.DEADLINE_AT_RISK, Severity.CRITICAL, title, needs=NEEDS)
    elif guess.p90_at > deadline - timedelta(seconds=warning_s):
        title = f"{tonight.schedule} may miss {_at(run, now)}: it could take until {_clock(guess.p90_at, run, now)}"
        yield _sample(run, look, Rule.DEADLINE_AT_RISK, Severity.WARNING, title, needs=NEEDS)


def _late(at: datetime, deadline: datetime) -> str:
    return f"{span((at - deadline).total_seconds())} late"


def _missed_title(run: RunLook, now: datetime) -> str:
    return f"{run.tonight.schedule} has missed {_at(run, now)}: no video is out"


def _at(run: RunLook, now: datetime) -> str:
    deadline = run.tonight.deadline_at
    return "" if deadline is None else _clock(deadline, run, now)


def _clock(at: datetime, run: RunLook, now: datetime) -> str:
    return clock(at, run.tonight.timezone, now)


def _sample(
    run: RunLook,
    look: Observation,
    rule: Rule,
    severity: Severity,
    title: str,
    *,
    needs: int,
    since: datetime | None = None,
) -> Sample:
    tonight = run.tonight
    job = tonight.job
    return Sample(
        rule,
        tonight.schedule or "",
        severity,
        Facts(title, tuple(_lines(run, look)), _command(run), job.id if job else None),
        period=str(tonight.run_date),
        needs=needs,
        clears=CLEARS,
        since=since,
        deadline_at=tonight.deadline_at,
        zone=tonight.timezone,
    )


def _lines(run: RunLook, look: Observation) -> Iterator[str]:
    tonight, now = run.tonight, look.now
    yield cut(f"for {tonight.run_date}: {tonight.note}", 300)
    yield from stage_lines(tonight.stages, tonight.timezone)
    guess, deadline = tonight.prediction, tonight.deadline_at
    if deadline is not None and now < deadline:
        left = f"{span((deadline - now).total_seconds())} left"
        if guess is not None and guess.p50_at is not None and guess.p90_at is not None:
            left += f"; out by {_clock(guess.p50_at, run, now)} in half of the cases, "
            left += f"by {_clock(guess.p90_at, run, now)} in nine of ten"
        yield left
    elif deadline is not None:
        yield f"{span((now - deadline).total_seconds())} past the deadline"


def _command(run: RunLook) -> str:
    job = run.tonight.job
    if job is None:
        return f"predawn schedules run {run.tonight.schedule}"
    match job.status:
        case JobStatus.FAILED | JobStatus.CANCELLED:
            return f"predawn jobs retry {job.id[:8]}"
        case JobStatus.QUEUED:
            return f"predawn jobs priority {job.id[:8]} high"
        case JobStatus.PROCESSING | JobStatus.COMPLETED:
            return f"predawn jobs show {job.id[:8]}"


def endings(runs: Iterable[RunLook], now: datetime) -> Mapping[str, str]:
    """By fingerprint, how the runs ended whose video is out: what a resolved alert says."""
    found: dict[str, str] = {}
    for run in runs:
        tonight, ready, deadline = run.tonight, run.ready_at, run.tonight.deadline_at
        if ready is None or deadline is None or tonight.schedule is None:
            continue
        margin = (deadline - ready).total_seconds()
        kept = f"{span(margin)} before the deadline" if margin >= 0 else f"{span(margin)} late"
        degraded = ", degraded: a fallback was used" if tonight.job is not None and tonight.job.degraded else ""
        name = fingerprint(Rule.DEADLINE_AT_RISK, tonight.schedule, str(tonight.run_date))
        found[name] = f"published {clock(ready, tonight.timezone, now)}, {kept}{degraded}"
    return found
