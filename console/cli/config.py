"""``predawn config …``: the settings and where they come from."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.context import cli_of
from console.cli.output import print_json, say

app = typer.Typer(no_args_is_help=True, help="Settings: show, check, schema.")


@app.command()
def show(
    ctx: typer.Context,
    defaults: Annotated[bool, typer.Option("--defaults", help="The documented defaults instead.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Show every setting in force and where it comes from, as TOML. Secrets are masked.

    Example: predawn config show > predawn.toml
    """
    from config.describe import default_toml, render_toml  # noqa: PLC0415

    if defaults:
        typer.echo(default_toml())
        return
    loaded = cli_of(ctx).loaded
    if as_json:
        print_json({"settings": loaded.settings.model_dump(mode="json"), "sources": dict(loaded.sources)})
        return
    typer.echo(render_toml(loaded.settings, loaded.sources))


@app.command()
def check(ctx: typer.Context) -> None:
    """Check the settings; exit 2 with every problem named.

    Example: predawn --config predawn.toml config check
    """
    loaded = cli_of(ctx).loaded
    changed = sum(1 for source in loaded.sources.values() if source != "default")
    say(f"the settings are fine ({changed} changed from the defaults)")


@app.command()
def schema() -> None:
    """Print the JSON schema of the settings.

    Example: predawn config schema > predawn.schema.json
    """
    from config.describe import json_schema  # noqa: PLC0415

    print_json(json_schema())
