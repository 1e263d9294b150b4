"""``predawn services``: how they stand, what they did, and taking one out for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from console.cli.context import EXIT_FAILED, EXIT_USAGE, cli_of
from console.cli.output import fail, print_items, print_json, print_table, say
from console.cli.shapes import history_json, service_json
from console.cli.spans import span_s
from console.text import clean
from scheduler.domain.service import Rollup, ServiceHealth, ServiceHistory, ServiceState

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Name = Annotated[str, typer.Argument(metavar="SERVICE", help="manim, revideo, orchestrator, tts, script, storage …")]

app = typer.Typer(invoke_without_command=True, help="Health of the services, by the last probes.")


@app.callback()
def services(ctx: typer.Context, as_json: Json = False) -> None:
    """Show how the services stand by the probes kept. `predawn services check` probes now.

    Example: predawn services --json
    """
    if ctx.invoked_subcommand is not None:
        return
    operations = cli_of(ctx).operations
    found = operations.services()
    _print_services(found, [operations.service_history(health.service) for health in found], as_json=as_json)


@app.command()
def check(ctx: typer.Context, as_json: Json = False) -> None:
    """Probe every service now; exit 1 when one is down that is not under maintenance.

    Example: predawn services check
    """
    from console.bootstrap.daemon import probe_services  # noqa: PLC0415 - httpx is only needed here

    found = asyncio.run(probe_services(cli_of(ctx).settings))
    _print_services(found, (), as_json=as_json)
    if any(health.state is ServiceState.DOWN and health.maintenance is None for health in found):
        raise typer.Exit(EXIT_FAILED)


@app.command()
def history(
    ctx: typer.Context,
    service: Name,
    hours: Annotated[int, typer.Option(min=1, max=10_000, help="Hours back.")] = 24,
    as_json: Json = False,
) -> None:
    """Show a service's hourly figures and its changes of state.

    Example: predawn services history manim --hours 48
    """
    found = cli_of(ctx).operations.service_history(service, hours=hours)
    if as_json:
        print_json(history_json(found))
        return
    rows = [
        (
            f"{hour.start:%Y-%m-%d %H:%M} UTC",
            f"{(hour.availability or 0) * 100:.1f} %",
            str(hour.probes),
            _milliseconds(hour.p50_ms),
            _milliseconds(hour.p95_ms),
            _milliseconds(hour.p99_ms),
        )
        for hour in found.hours
    ]
    print_table(("hour", "good", "probes", "p50", "p95", "p99"), rows)
    for change in found.transitions:
        say(f"{change.at:%Y-%m-%d %H:%M:%S} UTC  {change.before} → {change.after}  {clean(change.reason, limit=160)}")


@app.command()
def maintenance(
    ctx: typer.Context,
    service: Name,
    for_how_long: Annotated[str, typer.Option("--for", metavar="1h|off", help="How long from now, or off to end it.")],
) -> None:
    """Take a service out for a while: renders pass it over and nobody is alerted. `--for off` takes it in again.

    Example: predawn services maintenance manim --for 1h30m
    """
    cli = cli_of(ctx)
    if for_how_long.strip().lower() == "off":
        ended = cli.operations.end_maintenance(service, actor=cli.actor)
        say(f"{service} is in use again" if ended else f"{service} was not under maintenance")
        return
    try:
        seconds = span_s(for_how_long)
    except ValueError as error:
        fail(f"--for: {error}", EXIT_USAGE)
    out = cli.operations.set_maintenance(service, for_s=seconds, actor=cli.actor)
    say(f"{service} is under maintenance until {out.until:%Y-%m-%d %H:%M:%S} UTC")


def _print_services(found: Sequence[ServiceHealth], histories: Sequence[ServiceHistory], *, as_json: bool) -> None:
    by_service = {one.service: one for one in histories}
    if as_json:
        print_items([service_json(health, by_service.get(health.service)) for health in found])
        return
    if all(health.last_probe is None for health in found):
        say("never probed: the daemon does that, or `predawn services check`")
    rows = [
        (
            health.service,
            "maintenance" if health.maintenance else health.state,
            _milliseconds(health.last_probe.latency_ms if health.last_probe else None),
            _milliseconds(health.p95_ms),
            _good(by_service[health.service].hours) if health.service in by_service else "",
            health.url,
            f"until {health.maintenance.until:%H:%M} UTC, {health.maintenance.by}"
            if health.maintenance
            else clean(health.reason, limit=120),
        )
        for health in found
    ]
    print_table(("service", "state", "latency", "p95", "24 h", "url", "why"), rows)


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} ms"


def _good(hours: Sequence[Rollup]) -> str:
    """The share of good probes over some hours."""
    probes = sum(hour.probes for hour in hours)
    return f"{(probes - sum(hour.failures for hour in hours)) / probes * 100:.1f} %" if probes else ""
