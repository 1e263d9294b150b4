"""``predawn replay``: what the console would have shown at a past moment."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from console.cli.context import EXIT_FAILED, cli_of
from console.cli.output import fail, print_items, print_json, print_table, say
from console.cli.shapes import mark_json, past_json
from console.cli.status import status_lines
from console.format import clock_time, stamp
from console.moments import MomentError, parse_moment
from console.text import clean
from scheduler.domain.recording import Mark, MarkKind, Past
from scheduler.ports.operations import NotFoundError

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def replay(
    ctx: typer.Context,
    at: Annotated[
        str | None,
        typer.Option(
            help="A time (03:12), a date and time, or how long ago (-2h). Without it: the moments worth a look."
        ),
    ] = None,
    kind: Annotated[
        list[MarkKind] | None, typer.Option(help="Only moments of this kind; may be given several times.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Moments to list.")] = 50,
    as_json: Json = False,
) -> None:
    """What the console would have shown at a past moment, or which moments are worth a look.

    The daemon records every second what changes, for 30 days. Exit code 1: nothing was recorded then.

    Example: predawn replay --at 03:12
    """
    operations = cli_of(ctx).operations
    info = operations.recording()
    if at is None:
        marks = operations.moments(kinds=kind or (), limit=limit)
        if as_json:
            print_items([mark_json(mark) for mark in marks])
            return
        zone = _zone(ctx)
        print_table(("when", "kind", "what"), [(stamp(mark.at, zone), mark.kind, mark.text) for mark in marks])
        if info.began is not None:
            say(f"recorded since {stamp(info.began, zone)}, {info.size_bytes / 1e6:.1f} MB; look with --at")
        else:
            say("nothing is recorded yet: the daemon records (predawn serve)")
        return
    try:
        moment = parse_moment(at, now=datetime.now(UTC), zone=ZoneInfo(_zone(ctx)))
        past = operations.replay(moment)
    except MomentError as error:
        raise typer.BadParameter(str(error), param_hint="--at") from error
    except NotFoundError as error:
        fail(str(error), EXIT_FAILED)
    before = operations.moments(before=moment + timedelta(milliseconds=1), limit=5)
    if as_json:
        print_json(past_json(past, before))
        return
    for line in past_lines(past, before):
        typer.echo(line)


def _zone(ctx: typer.Context) -> str:
    """The time zone of the first schedule, in which deadlines are shown."""
    schedules = cli_of(ctx).settings.schedules
    return next(iter(schedules.values())).timezone if schedules else "UTC"


def past_lines(past: Past, before: tuple[Mark, ...]) -> list[str]:
    """A past moment as text for people."""
    zone = past.snapshot.tonight.timezone
    lines = [f"PAST      {stamp(past.asked, zone)}"]
    if past.in_gap:
        until = f" until {stamp(past.gap_until, zone)}" if past.gap_until else ""
        lines.append(f"          nobody recorded then{until}; this is how things stood {stamp(past.recorded_at, zone)}")
    if past.coarse:
        lines.append("          thinned to save space: up to a minute older than asked for")
    lines += status_lines(past.snapshot)
    if before:
        lines.append("before it")
        lines += [
            f"  {clock_time(mark.at, zone, seconds=True)}  {mark.kind:<8}  {clean(mark.text, limit=200)}"
            for mark in before
        ]
    return [re.sub(r"\s+$", "", line) for line in lines]
