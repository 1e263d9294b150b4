"""``predawn schedules …``: when runs are due."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from console.cli.context import EXIT_MISSED, cli_of
from console.cli.jobs import describe, wait_for
from console.cli.output import fail, print_items, print_json, print_table, say
from console.cli.shapes import job_json, schedule_json, upcoming_json
from console.format import short_id
from scheduler.domain.job import JobStatus

app = typer.Typer(no_args_is_help=True, help="Schedules: list, next starts, run now, pause, resume, skip a date.")

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Name = Annotated[str, typer.Argument(help="The schedule's name.", metavar="NAME")]


def parse_date(text: str) -> date:
    """A day like 2026-11-20.

    Raises:
        typer.BadParameter: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no date: write it like 2026-11-20") from error


@app.command("list")
def list_schedules(ctx: typer.Context, as_json: Json = False) -> None:
    """List schedules: what the config says and what has become of it.

    Example: predawn schedules list
    """
    operations = cli_of(ctx).operations
    states = operations.schedules()
    if as_json:
        print_items([schedule_json(state) for state in states])
        return
    if not states:
        say("no schedules in the database yet: the daemon (`predawn serve`) writes them at its start")
    coming = {upcoming.fire.schedule: upcoming for upcoming in reversed(operations.upcoming(count=200))}
    rows = [
        (
            state.definition.name,
            "paused" if state.paused else "on" if state.definition.enabled else "off",
            state.definition.job_type,
            f"{state.definition.cron} {state.definition.timezone}",
            state.definition.deadline.strftime("%H:%M") if state.definition.deadline else "",
            _local(state.last_fire, state.definition.timezone),
            f"{coming[state.definition.name].fire.nominal:%a %d %b %H:%M}" if state.definition.name in coming else "",
        )
        for state in states
    ]
    print_table(("name", "state", "type", "when", "deadline", "last", "next"), rows)


def _local(at: datetime | None, zone: str) -> str:
    return "" if at is None else f"{at.astimezone(ZoneInfo(zone)):%a %d %b %H:%M}"


@app.command("next")
def next_starts(
    ctx: typer.Context,
    count: Annotated[int, typer.Option(min=1, max=500, help="How many.")] = 5,
    as_json: Json = False,
) -> None:
    """Show the next starts over all schedules.

    Example: predawn schedules next --count 7
    """
    fires = cli_of(ctx).operations.upcoming(count=count)
    if as_json:
        print_items([upcoming_json(fire) for fire in fires])
        return
    rows = [
        (
            f"{item.fire.nominal:%Y-%m-%d %H:%M %Z}",
            item.fire.schedule,
            item.fire.run_date,
            item.fire.deadline_at.astimezone(item.fire.nominal.tzinfo).strftime("%a %H:%M")
            if item.fire.deadline_at
            else "",
            "held back" if item.skipped else "",
        )
        for item in fires
    ]
    print_table(("start", "schedule", "for", "deadline", ""), rows)


@app.command()
def run(
    ctx: typer.Context,
    name: Name,
    on: Annotated[str | None, typer.Option("--date", help="The run date; default: the coming one.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended.")] = False,
    as_json: Json = False,
) -> None:
    """Queue a schedule's job now. A run date that has its job keeps that one.

    Example: predawn schedules run nightly
    """
    cli = cli_of(ctx)
    queued = cli.operations.run_schedule(name, actor=cli.actor, on=parse_date(on) if on else None)
    if not queued.created:
        say(
            f"{queued.job.run_date} has its job already, {queued.job.status}; "
            f"to make it anew: predawn jobs rerender {short_id(queued.job.id)}"
        )
    job = wait_for(cli, queued.job.id) if wait else queued.job
    if as_json:
        print_json(job_json(job) | {"created": queued.created})
    else:
        typer.echo(job.id)
    if wait and job.status is not JobStatus.COMPLETED:
        fail(f"job {short_id(job.id)} {job.status}: {describe(job)}", EXIT_MISSED)


@app.command()
def pause(ctx: typer.Context, name: Name) -> None:
    """Let a schedule's starts pass until it is resumed.

    Example: predawn schedules pause nightly
    """
    cli = cli_of(ctx)
    cli.operations.pause_schedule(name, paused=True, actor=cli.actor)
    say(f"{name} is paused; go on with: predawn schedules resume {name}")


@app.command()
def resume(ctx: typer.Context, name: Name) -> None:
    """Let a paused schedule start again; what it missed is not made up for.

    Example: predawn schedules resume nightly
    """
    cli = cli_of(ctx)
    cli.operations.pause_schedule(name, paused=False, actor=cli.actor)
    say(f"{name} is on")


@app.command()
def skip(ctx: typer.Context, name: Name, day: Annotated[str, typer.Argument(metavar="DATE")]) -> None:
    """Make no video for one run date.

    Example: predawn schedules skip nightly 2026-11-26
    """
    cli = cli_of(ctx)
    state = cli.operations.skip_date(name, parse_date(day), actor=cli.actor)
    say(f"{name} skips {', '.join(str(skipped) for skipped in state.skip_dates)}")
