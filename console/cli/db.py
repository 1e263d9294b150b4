"""``predawn db …``: the care of the database."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from console.cli.context import EXIT_FAILED, cli_of
from console.cli.output import confirm, fail, print_json, say
from console.text import clean
from scheduler.domain.job import JobStatus
from scheduler.domain.maintenance import PRUNABLE, PruneReport
from scheduler.ports.maintenance import Maintenance, NotForThisDatabaseError
from scheduler.ports.operations import InvalidError

app = typer.Typer(no_args_is_help=True, help="The database: migrate, check, backup, prune.")

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

_AGE = re.compile(r"(\d{1,5})\s*([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}
STEP = 5
"""Per cent between two lines of progress."""


@app.command()
def migrate(ctx: typer.Context, as_json: Json = False) -> None:
    """Bring the schema up to date. Every start does so by itself; this shows from which to which.

    Example: predawn db migrate
    """
    from console.bootstrap.database import migrate_database  # noqa: PLC0415 - the database layer costs 0.3 s

    report = migrate_database(cli_of(ctx).settings)
    if as_json:
        print_json({"from": report.before, "to": report.after, "changed": report.before != report.after})
    elif report.before == report.after:
        typer.echo(f"the schema is up to date ({report.after})")
    else:
        typer.echo(f"schema {report.before or '(none)'} -> {report.after}")


@app.command()
def check(
    ctx: typer.Context,
    repair: Annotated[
        bool, typer.Option("--repair", help="Count jobs anew and rebuild the search index, where they are wrong.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look for damage; exit 0 when nothing is wrong, 1 when something is, 5 when it cannot be opened.

    Example: predawn db check
    """
    with maintained(ctx) as maintenance:
        report = maintenance.check(repair=repair)
    if as_json:
        findings = [dataclasses.asdict(finding) for finding in report.findings]
        print_json({"ok": report.ok, "schema": report.schema, "findings": findings})
    else:
        typer.echo(f"ok    schema      {report.schema}")
        for finding in report.findings:
            word = "ok" if finding.ok else "fixed" if finding.repaired else "WRONG"
            typer.echo(f"{word:<5} {finding.name:<11} {clean(finding.detail)}")
    if not report.ok:
        raise typer.Exit(EXIT_FAILED)


@app.command()
def backup(
    ctx: typer.Context,
    target: Annotated[Path, typer.Argument(help="The file to write.", metavar="FILE")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Copy the database while it is in use (SQLite). To go back to it, put it in the place of the database.

    Example: predawn db backup backups/predawn-2026-11-20.db
    """
    with maintained(ctx) as maintenance:
        try:
            report = maintenance.backup(target, overwrite=force, progress=telling("copied", "pages"))
        except FileExistsError as error:
            raise InvalidError(str(error)) from error
        except OSError as error:
            fail(f"{target} cannot be written: {error.strerror or error}", EXIT_FAILED)
    if as_json:
        print_json(dataclasses.asdict(report))
    else:
        typer.echo(f"{report.path} ({report.bytes:,} bytes)")


@app.command()
def prune(
    ctx: typer.Context,
    older_than: Annotated[str, typer.Option(help="Age since their end: 90d, 12w, 48h.", metavar="AGE")],
    status: Annotated[
        list[JobStatus] | None, typer.Option(help="Only jobs that ended so: completed, failed, cancelled.")
    ] = None,
    dry_run: DryRun = False,
    vacuum: Annotated[
        bool, typer.Option("--vacuum", help="Then rewrite the file to give all space back; writers wait (SQLite).")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Delete jobs that ended long ago, with their renders, logs and checkpoints, and old probes. Videos stay.

    Example: predawn db prune --older-than 90d --status completed --dry-run
    """
    age = parse_age(older_than)
    statuses = status or list(PRUNABLE)
    if not set(statuses) <= set(PRUNABLE):
        raise typer.BadParameter(f"--status: only jobs that have ended are pruned: {', '.join(PRUNABLE)}")
    with maintained(ctx) as maintenance:
        found = maintenance.prune(older_than=age, statuses=statuses, dry_run=True)
        if not dry_run and found.jobs:
            question = f"{found.jobs:,} jobs ({', '.join(statuses)}) that ended more than {older_than} ago"
            confirm(f"delete {question} and all that belongs to them?", yes=yes)
        if not dry_run:
            found = maintenance.prune(
                older_than=age, statuses=statuses, vacuum=vacuum, progress=telling("deleted", "jobs")
            )
    if as_json:
        print_json(dataclasses.asdict(found))
    else:
        typer.echo(describe(found))


def describe(report: PruneReport) -> str:
    """A pruning in one line."""
    if report.dry_run:
        return f"would delete {report.jobs:,} jobs with all that belongs to them, and {report.probes:,} probes"
    freed = f"; the file is {report.freed_bytes / 1e6:,.1f} MB smaller" if report.freed_bytes else ""
    return (
        f"deleted {report.jobs:,} jobs, {report.renders:,} renders, {report.attempts:,} log lines, "
        f"{report.failures:,} failures, {report.checkpoints:,} checkpoints, {report.probes:,} probes{freed}"
    )


def parse_age(text: str) -> timedelta:
    """``90d``, ``12w`` or ``48h``.

    Raises:
        typer.BadParameter: none of these, or less than an hour.
    """
    found = _AGE.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise typer.BadParameter(f"--older-than {text}: write a number and h, d or w, like 90d")
    return timedelta(hours=int(found[1]) * _HOURS[found[2]])


def telling(verb: str, things: str) -> Callable[[int, int], None]:
    """Progress on stderr, a line for every few per cent."""
    told = -1

    def tell(done: int, total: int) -> None:
        nonlocal told
        percent = 100 if total <= 0 else min(100, 100 * done // total)
        if percent // STEP > told // STEP or told < 0:
            told = percent
            say(f"{verb} {done:,} of {total:,} {things} ({percent} %)")

    return tell


@contextmanager
def maintained(ctx: typer.Context) -> Generator[Maintenance]:
    """The database of the settings, closed at the end."""
    from console.bootstrap.database import open_maintenance  # noqa: PLC0415 - the database layer costs 0.3 s

    maintenance = open_maintenance(cli_of(ctx).settings)
    try:
        yield maintenance
    except NotForThisDatabaseError as error:
        raise InvalidError(str(error)) from error
    finally:
        maintenance.close()
