"""``predawn status`` and ``watch``: one look, for people and for scripts."""

from __future__ import annotations

import select
import sys
import time
from typing import Annotated

import typer

from console.cli.context import EXIT_AT_RISK, EXIT_MISSED, EXIT_UNREACHABLE, cli_of
from console.cli.output import print_json
from console.cli.shapes import snapshot_json
from console.format import age, clock_time, duration, moment, short_duration, short_id, zone_abbreviation
from console.text import clean
from scheduler.domain.deadline import Verdict
from scheduler.domain.job import JobStatus
from scheduler.domain.service import ServiceHealth, ServiceState
from scheduler.domain.snapshot import Snapshot, StageState

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]

EXIT_OF = {
    Verdict.READY: 0,
    Verdict.ON_TRACK: 0,
    Verdict.IDLE: 0,
    Verdict.AT_RISK: EXIT_AT_RISK,
    Verdict.MISSED: EXIT_MISSED,
}


def exit_code(snapshot: Snapshot) -> int:
    """The verdict as an exit code; 5 when it needs a daemon and none is alive. Pure."""
    code = EXIT_OF[snapshot.tonight.verdict]
    job = snapshot.tonight.job
    if job is not None and job.is_final and job.status is not JobStatus.COMPLETED:
        return EXIT_MISSED
    alive = snapshot.daemon is not None and snapshot.daemon.alive
    waits_for_one = snapshot.tonight.verdict in {Verdict.ON_TRACK, Verdict.AT_RISK, Verdict.IDLE}
    return EXIT_UNREACHABLE if waits_for_one and not alive else code


def status(ctx: typer.Context, as_json: Json = False) -> None:
    """Will the morning's video be there? The exit code is the verdict.

    0 on track or ready, 3 at risk, 4 missed or finally failed, 5 no daemon or no database.

    Example: predawn status || mail -s "predawn: look" ops
    """
    snapshot = cli_of(ctx).operations.snapshot()
    if as_json:
        print_json(snapshot_json(snapshot))
    else:
        for line in status_lines(snapshot):
            typer.echo(line)
    raise typer.Exit(exit_code(snapshot))


def status_lines(snapshot: Snapshot) -> list[str]:
    """The snapshot as text for people."""
    tonight, now = snapshot.tonight, snapshot.taken_at
    lines = [verdict_line(snapshot), f"  {clean(tonight.note, limit=300)}"]
    if tonight.job is None and tonight.latest_start_at is not None and tonight.starts_at is not None:
        lines.append(f"  latest safe start {moment(tonight.latest_start_at, now, tonight.timezone)}")
    if tonight.prediction is not None and tonight.prediction.path:
        path = " > ".join(f"{step.stage} {short_duration(step.p90_s)}" for step in tonight.prediction.path)
        lines.append(f"  critical path (P90) {path}")
    if tonight.job is not None:
        lines.append(f"  job {short_id(tonight.job.id)} {tonight.job.status} {tonight.job.progress:.0%}")
    for view in tonight.stages:
        if view.state in {StageState.WAITING, StageState.UNUSED}:
            continue
        took = ""
        if view.started_at is not None:
            took = short_duration(((view.finished_at or now) - view.started_at).total_seconds())
        mark = " (fallback)" if view.degraded else ""
        lines.append(f"    {view.stage:<10} {view.state:<9} {took:>6}  {view.provider or ''}{mark}")
    depth = "  ".join(f"{status} {snapshot.depth.of(status)}" for status in JobStatus)
    waits = snapshot.depth.oldest_queued_age_s
    lines.append(f"queue     {depth}" + (f"  (oldest waits {duration(waits)})" if waits is not None else ""))
    lines += [f"service   {health.service:<13} {describe_health(health)}" for health in snapshot.services]
    daemon = snapshot.daemon
    if daemon is None:
        lines.append("daemon    none runs: predawn serve")
    else:
        word = "alive" if daemon.alive else "DEAD"
        lines.append(f"daemon    {word}, pid {daemon.pid} on {clean(daemon.host)}, seen {age(daemon.beat_at, now)} ago")
    return lines


def verdict_line(snapshot: Snapshot) -> str:
    """``ON TRACK  2026-11-21 by 06:00 IST  P50 03:12 P90 03:20  slack 2 h 40 min``."""
    tonight = snapshot.tonight
    parts = [str(tonight.verdict)]
    if tonight.run_date is not None and tonight.deadline_at is not None:
        zone = tonight.timezone
        named = zone_abbreviation(tonight.deadline_at, zone)
        parts.append(f"{tonight.run_date} by {clock_time(tonight.deadline_at, zone)} {named}")
        prediction = tonight.prediction
        if prediction is not None and prediction.p50_at is not None and prediction.p90_at is not None:
            now = snapshot.taken_at
            parts.append(f"P50 {moment(prediction.p50_at, now, zone)} P90 {moment(prediction.p90_at, now, zone)}")
        if tonight.slack_s is not None:
            word = "slack" if tonight.slack_s >= 0 else "late by"
            parts.append(f"{word} {duration(abs(tonight.slack_s))}")
    return "  ".join(parts)


def describe_health(health: ServiceHealth) -> str:
    """``up  4 ms  http://127.0.0.1:5000``."""
    last = health.last_probe
    latency = f"{last.latency_ms:.0f} ms" if last and last.latency_ms is not None else ""
    error = clean(last.error, limit=120) if last and last.error else ""
    return "  ".join(part for part in (health.state.value, latency, health.url, error) if part)


def watch(
    ctx: typer.Context,
    every: Annotated[float, typer.Option(min=0.2, max=3600, help="Seconds between looks.")] = 2.0,
) -> None:
    """Print a line whenever something has changed: for dumb terminals and logs. Ends with ctrl-c.

    Example: predawn watch | tee night.log
    """
    operations = cli_of(ctx).operations
    said = ""
    while True:
        snapshot = operations.snapshot(job_limit=1)
        tonight = snapshot.tonight
        bad = [f"{h.service} {h.state}" for h in snapshot.services if h.state is not ServiceState.UP]
        line = "  ".join(
            part
            for part in (
                verdict_line(snapshot),
                clean(tonight.note, limit=160),
                f"queued {snapshot.depth.of(JobStatus.QUEUED)} running {snapshot.depth.of(JobStatus.PROCESSING)}",
                ", ".join(bad),
                "" if snapshot.daemon is not None and snapshot.daemon.alive else "NO DAEMON RUNS",
            )
            if part
        )
        if line != said:
            typer.echo(f"{clock_time(snapshot.taken_at, tonight.timezone, seconds=True)}  {line}")
            said = line
        if not wait_while_read(every):
            return


def wait_while_read(seconds: float) -> bool:
    """Wait; False at once when whoever read our stdout has gone (``| head -1``), which no write would tell of yet."""
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):  # stdout is no file: a test's buffer
        time.sleep(seconds)
        return True
    return not poll.poll(seconds * 1000)
