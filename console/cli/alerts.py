"""``predawn alerts`` and ``predawn outbox``: what is wrong, who sees to it, and whether people were told."""

from __future__ import annotations

import dataclasses
import re
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from console.cli.context import EXIT_FAILED, cli_of
from console.cli.output import fail, print_items, print_json, print_table, say
from console.format import clock_time, short_id, zone_abbreviation
from scheduler.domain.alert import Alert, AlertState
from scheduler.domain.outbox import Delivery, DeliveryState
from scheduler.ports.operations import InvalidError

app = typer.Typer(no_args_is_help=True, help="Alerts: what is wrong, and who sees to it.")
outbox_app = typer.Typer(no_args_is_help=True, help="Deliveries: what people were told over which channel.")

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
AlertId = Annotated[str, typer.Argument(metavar="ID", help="An alert's id or unique prefix of it.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")]
Cursor = Annotated[str | None, typer.Option(help="Goes on where a list before ended.")]
_SPAN = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[smhd])")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def parse_span(text: str) -> float:
    """``1h``, ``90m``, ``2d`` as seconds.

    Raises:
        InvalidError: it is none.
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise InvalidError(f"--for {text!r}: write a number and s, m, h or d, like 1h or 90m")
    return float(found["number"]) * _UNITS[found["unit"]]


def alert_json(alert: Alert) -> dict[str, Any]:
    """An alert."""
    return dataclasses.asdict(alert)


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    """A row of the outbox."""
    return dataclasses.asdict(delivery)


def _when(alert: Alert) -> str:
    return f"{clock_time(alert.began_at, alert.zone)} {zone_abbreviation(alert.began_at, alert.zone)}"


@app.command("list")
def list_alerts(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """List what is wrong now, newest first.

    Example: predawn alerts list --all --limit 20
    """
    states = () if every else (AlertState.FIRING, AlertState.ACKED)
    page = cli_of(ctx).operations.alerts(states=states, limit=limit, cursor=cursor)
    if as_json:
        print_items([alert_json(alert) for alert in page.items], page.next_cursor)
        return
    if not page.items:
        say("nothing is wrong" if not every else "there were no alerts yet")
        return
    rows = [
        (
            short_id(alert.id),
            alert.severity,
            alert.state if alert.quiet_why is None else f"{alert.state}, {alert.quiet_why}",
            _when(alert),
            alert.acked_by if alert.state is AlertState.ACKED else "",
            alert.facts.title,
        )
        for alert in page.items
    ]
    print_table(("id", "severity", "state", "since", "seen by", "what"), rows)


@app.command()
def show(ctx: typer.Context, alert_id: AlertId, as_json: Json = False) -> None:
    """Show an alert, what happened to it and what was said of it.

    Example: predawn alerts show 1f3a
    """
    detail = cli_of(ctx).operations.alert(alert_id)
    alert = detail.alert
    if as_json:
        print_json(
            alert_json(alert)
            | {
                "events": [dataclasses.asdict(event) for event in detail.events],
                "deliveries": [delivery_json(row) for row in detail.deliveries],
            }
        )
        return
    typer.echo(f"{alert.severity.upper()} {alert.state}: {alert.facts.title}")
    for line in (*alert.facts.lines, alert.facts.ended):
        if line:
            typer.echo(f"  {line}")
    if alert.facts.command and alert.is_open:
        typer.echo(f"  go on with: {alert.facts.command}")
    typer.echo(f"  alert {alert.id}, {alert.fingerprint}, since {_when(alert)}, {alert.count} time(s)")
    for event in detail.events:
        who = f" by {event.actor}" if event.actor else ""
        typer.echo(f"  {clock_time(event.at, alert.zone, seconds=True)}  {event.kind}{who}  {event.text}")
    for row in detail.deliveries:
        why = f"  {row.error}" if row.error else ""
        at = clock_time(row.ended_at or row.created_at, alert.zone, seconds=True)
        typer.echo(f"  {at}  {row.channel} {row.kind}: {row.state}{why}")


@app.command()
def ack(
    ctx: typer.Context,
    alert_ids: Annotated[list[str], typer.Argument(metavar="ID…")],
    as_json: Json = False,
) -> None:
    """See to alerts: no repeats and no escalation for two hours, or 20 minutes near the deadline.

    Example: predawn alerts ack 1f3a
    """
    cli = cli_of(ctx)
    done = [cli.operations.ack_alert(alert_id, actor=cli.actor) for alert_id in alert_ids]
    if as_json:
        print_items([alert_json(alert) for alert in done])
        return
    for alert in done:
        until = "" if alert.ack_until is None else f" until {clock_time(alert.ack_until, alert.zone)}"
        say(f"{short_id(alert.id)} is yours{until}: {alert.facts.title}")


@app.command()
def mute(
    ctx: typer.Context,
    alert_id: AlertId,
    span: Annotated[str, typer.Option("--for", help="How long: 30m, 1h, 2d.", metavar="TIME")] = "1h",
    as_json: Json = False,
) -> None:
    """Keep an alert quiet for a while, also when the same trouble comes back.

    Example: predawn alerts mute 1f3a --for 1h
    """
    cli = cli_of(ctx)
    kept = cli.operations.mute_alert(alert_id, for_s=parse_span(span), actor=cli.actor)
    if as_json:
        print_json(dataclasses.asdict(kept))
    else:
        zone = cli.operations.alert(alert_id).alert.zone
        until = f"{kept.until.astimezone(ZoneInfo(zone)):%a %d %b %H:%M %Z}"
        say(f"{kept.fingerprint} is quiet until {until}; sooner: predawn alerts unmute {alert_id}")


@app.command()
def unmute(ctx: typer.Context, alert_id: AlertId) -> None:
    """End a mute.

    Example: predawn alerts unmute 1f3a
    """
    cli = cli_of(ctx)
    there = cli.operations.unmute_alert(alert_id, actor=cli.actor)
    say("it is told again" if there else "it was not muted")


@app.command()
def mutes(ctx: typer.Context, as_json: Json = False) -> None:
    """List what is kept quiet, by whom and until when.

    Example: predawn alerts mutes
    """
    found = cli_of(ctx).operations.mutes()
    if as_json:
        print_items([dataclasses.asdict(one) for one in found])
        return
    print_table(("what", "until (UTC)", "by"), [(m.fingerprint, f"{m.until:%Y-%m-%d %H:%M}", m.actor) for m in found])


@app.command("test")
def try_one(
    ctx: typer.Context,
    channel: Annotated[str, typer.Argument(help="slack, email, deadman or apprise.", metavar="CHANNEL")],
    as_json: Json = False,
) -> None:
    """Send a test over a channel, and say precisely what is wrong if it does not arrive. Exit 1 when something is.

    Example: predawn alerts test slack
    """
    cli = cli_of(ctx)
    trial = cli.operations.try_channel(channel, actor=cli.actor)
    if as_json:
        print_json({"channel": channel, "fine": trial.fine, "steps": [dataclasses.asdict(s) for s in trial.steps]})
    else:
        for step in trial.steps:
            typer.echo(f"{'ok  ' if step.fine else 'BAD '} {step.what}: {step.told}")
    if not trial.fine:
        fail(f"{channel} is not ready: {trial.told}", EXIT_FAILED)


@outbox_app.command("list")
def list_outbox(
    ctx: typer.Context,
    state: Annotated[
        list[DeliveryState] | None, typer.Option("--state", help="May be given several times; default: all.")
    ] = None,
    channel: Annotated[list[str] | None, typer.Option("--channel", help="May be given several times.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """List deliveries, newest first.

    Example: predawn outbox list --state dead --state ambiguous
    """
    operations = cli_of(ctx).operations
    page = operations.deliveries(states=tuple(state or ()), channels=tuple(channel or ()), limit=limit, cursor=cursor)
    if as_json:
        print_items([delivery_json(row) for row in page.items], page.next_cursor)
        return
    for health in operations.channel_health():
        if health.failing_since is not None:
            say(f"{health.channel} is failing, {health.waiting} wait: {health.last_error}")
    now = max((row.created_at for row in page.items), default=None)
    rows = [
        (
            short_id(row.id),
            row.channel,
            row.kind,
            row.state,
            row.attempts,
            "" if now is None else f"{row.created_at:%Y-%m-%d %H:%M:%S}",
            row.error or row.reference or "",
        )
        for row in page.items
    ]
    print_table(("id", "channel", "kind", "state", "tries", "made (UTC)", "error or reference"), rows)


@outbox_app.command()
def retry(
    ctx: typer.Context,
    delivery_ids: Annotated[list[str], typer.Argument(metavar="ID…")],
    as_json: Json = False,
) -> None:
    """Try dead, waiting or doubtful deliveries now.

    Example: predawn outbox retry 4be1
    """
    cli = cli_of(ctx)
    rows = [cli.operations.retry_delivery(delivery_id, actor=cli.actor) for delivery_id in delivery_ids]
    if as_json:
        print_items([delivery_json(row) for row in rows])
        return
    for row in rows:
        say(f"{short_id(row.id)} ({row.channel} {row.kind}) is {row.state}; a running daemon tries it now")
