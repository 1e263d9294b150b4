"""``predawn doctor``: what could keep the morning's video from being there."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from console.cli.context import EXIT_FAILED, cli_of
from console.cli.output import print_json
from console.text import clean

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def doctor(ctx: typer.Context, as_json: Json = False) -> None:
    """Look at the whole installation: each line ok, warn or fail, with what to do.

    Nothing is changed. Exit code 1 when something fails, 0 otherwise.

    Example: predawn doctor
    """
    from console.bootstrap.doctor import Finding, examine  # noqa: PLC0415 - media, database and HTTP cost a second

    cli = cli_of(ctx)
    file = cli.loaded.config_file
    found: list[Finding] = []
    for finding in examine(cli.settings, config_file=None if file is None else str(file)):
        found.append(finding)
        if not as_json:
            typer.echo(f"{finding.state:<5} {finding.name:<16} {clean(finding.found, limit=300)}")
            if finding.remedy:
                typer.echo(f"{'':<23}-> {clean(finding.remedy, limit=300)}")
    failed = sum(finding.state == "fail" for finding in found)
    warned = sum(finding.state == "warn" for finding in found)
    if as_json:
        print_json(
            {"ok": not failed, "failed": failed, "warned": warned, "checks": [dataclasses.asdict(one) for one in found]}
        )
    else:
        typer.echo(f"{len(found)} looked at: {failed} fail, {warned} warn")
    if failed:
        raise typer.Exit(EXIT_FAILED)
