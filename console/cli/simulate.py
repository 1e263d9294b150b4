"""``predawn simulate``: what if, for thousands of nights in a minute."""

from __future__ import annotations

import dataclasses
import sys
import time as clock
from datetime import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.context import EXIT_FAILED, cli_of
from console.cli.output import fail, print_json, print_table, say
from console.format import duration

NIGHTS, WATCHED_NIGHTS = 1_000, 30

if TYPE_CHECKING:
    from config.settings import Settings
    from console.bootstrap.simulate import Outcome
    from scheduler.simulate.plan import Plan


def parse_clock(text: str | None) -> time | None:
    """A time of day like 03:00.

    Raises:
        typer.BadParameter: it is none.
    """
    if text is None:
        return None
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no time of day: write it like 03:00") from error


def simulate(
    ctx: typer.Context,
    nights: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="How many nights.", show_default="1000")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="What goes wrong: SERVICE=KIND[:SHARE of calls], like manim=flaky:0.3, revideo=hang:0.05, "
            "tts=slow:600:0.1, manim=down; may be given several times.",
            metavar="SERVICE=KIND",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed, the same nights.")] = 1,
    schedule: Annotated[str | None, typer.Option(help="Which schedule; default: the first.", metavar="NAME")] = None,
    start: Annotated[str | None, typer.Option(help="Start at another local time.", metavar="HH:MM")] = None,
    deadline: Annotated[str | None, typer.Option(help="Another deadline, local.", metavar="HH:MM")] = None,
    deadline_logic: Annotated[
        bool, typer.Option("--deadline-logic/--no-deadline-logic", help="Whether renders step down to be on time.")
    ] = True,
    history: Annotated[
        bool, typer.Option("--history/--no-history", help="Draw durations from this installation's renders.")
    ] = True,
    alerts: Annotated[
        bool,
        typer.Option(
            "--alerts",
            help="Watch the nights (30 unless --nights says otherwise) with the rules of alerts, while services go "
            "down, machines grow slow or die and jobs are bad; hold every alert against what really happened, and exit "
            "with 1 if one is wrong.",
        ),
    ] = False,
    processes: Annotated[int | None, typer.Option(min=1, max=256, help="Default: one for each processor.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Simulate nights on a virtual clock, through the real schedule, pipeline and deadline code.

    Example: predawn simulate --nights 10000 --fault manim=flaky:0.3
    """
    from console.bootstrap.simulate import Asked, make_plan  # noqa: PLC0415 - the pipeline costs commands 0.3 s
    from console.bootstrap.simulate import simulate as run  # noqa: PLC0415 - see above

    asked = Asked(
        nights=nights or (WATCHED_NIGHTS if alerts else NIGHTS),
        seed=seed,
        faults=tuple(fault or ()),
        schedule=schedule,
        start=parse_clock(start),
        deadline=parse_clock(deadline),
        history=history,
        deadline_logic=deadline_logic,
    )
    plan = make_plan(cli_of(ctx).settings, asked)
    began = clock.monotonic()
    if alerts:
        _watched(plan, cli_of(ctx).settings, as_json=as_json)
        say(f"{plan.nights:,} nights in {clock.monotonic() - began:.1f} s")
        return

    def show(done: int) -> None:
        sys.stderr.write(f"\r{done:,} of {plan.nights:,} nights")
        sys.stderr.flush()

    shown = sys.stderr.isatty()
    outcome = run(plan, processes=processes, progress=show if shown else None)
    if shown:
        sys.stderr.write("\r\033[K")
    took_s = clock.monotonic() - began
    if as_json:
        print_json(outcome_json(plan, outcome) | {"faults": list(asked.faults), "elapsed_s": round(took_s, 3)})
        return
    for line in outcome_lines(plan, outcome):
        typer.echo(line)
    typer.echo("")
    rows = [
        (
            f"night {night.number}, {night.run_date}",
            night.outcome.value,
            _margin(night.margin_s),
            "degraded" if night.degraded else "",
            night.why,
        )
        for night in outcome.worst
    ]
    print_table(("worst", "outcome", "margin", "", "what happened"), rows)
    say(f"{plan.nights:,} nights in {took_s:.1f} s")


def _watched(plan: Plan, settings: Settings, *, as_json: bool) -> None:
    """The nights under the eyes of the rules."""
    from scheduler.simulate.truth import table, warned_min  # noqa: PLC0415 - see above
    from scheduler.simulate.watched import watch  # noqa: PLC0415 - see above

    rows, wrong = watch(plan, settings)
    if as_json:
        incidents = {kind: dataclasses.asdict(row) for kind, row in sorted(rows.items())}
        about_none = [{"fingerprint": one.fingerprint, "fired_at": one.fired_at} for one in wrong]
        print_json(
            {"nights": plan.nights, "seed": plan.seed, "incidents": incidents}
            | {"alerts_without_incident": about_none, "warned_min": warned_min(rows)}
        )
    else:
        for line in table(rows, wrong):
            typer.echo(line)
        for one in wrong:
            typer.echo(f"no incident: {one.fingerprint} at {one.fired_at:%Y-%m-%d %H:%M} UTC: {one.facts.title}")
    bad = sum(row.unseen + abs(row.alerts + row.unseen - row.incidents) for row in rows.values()) + len(wrong)
    if bad:
        fail(f"{bad} incidents or alerts do not match", EXIT_FAILED)


def outcome_lines(plan: Plan, outcome: Outcome) -> list[str]:
    """What the nights amount to, for people. Pure."""
    definition = plan.definition
    logic = "" if plan.deadline_logic else ", without the deadline logic"
    due = f"{definition.deadline:%H:%M}" if definition.deadline else "no deadline"
    what = f"{definition.name} ({definition.when} {definition.timezone}, due {due})"
    lines = [
        f"{outcome.nights:,} nights of {what}, seed {plan.seed}{logic}",
        f"on time    {share(outcome.on_time, outcome.nights)}   late {outcome.late:,}   missed {outcome.missed:,}",
        f"degraded   {share(outcome.degraded, outcome.nights)}",
    ]
    if outcome.took_s:
        took = outcome.took_s
        lines.append(
            f"took       P50 {duration(took[0.5])}, P90 {duration(took[0.9])}, P99 {duration(took[0.99])}, "
            f"P99.9 {duration(took[0.999])}"
        )
    if outcome.margins_s:
        margins = outcome.margins_s
        least = f"1 in 100 {_margin(margins[0.01])}, 1 in 1,000 {_margin(margins[0.001])}"
        lines.append(f"margin     half of them {_margin(margins[0.5])}, {least}")
    lines.append(f"predicted  {share(outcome.under_p90, outcome.nights)} out before the P90 foretold at the start")
    return lines


def share(part: int, whole: int) -> str:
    """``99.98 % (9,998)``; 100 % only when all are there. Pure."""
    return f"{int(part * 10_000 / whole) / 100:.2f} % ({part:,})"


def _margin(seconds: float | None) -> str:
    if seconds is None:
        return "no video"
    return duration(seconds) if seconds >= 0 else f"{duration(-seconds)} late"


def outcome_json(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    """What the nights amount to. Shares are 0–1, durations seconds; keys of percentiles are shares of nights."""
    return {
        "schedule": plan.definition.name,
        "when": plan.definition.when,
        "timezone": plan.definition.timezone,
        "deadline": plan.definition.deadline,
        "seed": plan.seed,
        "deadline_logic": plan.deadline_logic,
        "chains": dict(plan.chains),
        "nights": outcome.nights,
        "on_time": outcome.on_time,
        "on_time_rate": outcome.on_time_rate,
        "late": outcome.late,
        "missed": outcome.missed,
        "degraded": outcome.degraded,
        "degraded_rate": outcome.degraded_rate,
        "under_p90": outcome.under_p90,
        "calls": outcome.calls,
        "margins_s": outcome.margins_s,
        "took_s": outcome.took_s,
        "worst": [
            {
                "number": night.number,
                "run_date": night.run_date,
                "outcome": night.outcome,
                "margin_s": night.margin_s,
                "degraded": night.degraded,
                "why": night.why,
            }
            for night in outcome.worst
        ],
    }
