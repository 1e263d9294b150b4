"""``predawn schedules …``: when runs are due."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from console.cli.context import EXIT_MISSED, Cli, cli_of
from console.cli.jobs import describe, wait_for
from console.cli.output import fail, print_items, print_json, print_table, say
from console.cli.shapes import job_json, schedule_json, upcoming_json
from console.format import short_id
from scheduler.domain.job import JobStatus
from scheduler.domain.schedule import ScheduleState
from scheduler.ports.operations import UpcomingFire

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
    """List schedules: what the table says, and where the config or an operator says something else.

    Example: predawn schedules list
    """
    operations = cli_of(ctx).operations
    states, differ = operations.schedules(), operations.schedule_differences()
    coming = first_of_each(operations.upcoming(count=500))
    if as_json:
        items = [
            schedule_json(state)
            | {
                "next": upcoming_json(coming[name]) if (name := state.definition.name) in coming else None,
                "differences": [dataclasses.asdict(one) for one in differ if one.schedule == name],
            }
            for state in states
        ]
        print_items(items)
        return
    if not states:
        say("no schedules in the database yet: the daemon (`predawn serve`) writes them at its start")
    rows = [
        (
            state.definition.name,
            "paused" if state.paused else "on" if state.definition.enabled else "off",
            state.definition.job_type,
            f"{state.definition.when} {state.definition.timezone}",
            state.definition.deadline.strftime("%H:%M") if state.definition.deadline else "",
            _local(state.last_fire, state.definition.timezone),
            next_words(coming.get(state.definition.name)),
        )
        for state in states
    ]
    print_table(("name", "state", "type", "when", "deadline", "last", "next"), rows)
    if differ:
        typer.echo("")
        rows = [(one.schedule, one.field, one.config, one.table) for one in differ]
        print_table(("differs", "setting", "config", "table"), rows)


def first_of_each(fires: Sequence[UpcomingFire]) -> dict[str, UpcomingFire]:
    """The coming start of each schedule: the first that is not held back, else the first. Pure."""
    found: dict[str, UpcomingFire] = {}
    for one in fires:
        kept = found.get(one.fire.schedule)
        if kept is None or (kept.skipped and not one.skipped):
            found[one.fire.schedule] = one
    return found


def next_words(coming: UpcomingFire | None) -> str:
    """``Sat 21 Nov 03:00 IST``, with why it will not be, or that it will be earlier. Pure."""
    if coming is None:
        return "never"
    nominal = coming.fire.nominal
    text = f"{nominal:%a %d %b %H:%M %Z}"
    if coming.skipped:
        return f"none ({coming.why}; {text} would be)"
    if coming.starts_at is not None and coming.starts_at < nominal:
        return f"{text}, early at {coming.starts_at.astimezone(nominal.tzinfo):%H:%M}"
    return text


def _local(at: datetime | None, zone: str) -> str:
    return "" if at is None else f"{at.astimezone(ZoneInfo(zone)):%a %d %b %H:%M %Z}"


@app.command("next")
def next_starts(
    ctx: typer.Context,
    count: Annotated[int, typer.Option(min=1, max=500, help="How many.")] = 5,
    as_json: Json = False,
) -> None:
    """Show the next starts over all schedules; what is held back says by what.

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
            _remark(item),
        )
        for item in fires
    ]
    print_table(("start", "schedule", "for", "deadline", ""), rows)


def _remark(item: UpcomingFire) -> str:
    if item.skipped:
        return f"held back: {item.why}"
    if item.starts_at is not None and item.starts_at < item.fire.nominal:
        return f"starts early, at {item.starts_at.astimezone(item.fire.nominal.tzinfo):%H:%M}: history says so"
    return ""


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
def pause(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Let a schedule's starts pass until it is resumed; restarts and edits of the config do not resume it.

    Example: predawn schedules pause nightly
    """
    cli = cli_of(ctx)
    cli.operations.pause_schedule(name, paused=True, actor=cli.actor)
    _tell(cli, name, f"{name} is paused; go on with: predawn schedules resume {name}", as_json=as_json)


@app.command()
def resume(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Let a paused schedule start again; what it missed is not made up for.

    Example: predawn schedules resume nightly
    """
    cli = cli_of(ctx)
    cli.operations.pause_schedule(name, paused=False, actor=cli.actor)
    _tell(cli, name, f"{name} is on", as_json=as_json)


@app.command()
def skip(
    ctx: typer.Context, name: Name, day: Annotated[str, typer.Argument(metavar="DATE")], as_json: Json = False
) -> None:
    """Make no video for one run date that is still to come.

    Example: predawn schedules skip nightly 2026-11-26
    """
    cli = cli_of(ctx)
    state = cli.operations.skip_date(name, parse_date(day), actor=cli.actor)
    _tell(cli, name, f"{name} skips {_days(state)}", as_json=as_json)


@app.command()
def unskip(
    ctx: typer.Context, name: Name, day: Annotated[str, typer.Argument(metavar="DATE")], as_json: Json = False
) -> None:
    """Make the video of a skipped run date after all.

    Example: predawn schedules unskip nightly 2026-11-26
    """
    cli = cli_of(ctx)
    state = cli.operations.unskip_date(name, parse_date(day), actor=cli.actor)
    _tell(cli, name, f"{name} skips {_days(state)}", as_json=as_json)


def _days(state: ScheduleState) -> str:
    return ", ".join(str(day) for day in state.skip_dates) or "no date"


def _tell(cli: Cli, name: str, words: str, *, as_json: bool) -> None:
    say(words)
    if as_json:
        [state] = [one for one in cli.operations.schedules() if one.definition.name == name]
        print_json(schedule_json(state))
