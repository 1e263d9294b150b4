"""``predawn token …``: who may use the HTTP API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from console.cli.context import cli_of
from console.cli.output import print_items, print_json, print_table, say
from scheduler.domain.access import Role
from scheduler.domain.token import Token

app = typer.Typer(no_args_is_help=True, help="Tokens of the HTTP API: add, list, revoke.")

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Name = Annotated[str, typer.Argument(help="Who or what uses it.", metavar="NAME")]


@app.command()
def add(
    ctx: typer.Context,
    name: Name,
    role: Annotated[Role, typer.Option(help="What it may do.")] = Role.VIEWER,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="Days until it ends; default: never.")] = None,
    as_json: Json = False,
) -> None:
    """Make a token. It is shown this once and kept nowhere; who has it acts as NAME.

    Example: predawn token add edge-functions --role operator --days 90
    """
    cli = cli_of(ctx)
    ends = None if days is None else datetime.now(UTC) + timedelta(days=days)
    secret = cli.http_operations.add_token(name, role=role, actor=cli.actor, expires_at=ends)
    if as_json:
        print_json({"name": name, "role": role, "expires_at": ends, "token": secret})
        return
    typer.echo(secret)
    say(f"{name} is {role.value}; this token is not shown again: curl -H 'Authorization: Bearer …'")


@app.command("list")
def list_tokens(ctx: typer.Context, as_json: Json = False) -> None:
    """List tokens, also those that count no more; the tokens themselves are kept nowhere.

    Example: predawn token list
    """
    tokens = cli_of(ctx).http_operations.tokens()
    now = datetime.now(UTC)
    if as_json:
        print_items([token_json(token, now) for token in tokens])
        return
    if not tokens:
        say("no tokens yet: predawn token add NAME --role operator")
    rows = [
        (
            token.name,
            token.role.value,
            state_of(token, now),
            token.created_at.astimezone().strftime("%d %b %Y"),
            token.created_by,
            "never" if token.expires_at is None else token.expires_at.astimezone().strftime("%d %b %Y"),
        )
        for token in tokens
    ]
    print_table(("name", "role", "state", "made", "by", "ends"), rows)


@app.command()
def revoke(ctx: typer.Context, name: Name) -> None:
    """Let a token count no more, from two seconds from now on.

    Example: predawn token revoke edge-functions
    """
    cli = cli_of(ctx)
    cli.http_operations.revoke_token(name, actor=cli.actor)
    say(f"{name} counts no more")


def state_of(token: Token, now: datetime) -> str:
    """``good``, ``ended`` or ``revoked``."""
    if token.revoked_at is not None:
        return "revoked"
    return "good" if token.is_good(now) else "ended"


def token_json(token: Token, now: datetime) -> dict[str, Any]:
    """A token as kept, without its hash."""
    return {
        "name": token.name,
        "role": token.role,
        "state": state_of(token, now),
        "created_at": token.created_at,
        "created_by": token.created_by,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
    }
