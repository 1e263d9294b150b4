"""``predawn audit …``: who did what, and whether the trail was changed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.cli.context import EXIT_FAILED, cli_of
from console.cli.output import fail, print_items, print_json, print_table, say
from console.format import short_id
from scheduler.domain.audit import AuditLine
from scheduler.ports.audit import AuditFilter

app = typer.Typer(no_args_is_help=True, help="The audit trail: who did what, from where, with what outcome.")

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@app.command("list")
def list_lines(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many lines.")] = 50,
    actor: Annotated[str, typer.Option(help="Only what this user or token did.", metavar="NAME")] = "",
    command: Annotated[str, typer.Option(help="Only this command, or a group of them.", metavar="COMMAND")] = "",
    target: Annotated[str, typer.Option(help="Only about this job, schedule, token.", metavar="ID")] = "",
    cursor: Annotated[str | None, typer.Option(help="The page after the one that gave this cursor.")] = None,
    as_json: Json = False,
) -> None:
    """List commands, newest first: who, from where, what, and how it ended.

    Example: predawn audit list --command job --limit 20
    """
    wanted = AuditFilter(actor=actor, command=command, target=target)
    page = cli_of(ctx).operations.audit(wanted=wanted, limit=limit, cursor=cursor)
    if as_json:
        print_items([line_json(line) for line in page.items], page.next_cursor)
        return
    rows = [
        (
            line.seq,
            line.at.astimezone().strftime("%a %d %b %H:%M:%S"),
            f"{line.entry.actor} ({line.entry.role.value})",
            f"{line.entry.via} {line.entry.origin}".strip(),
            line.entry.command,
            short_id(line.entry.target),
            f"{line.entry.outcome.value}: {line.entry.message}" if line.entry.message else line.entry.outcome.value,
        )
        for line in page.items
    ]
    print_table(("line", "when", "who", "from", "command", "about", "outcome"), rows)
    if page.next_cursor is not None:
        say(f"older lines: --cursor {page.next_cursor}")


@app.command()
def verify(ctx: typer.Context, as_json: Json = False) -> None:
    """Check the hash chain: exit code 0 if nobody has changed the trail, 1 with the first line that does not hold.

    Example: predawn audit verify
    """
    verdict = cli_of(ctx).operations.verify_audit()
    if as_json:
        print_json(
            {
                "holds": verdict.holds,
                "lines": verdict.lines,
                "broken_line": verdict.broken_seq,
                "problem": verdict.problem or None,
            }
        )
    if not verdict.holds:
        fail(
            f"the audit trail is broken at line {verdict.broken_seq}: {verdict.problem} "
            f"({verdict.lines} lines before it hold)",
            EXIT_FAILED,
        )
    if not as_json:
        typer.echo(f"{verdict.lines} lines hold")


def line_json(line: AuditLine) -> dict[str, Any]:
    """A line of the trail."""
    entry = line.entry
    return {
        "line": line.seq,
        "at": line.at,
        "actor": entry.actor,
        "role": entry.role,
        "via": entry.via,
        "origin": entry.origin,
        "command": entry.command,
        "target": entry.target,
        "outcome": entry.outcome,
        "message": entry.message or None,
        "detail": entry.detail,
        "hash": line.hash,
    }
