"""``predawn up|serve|worker|console|local-services``: what stays running."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from console.cli.context import Cli, cli_of
from console.cli.output import say

Faults = Annotated[
    list[str] | None,
    typer.Option("--fault", help="Let a local service misbehave; may be given several times.", metavar="SERVICE=KIND"),
]


def serve(ctx: typer.Context) -> None:
    """Run the daemon alone: schedules, worker, probes, API. SIGTERM stops it in good order, a second one at once.

    Example: predawn serve
    """
    _daemon(cli_of(ctx), "serve")


def worker(ctx: typer.Context) -> None:
    """Run a worker alone: it renders what is queued, on this or any machine that reaches the database.

    Example: predawn --database-url sqlite:////srv/predawn/predawn.db worker
    """
    _daemon(cli_of(ctx), "worker")


def api(ctx: typer.Context) -> None:
    """Run the HTTP API alone, over the database that daemons elsewhere work on.

    Example: predawn --set api.port=8104 api
    """
    from console.bootstrap.api import run_api  # noqa: PLC0415 - HTTP and the database cost half a second

    settings = cli_of(ctx).settings
    say(f"predawn api: http://{settings.api.host}:{settings.api.port}; stop with ctrl-c")
    asyncio.run(run_api(settings))
    say("predawn api: stopped")


def _daemon(cli: Cli, kind: str) -> None:
    from console.bootstrap.daemon import run_daemon  # noqa: PLC0415 - media, database and HTTP cost a second

    settings = cli.settings
    say(f"predawn {kind}: home {settings.home}, database {redacted_url(settings.database_url)}; stop with ctrl-c")
    asyncio.run(run_daemon(settings, kind))
    say(f"predawn {kind}: stopped")


def redacted_url(url: str) -> str:
    """A database URL without its password."""
    head, at, tail = url.rpartition("@")
    if not at:
        return url
    scheme, slashes, credentials = head.partition("://")
    user = credentials.partition(":")[0]
    return f"{scheme}{slashes}{user}:********@{tail}"


def up(ctx: typer.Context) -> None:
    """Run daemon and console in one process.

    Example: predawn up
    """
    needs_terminal("up", "predawn serve runs the daemon alone")
    from console.bootstrap.terminal import run_up  # noqa: PLC0415 - Textual costs 0.3 s

    cli = cli_of(ctx)
    run_up(cli.settings, cli.console_actor)


def console(
    ctx: typer.Context,
    web: Annotated[bool, typer.Option("--web", help="In a browser, on this machine only (extra: web).")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="With --web: the port.")] = 8104,
) -> None:
    """Attach the console to the database; it shows the state also when the daemon is dead.

    Example: predawn console
    """
    if web:
        from console.bootstrap.web import command_of, run_web  # noqa: PLC0415 - an extra

        cli = cli_of(ctx)
        loaded = cli.loaded
        say(f"predawn console: http://127.0.0.1:{port} for whoever sits at this machine; stop with ctrl-c")
        url = loaded.settings.database.url
        run_web(command_of(config_file=loaded.config_file, home=loaded.settings.home, database_url=url), port)
        return
    needs_terminal("console", "predawn status and predawn watch tell the same as text")
    from console.bootstrap.attach import run_console  # noqa: PLC0415 - Textual costs 0.3 s

    cli = cli_of(ctx)
    raise typer.Exit(run_console(cli.settings, cli.operations, cli.console_actor))


def needs_terminal(command: str, instead: str) -> None:
    """Refuse where there is nothing to draw on.

    Raises:
        typer.BadParameter: stdin or stdout is no terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise typer.BadParameter(f"predawn {command} draws on a terminal and there is none here; {instead}")


def local_services(
    ctx: typer.Context,
    manim_port: Annotated[int | None, typer.Option(min=0, max=65535, help="0: any free port.")] = None,
    revideo_port: Annotated[int | None, typer.Option(min=0, max=65535)] = None,
    speech_port: Annotated[int | None, typer.Option(min=0, max=65535)] = None,
    orchestrator_port: Annotated[int | None, typer.Option(min=0, max=65535)] = None,
    script_port: Annotated[int | None, typer.Option(min=0, max=65535)] = None,
    sora_port: Annotated[int | None, typer.Option(min=0, max=65535)] = None,
    fault: Faults = None,
) -> None:
    """Run the stand-ins for the render services and endpoints: they speak the contracts and really render.

    Faults: down, hang, slow:SECONDS, http:503, flaky:0.3, garbage, error200, missing, truncated, silent, forgets.

    Example: predawn local-services --fault manim=flaky:0.3
    """
    from console.bootstrap.services import run_local_services  # noqa: PLC0415 - media and HTTP cost a second

    cli = cli_of(ctx)
    ports = {
        "manim": manim_port,
        "revideo": revideo_port,
        "tts": speech_port,
        "orchestrator": orchestrator_port,
        "script": script_port,
        "sora": sora_port,
    }
    chosen = {service: port for service, port in ports.items() if port is not None}
    asyncio.run(run_local_services(cli.settings, chosen, tuple(fault or ()), say))
