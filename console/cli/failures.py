"""``predawn failures``: what failed for good over the nights, the same failure once."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from console.cli.context import cli_of
from console.cli.output import print_items, print_json, print_table, say
from console.format import day
from console.text import clean

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def failures(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Groups shown, newest first.")] = 50,
    resolve: Annotated[
        str | None, typer.Option(help="Say that the failure with this fingerprint (or its beginning) is seen to.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the final failures of renders, grouped: how often, first and last night, and a job to look at.

    Two failures are the same when stage, provider, class and message are, but for addresses, ids, times and numbers.

    One stands until a later render of its job has made it, or until it is resolved here.

    Example: predawn failures --limit 10
    """
    if resolve is not None:
        cli = cli_of(ctx)
        group = cli.operations.resolve_failures(resolve, actor=cli.actor)
        if as_json:
            print_json(dataclasses.asdict(group))
        else:
            say(f"resolved: {group.fingerprint}, {group.count} times {clean(group.message, limit=100)}")
        return
    groups = cli_of(ctx).operations.failure_groups(limit=limit)
    if as_json:
        print_items([dataclasses.asdict(group) for group in groups])
        return
    if not groups:
        say("no render has failed for good")
        return
    print_table(
        ("fingerprint", "count", "standing", "first", "last", "class", "stage", "provider", "job", "message"),
        [
            (
                group.fingerprint,
                group.count,
                group.unresolved,
                day(group.first_at.date()),
                day(group.last_at.date()),
                group.failure_reason,
                group.stage,
                group.provider,
                group.job_id[:8],
                clean(group.message, limit=100),
            )
            for group in groups
        ],
    )
