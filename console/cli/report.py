"""``predawn report``: the daily report."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from console.cli.context import cli_of
from console.cli.output import print_json
from console.cli.schedules import parse_date
from console.text import clean_lines
from scheduler.nights.report import FORMATS, report_json


class Format(StrEnum):
    """How it is written."""

    TEXT = "text"
    MD = "md"
    JSON = "json"


def report(
    ctx: typer.Context,
    on: Annotated[str | None, typer.Option("--date", help="The run date; default: today.", metavar="DATE")] = None,
    form: Annotated[Format, typer.Option("--format", help="Text, Markdown or JSON.")] = Format.TEXT,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """The daily report: how the night went, the on-time record, failures, what is coming.

    The daemon writes it every morning into its reports folder (docs/nights.md).

    Example: predawn report --format md
    """
    told = cli_of(ctx).operations.report(parse_date(on) if on else None)
    if as_json or form is Format.JSON:
        print_json(report_json(told))
        return
    typer.echo(clean_lines(FORMATS[form.value](told)).rstrip("\n"))
