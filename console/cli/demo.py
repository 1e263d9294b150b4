"""``predawn demo``: everything on this machine, with tonight's render from a shipped brief."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from console.cli.context import EXIT_FAILED, EXIT_USAGE, Cli, cli_of
from console.cli.output import fail, say
from console.cli.run import Faults


def demo(
    ctx: typer.Context,
    headless: Annotated[bool, typer.Option("--headless", help="No console: progress lines on stderr.")] = False,
    port_base: Annotated[
        int | None,
        typer.Option(min=1024, max=65_000, help="First of four ports in a row, instead of 5000, 5001, 5002 and 8103."),
    ] = None,
    fault: Faults = None,
) -> None:
    """Start local services, daemon and tonight's render; show it in the console (or as lines, without a terminal).

    The last line on stdout is the path of the mp4.

    Example: predawn demo --headless --fault manim=down
    """
    from console.bootstrap.demo import DemoError, PortTakenError, plan_demo, run_headless  # noqa: PLC0415 - costs a second

    cli: Cli = cli_of(ctx)
    try:
        plan = plan_demo(cli.loaded, port_base=port_base, faults=tuple(fault or ()), narrate=say)
    except PortTakenError as error:
        fail(str(error), EXIT_FAILED)
    except ValueError as error:
        fail(str(error), EXIT_USAGE)
    try:
        if headless or not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
            path = asyncio.run(run_headless(plan, cli.actor, say))
        else:
            from console.bootstrap.terminal import run_demo_console  # noqa: PLC0415 - Textual costs 0.3 s

            path = run_demo_console(plan, cli.console_actor)
    except DemoError as error:
        fail(str(error), EXIT_FAILED)
    if path is None:
        say("the console was closed before the video was there; its state is kept: predawn demo goes on with it")
        return
    typer.echo(str(path))
