"""``predawn``: the command line's root."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from console.cli.context import EXIT_USAGE, Cli, exit_codes
from console.cli.output import say
from scheduler.logs import quiet

GROUPS = {
    "jobs": "jobs:app",
    "alerts": "alerts:app",
    "outbox": "alerts:outbox_app",
    "schedules": "schedules:app",
    "types": "job_types:app",
    "audit": "audit:app",
    "config": "config:app",
    "db": "db:app",
    "services": "services:app",
    "token": "token:app",
}
"""Commands with commands below them, and where each is, in this package."""
COMMANDS = {
    "demo": "demo:demo",
    "up": "run:up",
    "serve": "run:serve",
    "worker": "run:worker",
    "api": "run:api",
    "console": "run:console",
    "render": "render:render",
    "status": "status:status",
    "watch": "status:watch",
    "sla": "sla:sla",
    "failures": "failures:failures",
    "report": "report:report",
    "simulate": "simulate:simulate",
    "logs": "jobs:logs",
    "replay": "replay:replay",
    "doctor": "doctor:doctor",
    "brief": "brief:brief",
    "local-services": "run:local_services",
}
"""The others."""
_YOUNG = 20_000
"""Objects made until the collector looks at the young ones: a start makes many and no rubbish."""


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version  # noqa: PLC0415 - costs every start 20 ms

        typer.echo(f"predawn {version('predawn')}")
        raise typer.Exit


def root(
    ctx: typer.Context,
    config_file: Annotated[
        Path | None, typer.Option("--config", help="TOML file with settings (PREDAWN_CONFIG).", metavar="FILE")
    ] = None,
    home: Annotated[Path | None, typer.Option(help="Data folder (PREDAWN_HOME).", metavar="DIR")] = None,
    database_url: Annotated[
        str | None, typer.Option("--database-url", help="SQLAlchemy URL (PREDAWN_DATABASE_URL).", metavar="URL")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Any setting, by its dotted key.", metavar="KEY=VALUE")
    ] = None,
    _show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before every command."""
    overrides: dict[str, Any] = {}
    for text in settings or []:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"--set {text!r}: write KEY=VALUE, like --set queue.concurrency=4")
        overrides[key] = value
    if home is not None:
        overrides["home"] = str(home)
    if database_url is not None:
        overrides["database.url"] = database_url
    quiet()
    ctx.obj = Cli(config_file=config_file, overrides=overrides)


def command_line(words: Iterable[str] = ()) -> typer.Typer:
    """The command line; only the commands that are named among ``words`` are imported, all when none is."""
    app = typer.Typer(
        name="predawn",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        help="Operations console and deadline-aware scheduler for nightly video renders.",
        epilog="Start with: predawn demo",
    )
    app.callback()(root)
    named = set(words) & (GROUPS.keys() | COMMANDS.keys())
    for name, where in GROUPS.items():
        if not named or name in named:
            app.add_typer(_found(where), name=name)
    for name, where in COMMANDS.items():
        if not named or name in named:
            app.command(name)(_found(where))
    return app


def _found(where: str) -> Any:
    module, _, name = where.partition(":")
    return getattr(import_module(f"console.cli.{module}"), name)


def main() -> None:
    """Run the command line; errors that people cause or meet end in one line and the exit code of the contract."""
    gc.set_threshold(_YOUNG)
    app = command_line(sys.argv[1:])
    try:
        with exit_codes():
            # Outside of its standalone mode Click answers a command's exit code instead of raising it.
            code = app(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except SystemExit as end:
        # Click has met a reader that went away (`| head`) and put a mute stdout in place: that is no failure of ours.
        sys.exit(0 if type(sys.stdout).__name__ == "PacifyFlushWrapper" else end.code)
    except typer.Exit as end:
        sys.exit(end.exit_code)
    except typer.Abort:
        say("predawn: stopped")
        sys.exit(130)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        # Click's own usage errors: Typer keeps the class to itself.
        show, code = getattr(error, "show", None), getattr(error, "exit_code", None)
        if show is None or code is None:
            raise
        show()
        sys.exit(EXIT_USAGE)


if __name__ == "__main__":
    main()
