"""``predawn``: the command line's root."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from console.cli import (
    alerts,
    audit,
    brief,
    config,
    db,
    demo,
    doctor,
    job_types,
    jobs,
    render,
    replay,
    report,
    run,
    schedules,
    services,
    simulate,
    sla,
    status,
    token,
)
from console.cli.context import EXIT_USAGE, Cli, exit_codes
from console.cli.output import say
from scheduler.logs import quiet

app = typer.Typer(
    name="predawn",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Operations console and deadline-aware scheduler for nightly video renders.",
    epilog="Start with: predawn demo",
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"predawn {version('predawn')}")
        raise typer.Exit


@app.callback()
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


app.add_typer(jobs.app, name="jobs")
app.add_typer(alerts.app, name="alerts")
app.add_typer(alerts.outbox_app, name="outbox")
app.add_typer(schedules.app, name="schedules")
app.add_typer(job_types.app, name="types")
app.add_typer(audit.app, name="audit")
app.add_typer(config.app, name="config")
app.add_typer(db.app, name="db")
app.add_typer(services.app, name="services")
app.add_typer(token.app, name="token")
app.command()(demo.demo)
app.command()(run.up)
app.command()(run.serve)
app.command()(run.worker)
app.command()(run.api)
app.command()(run.console)
app.command()(render.render)
app.command()(status.status)
app.command()(status.watch)
app.command()(sla.sla)
app.command()(report.report)
app.command()(simulate.simulate)
app.command()(jobs.logs)
app.command()(replay.replay)
app.command()(doctor.doctor)
app.command()(brief.brief)
app.command("local-services")(run.local_services)


def main() -> None:
    """Run the command line; errors that people cause or meet end in one line and the exit code of the contract."""
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
