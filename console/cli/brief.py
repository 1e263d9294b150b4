"""``predawn brief``: what has happened since one last looked."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from console.cli.context import cli_of
from console.cli.output import print_json
from console.format import short_id, stamp
from console.moments import MomentError, parse_moment
from console.text import clean
from scheduler.brief import MorningBrief, morning_brief

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def brief(
    ctx: typer.Context,
    since: Annotated[
        str | None,
        typer.Option(help="From when on: 18:00, -8h. Default: since you last had the console open, or a day."),
    ] = None,
    as_json: Json = False,
) -> None:
    """What has happened since you last looked: verdicts, alerts, new ways to fail, who did what.

    Example: predawn brief --since -8h
    """
    cli, now = cli_of(ctx), datetime.now(UTC)
    schedules = cli.settings.schedules
    zone = next(iter(schedules.values())).timezone if schedules else "UTC"
    if since is None:
        begins = cli.operations.last_seen(cli.actor.name) or now - timedelta(days=1)
    else:
        try:
            begins = parse_moment(since, now=now, zone=ZoneInfo(zone))
        except MomentError as error:
            raise typer.BadParameter(str(error), param_hint="--since") from error
    found = morning_brief(cli.operations, since=begins, now=now, reader="")
    if as_json:
        print_json(dataclasses.asdict(found))
        return
    for line in brief_lines(found, zone):
        typer.echo(line)


def brief_lines(found: MorningBrief, zone: str) -> list[str]:
    """The brief as lines for people."""
    lines = [f"since {stamp(found.since, zone)}"]
    lines += [f"  {stamp(mark.at, zone)}  {mark.kind:<9} {clean(mark.text, limit=200)}" for mark in found.marks]
    lines += [
        f"  {stamp(one.first_at, zone)}  new       {one.kind} {one.stage} by {clean(one.provider)}, {one.count} times: "
        f"{clean(one.message, limit=200)}"
        for one in found.failures
    ]
    lines += [
        f"  {stamp(line.at, zone)}  command   {clean(line.entry.actor)} ({clean(line.entry.via)}) "
        f"{clean(line.entry.command)} {short_id(clean(line.entry.target))}: {line.entry.outcome}"
        for line in found.commands
    ]
    return lines if len(lines) > 1 else [*lines, "  nothing"]
