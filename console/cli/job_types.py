"""``predawn types …``: limits of job types, and pausing them."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from console.cli.context import cli_of
from console.cli.output import print_items, print_json, print_table, say
from console.format import short_duration
from scheduler.domain.job import QueueConfig
from scheduler.domain.limits import LimitsChange

app = typer.Typer(no_args_is_help=True, help="Job types: list, pause, resume, limits.")

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
JobType = Annotated[str, typer.Argument(help="daily_ca, …", metavar="TYPE")]


@app.command("list")
def list_types(ctx: typer.Context, as_json: Json = False) -> None:
    """List job types with their limits and how many jobs wait and run.

    Example: predawn types list
    """
    states = cli_of(ctx).operations.job_types()
    if as_json:
        counted = [{"queued": state.queued, "processing": state.processing} for state in states]
        print_items([dataclasses.asdict(state.limits) | more for state, more in zip(states, counted, strict=True)])
        return
    rows = [
        (
            state.limits.job_type,
            "paused" if state.limits.paused else "on",
            state.queued,
            state.processing,
            state.limits.concurrency,
            short_duration(state.limits.timeout_s) if state.limits.timeout_s else "none",
            state.limits.max_retries,
            short_duration(state.limits.retry_delay_s),
        )
        for state in states
    ]
    print_table(("type", "state", "queued", "running", "at once", "time limit", "retries", "after"), rows)


@app.command()
def pause(ctx: typer.Context, job_type: JobType, as_json: Json = False) -> None:
    """Start no more jobs of a type until it is resumed; what runs, runs on.

    Example: predawn types pause daily_ca
    """
    cli = cli_of(ctx)
    config = cli.operations.pause_type(job_type, paused=True, actor=cli.actor)
    _tell(config, f"{job_type} is paused; go on with: predawn types resume {job_type}", as_json=as_json)


@app.command()
def resume(ctx: typer.Context, job_type: JobType, as_json: Json = False) -> None:
    """Let the jobs of a paused type start again.

    Example: predawn types resume daily_ca
    """
    cli = cli_of(ctx)
    config = cli.operations.pause_type(job_type, paused=False, actor=cli.actor)
    _tell(config, f"{job_type} is on", as_json=as_json)


@app.command()
def limits(
    ctx: typer.Context,
    job_type: JobType,
    concurrency: Annotated[int | None, typer.Option(help="Jobs at once over all workers.")] = None,
    timeout_s: Annotated[float | None, typer.Option(help="Seconds a job may run; 0: no limit.")] = None,
    max_retries: Annotated[int | None, typer.Option(help="Automatic retries of a failed job.")] = None,
    retry_delay_s: Annotated[float | None, typer.Option(help="Seconds from a failure to its retry.")] = None,
    as_json: Json = False,
) -> None:
    """Change limits of a type while the daemon runs; they hold from the next start and the next failure on.

    Example: predawn types limits daily_ca --concurrency 2 --timeout-s 10800
    """
    cli = cli_of(ctx)
    change = LimitsChange(concurrency, timeout_s, max_retries, retry_delay_s)
    config = cli.operations.set_limits(job_type, change, actor=cli.actor)
    changed = ", ".join(f"{name} {value:g}" for name, value in change.given.items())
    _tell(config, f"{job_type}: {changed}", as_json=as_json)


def _tell(config: QueueConfig, words: str, *, as_json: bool) -> None:
    say(words)
    if as_json:
        print_json(dataclasses.asdict(config))
