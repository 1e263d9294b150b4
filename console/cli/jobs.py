"""``predawn jobs …``: the queue."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from console.cli.context import EXIT_FAILED, EXIT_MISSED, Cli, cli_of
from console.cli.output import confirm, fail, print_items, print_json, print_table, say
from console.cli.selection import filter_text, select_jobs
from console.cli.shapes import attempt_json, detail_json, job_json
from console.format import age, short_duration, short_id
from console.text import clean
from scheduler.domain.failure import FailureClass
from scheduler.domain.filter import JobSort
from scheduler.domain.job import RETRY, CancelOutcome, Job, JobSpec, JobStatus, Priority, upgraded_at
from scheduler.domain.render import AttemptStatus
from scheduler.ports.operations import InvalidError, JobDetail, NotFoundError

app = typer.Typer(no_args_is_help=True, help="The queue: list, look, submit, cancel, retry.")

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
JobId = Annotated[str, typer.Argument(help="Id, or a unique prefix of it.", metavar="ID")]
JobIds = Annotated[list[str] | None, typer.Argument(help="Ids, or unique prefixes.", metavar="ID")]
Selection = Annotated[
    str | None,
    typer.Option("--filter", help="All that this finds, instead of ids.", metavar="FILTER", show_default=False),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, where --filter is used.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")]

MAX_PAYLOAD = 1_000_000
WAIT_S = 0.5


@app.command("list", context_settings={"ignore_unknown_options": True})  # -tag:test is a filter, no option
def list_jobs(
    ctx: typer.Context,
    filters: Annotated[
        list[str] | None,
        typer.Argument(
            help="Like status:failed type:daily_ca error:timeout after:-2h -tag:test; several of one field mean any "
            "of them (docs/jobs.md).",
            metavar="FILTER",
        ),
    ] = None,
    sort: Annotated[JobSort, typer.Option(help="newest, oldest, or priority: as they will be claimed.")] = (
        JobSort.NEWEST
    ),
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Rows at most.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="The `next` of the page before.")] = None,
    as_json: Json = False,
) -> None:
    """List jobs, newest first.

    Example: predawn jobs list status:failed type:daily_ca after:-7d -tag:test --limit 20
    """
    text = filter_text(filters or [])
    page = cli_of(ctx).operations.jobs(filter=text, sort=sort, limit=limit, cursor=cursor)
    if as_json:
        print_items([job_json(job) for job in page.items], page.next_cursor)
        return
    now = datetime.now(UTC)
    rows = [
        (
            short_id(job.id),
            job.status + (" (retries)" if job.retry_at else ""),
            job.job_type,
            job.priority,
            f"{job.progress:.0%}" if job.status is JobStatus.PROCESSING else "",
            age(job.created_at, now),
            job.run_date or "",
            describe(job),
        )
        for job in page.items
    ]
    print_table(("id", "status", "type", "priority", "done", "age", "for", "note"), rows)
    if page.next_cursor:
        say(f"more: --cursor {page.next_cursor}")


def describe(job: Job) -> str:
    """The one thing worth saying of a job in a list."""
    if job.status is JobStatus.PROCESSING:
        return job.stage or ""
    if job.error is not None and job.status is JobStatus.FAILED:
        return f"{job.error.type}: {job.error.message}"
    if job.status is JobStatus.COMPLETED:
        return ("degraded " if job.degraded else "") + str(job.payload.get("video_url", ""))
    return job.reason or ""


@app.command()
def show(ctx: typer.Context, job_id: JobId, as_json: Json = False) -> None:
    """Show one job: payload, renders, attempts, failures.

    Example: predawn jobs show 3f2a
    """
    detail = cli_of(ctx).operations.job(job_id)
    if as_json:
        print_json(detail_json(detail))
        return
    print_detail(detail)


def print_detail(detail: JobDetail) -> None:
    """A job for people."""
    job = detail.job
    upgraded = upgraded_at(job)
    facts: list[tuple[str, Any]] = [
        ("id", job.id),
        ("status", job.status + (f" ({job.reason})" if job.reason else "")),
        ("type", job.job_type),
        ("priority", job.priority),
        ("key", job.idempotency_key),
        ("run date", job.run_date),
        ("deadline", job.deadline_at.isoformat() if job.deadline_at else None),
        ("created", job.created_at.isoformat()),
        ("started", job.started_at.isoformat() if job.started_at else None),
        ("completed", job.completed_at.isoformat() if job.completed_at else None),
        ("retries", f"{job.retry_count} of {job.max_retries}"),
        ("retry at", job.retry_at.isoformat() if job.retry_at else None),
        ("degraded", "yes" if job.degraded else f"no, upgraded {upgraded:%Y-%m-%d %H:%M} UTC" if upgraded else "no"),
        ("error", f"{job.error.type}: {job.error.message}" if job.error else None),
    ]
    for name, value in facts:
        if value is not None:
            typer.echo(f"{name:<10} {value}")
    typer.echo(
        "payload    " + json.dumps(dict(job.payload), ensure_ascii=False, indent=2).replace("\n", "\n           ")
    )
    if detail.attempts:
        typer.echo("")
        print_attempts(detail)


def print_attempts(detail: JobDetail) -> None:
    """The attempts as a table."""
    numbers = {render.id: render.number for render in detail.renders}
    rows = [
        (
            numbers.get(attempt.render_id, "?"),
            attempt.stage,
            attempt.provider,
            outcome_word(attempt_json(attempt)),
            "" if attempt.duration_ms is None else short_duration(attempt.duration_ms / 1000),
            f"{attempt.error_class}: {attempt.error_message}" if attempt.error_class else attempt.error_message or "",
        )
        for attempt in detail.attempts
    ]
    print_table(("render", "stage", "provider", "outcome", "took", "error"), rows)


@app.command()
def submit(
    ctx: typer.Context,
    job_type: Annotated[str, typer.Argument(help="daily_ca, …", metavar="TYPE")],
    payload: Annotated[str, typer.Option(help="A JSON object, a file that holds one, or - for stdin.")] = "{}",
    priority: Annotated[Priority, typer.Option(help="high jumps the queue.")] = Priority.NORMAL,
    key: Annotated[str | None, typer.Option(help="Idempotency key: a second submit with it changes nothing.")] = None,
    deadline: Annotated[
        str | None, typer.Option(help="When it must be out: ISO 8601 with offset, or +MINUTES.", metavar="T")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended; the exit code says how.")] = False,
    as_json: Json = False,
) -> None:
    """Queue a job.

    Example: predawn jobs submit daily_ca --payload '{"brief": "2025-09-03-gst-two-slabs.md"}' --wait
    """
    cli = cli_of(ctx)
    spec = JobSpec(
        job_type=job_type,
        payload=read_payload(payload),
        priority=priority,
        idempotency_key=key,
        deadline_at=parse_deadline(deadline),
    )
    queued = cli.operations.submit(spec, actor=cli.actor)
    if not queued.created:
        say(f"the key {key} is taken: this is the job that has it")
    job = wait_for(cli, queued.job.id) if wait else queued.job
    if as_json:
        print_json(job_json(job) | {"created": queued.created})
    else:
        typer.echo(job.id)
    if wait and job.status is not JobStatus.COMPLETED:
        fail(f"job {short_id(job.id)} {job.status}: {describe(job)}", EXIT_MISSED)


def read_payload(text: str) -> dict[str, Any]:
    """The payload from a JSON text, a file or stdin (``-``).

    Raises:
        typer.BadParameter: not a JSON object, or too large.
    """
    source = "--payload"
    if text == "-":
        text, source = sys.stdin.read(MAX_PAYLOAD + 1), "stdin"
    elif not text.lstrip().startswith(("{", "[")):
        path = Path(text)
        if not path.is_file():
            raise typer.BadParameter(f"{text!r} is neither a JSON object nor a file")
        text, source = path.read_text(encoding="utf-8")[: MAX_PAYLOAD + 1], str(path)
    if len(text) > MAX_PAYLOAD:
        raise typer.BadParameter(f"{source}: larger than {MAX_PAYLOAD:,} characters")
    try:
        value = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"{source} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise typer.BadParameter(f"{source}: a payload is a JSON object, this is {type(value).__name__}")
    return cast("dict[str, Any]", value)


def parse_deadline(text: str | None, now: datetime | None = None) -> datetime | None:
    """``2026-11-21T06:00+05:30`` or ``+90`` (minutes from now).

    Raises:
        typer.BadParameter: neither, or a time without an offset.
    """
    if text is None:
        return None
    if text.startswith("+"):
        try:
            return (now or datetime.now(UTC)) + timedelta(minutes=float(text[1:]))
        except ValueError as error:
            raise typer.BadParameter(f"--deadline {text}: write +MINUTES, like +90") from error
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"--deadline {text}: write it like 2026-11-21T06:00+05:30 or +90") from error
    if at.tzinfo is None:
        raise typer.BadParameter(f"--deadline {text} has no offset: write it like {text}+05:30")
    return at.astimezone(UTC)


def wait_for(cli: Cli, job_id: str) -> Job:
    """Wait until nothing more happens to a job by itself, telling each change on stderr."""
    said = ""
    while True:
        job = cli.operations.job(job_id).job
        line = f"{job.status} {job.progress:.0%} {describe(job)}".rstrip()
        if line != said:
            say(f"{short_id(job.id)} {line}")
            said = line
        if job.is_final:
            return job
        time.sleep(WAIT_S)


@app.command()
def cancel(
    ctx: typer.Context,
    job_ids: JobIds = None,
    filter_words: Selection = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Cancel jobs; a running one stops within 2 seconds.

    Example: predawn jobs cancel 3f2a 77c0, or: predawn jobs cancel --filter "status:queued tag:test" --dry-run
    """
    cli = cli_of(ctx)
    jobs = select_jobs(cli.operations, job_ids or (), filter_words)
    eligible = [job for job in jobs if not job.is_final]
    if dry_run:
        _would("cancel", eligible, jobs, as_json=as_json)
        return
    if filter_words is not None:
        confirm(_question("cancel", eligible, jobs), yes=yes or not eligible)
        jobs = eligible
    outcomes = [(job, cli.operations.cancel(job.id, actor=cli.actor)) for job in jobs]
    _tell([(job, outcome.value) for job, outcome in outcomes], as_json=as_json)
    if any(outcome is CancelOutcome.NOT_CANCELLABLE for _, outcome in outcomes):
        raise typer.Exit(EXIT_FAILED)


@app.command()
def retry(
    ctx: typer.Context,
    job_ids: JobIds = None,
    filter_words: Selection = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Queue failed or cancelled jobs again; what was rendered already is kept.

    Example: predawn jobs retry 3f2a, or: predawn jobs retry --filter "status:failed error:timeout after:-1d"
    """
    cli = cli_of(ctx)
    jobs = select_jobs(cli.operations, job_ids or (), filter_words)
    eligible = [job for job in jobs if job.status in RETRY.sources]
    if dry_run:
        _would("retry", eligible, jobs, as_json=as_json)
        return
    if filter_words is not None:
        confirm(_question("retry", eligible, jobs), yes=yes or not eligible)
    outcomes: list[tuple[Job, str]] = []
    for job in jobs if filter_words is None else eligible:
        try:
            outcomes.append((cli.operations.retry(job.id, actor=cli.actor), "queued"))
        except InvalidError as error:  # it has moved on since we looked: the others are still to be done
            outcomes.append((job, f"left: {error}"))
    _tell(outcomes, as_json=as_json)
    if filter_words is None and any(outcome != "queued" for _, outcome in outcomes):
        raise typer.Exit(EXIT_FAILED)


def _question(verb: str, eligible: list[Job], asked: list[Job]) -> str:
    left = len(asked) - len(eligible)
    return f"{verb} {len(eligible)} jobs?" + (
        f" {left} more are found, but their state does not allow it." if left else ""
    )


@app.command()
def rerender(
    ctx: typer.Context,
    job_id: JobId,
    deadline: Annotated[
        str | None, typer.Option(help="When it must be out: ISO 8601 with offset, or +MINUTES.", metavar="T")
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Make an ended job anew from the start; its published video is replaced.

    Example: predawn jobs rerender 3f2a
    """
    cli = cli_of(ctx)
    job = cli.operations.job(job_id).job
    if dry_run:
        _would("re-render", [job] if job.status.is_final else [], [job], as_json=as_json)
        return
    made = cli.operations.rerender(job.id, actor=cli.actor, deadline_at=parse_deadline(deadline))
    _tell([(made, "queued")], as_json=as_json)


@app.command()
def priority(
    ctx: typer.Context,
    job_id: JobId,
    level: Annotated[Priority, typer.Argument(help="high, normal or low.", metavar="P")],
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Change the priority of a queued job.

    Example: predawn jobs priority 3f2a high
    """
    cli = cli_of(ctx)
    job = cli.operations.job(job_id).job
    if dry_run:
        _would(f"set {level} for", [job] if job.status is JobStatus.QUEUED else [], [job], as_json=as_json)
        return
    _tell([(cli.operations.set_priority(job.id, level, actor=cli.actor), level.value)], as_json=as_json)


def _would(verb: str, eligible: list[Job], asked: list[Job], *, as_json: bool) -> None:
    left = [job for job in asked if job not in eligible]
    if as_json:
        print_json(
            {"dry_run": True, "eligible": [job.id for job in eligible], "not_eligible": [job.id for job in left]}
        )
        return
    for job in eligible:
        typer.echo(f"would {verb} {short_id(job.id)} ({job.status})")
    for job in left:
        typer.echo(f"would leave {short_id(job.id)} ({job.status})")


def _tell(outcomes: list[tuple[Job, str]], *, as_json: bool) -> None:
    if as_json:
        print_items([{"id": job.id, "outcome": outcome} for job, outcome in outcomes])
        return
    for job, outcome in outcomes:
        typer.echo(f"{short_id(job.id)} {outcome}")


def logs(
    ctx: typer.Context,
    target: Annotated[
        str | None, typer.Argument(help="Job or render, id or unique prefix; default: the newest job.", metavar="[ID]")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    as_json: Json = False,
) -> None:
    """Show the attempts of a job or render: every call of every provider, fallbacks too.

    Example: predawn logs 3f2a -f
    """
    cli = cli_of(ctx)
    if target is None:
        newest = cli.operations.jobs(limit=1).items
        if not newest:
            raise NotFoundError("there are no jobs yet")
        target = newest[0].id
    if as_json and not follow:
        print_items([attempt_json(attempt) for attempt in cli.operations.logs(target)])
        return
    shown: set[str] = set()
    while True:
        job_ended = not follow or _ended(cli, target)
        for attempt in cli.operations.logs(target):
            if attempt.id in shown or (follow and attempt.status is AttemptStatus.STARTED and not job_ended):
                continue
            shown.add(attempt.id)
            if as_json:
                print_json(attempt_json(attempt))
            else:
                typer.echo(log_line(attempt_json(attempt)))
        if job_ended:
            return
        time.sleep(WAIT_S)


def _ended(cli: Cli, target: str) -> bool:
    attempts = cli.operations.logs(target)
    return cli.operations.job(attempts[0].job_id if attempts else target).job.is_final


def outcome_word(attempt: Mapping[str, Any]) -> str:
    """How an attempt ended, for people: what was never asked, or was broken off, has not failed. Pure."""
    if attempt["resumed"]:
        return "kept"
    if attempt["detail"].get("skipped"):
        return "skipped"
    return "stopped" if attempt["error_class"] == FailureClass.CANCELLED else str(attempt["status"])


def log_line(attempt: dict[str, Any]) -> str:
    """One attempt as a line: when, stage, provider, outcome, how long, what went wrong."""
    took = "" if attempt["duration_ms"] is None else short_duration(attempt["duration_ms"] / 1000)
    word = outcome_word(attempt)
    fallback = " (fallback)" if attempt["fallback_position"] and attempt["status"] == AttemptStatus.COMPLETED else ""
    error = clean(f"{attempt['error_class'] or ''} {attempt['error_message'] or ''}", limit=400)
    at: datetime = attempt["started_at"]
    line = f"{at:%H:%M:%S} {attempt['stage']:<10} {attempt['provider']:<16} {word:<9} {took:>6}{fallback} {error}"
    return line.rstrip()
