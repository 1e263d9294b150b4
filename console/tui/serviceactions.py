"""What an operator can do about a service: take it out for a while, and in again."""

from __future__ import annotations

from typing import Any

from console import format as fmt
from console.moments import length_problem, parse_length
from console.text import clean
from console.tui.asking import foresee
from console.tui.effect import effect
from console.tui.questions import Question
from console.tui.screens.base import Paintable
from console.tui.screens.prompt import PromptScreen
from scheduler.domain.service import ServiceHealth
from scheduler.domain.whatif import Change


def ask_maintenance(screen: Paintable[Any], service: ServiceHealth | None) -> None:
    """Ask for how long to take a service out, then whether to, with what it means for tonight."""
    if service is None or not screen.host.commands.may("service.maintenance"):
        return
    hint = "How long: 30m, 1h, 8h, 2d. Renders pass it over and use its fallback; nobody is alerted."
    screen.ask_for(
        PromptScreen(f"Take {clean(service.service)} out", hint, text="1h", check=length_problem),
        lambda text: None if text is None else _foresee(screen, service, parse_length(text)),
    )


def _foresee(screen: Paintable[Any], service: ServiceHealth, seconds: float) -> None:
    host, name = screen.host, service.service
    operations, actor = host.operations, host.commands.actor

    def take_out() -> str:
        until = operations.set_maintenance(name, for_s=seconds, actor=actor).until
        return f"{name} is out until {fmt.moment(until, host.time(), host.frame().view.timezone)}"

    def take_in() -> str:
        operations.end_maintenance(name, actor=actor)
        return f"{name} is in again"

    def ask(finish: str | None) -> None:
        told = "Renders pass it over and use its fallback (degraded); what calls it now goes on. Nobody is alerted."
        question = Question(
            "Take this service out?", f"{name} for {fmt.duration(seconds)}", _with(told, finish), "Take it out"
        )
        host.commands.ask("service.maintenance", question, take_out, undo=take_in)

    foresee(host, Change(services_out=frozenset({name})), lambda told: ask(effect(told, host.frame().now)))


def ask_end(screen: Paintable[Any], service: ServiceHealth | None) -> None:
    """Ask whether to take a service in again."""
    host = screen.host
    if service is None or not host.commands.may("service.maintenance-end"):
        return
    out, operations, actor, name = service.maintenance, host.operations, host.commands.actor, service.service
    if out is None:
        host.say(f"{name} is not under maintenance", good=False)
        return

    def take_in() -> str:
        return f"{name} is in again" if operations.end_maintenance(name, actor=actor) else f"{name} was in already"

    def ask(finish: str | None) -> None:
        touches = f"{name}, out until {fmt.moment(out.until, host.frame().now, host.frame().view.timezone)} ({out.by})"
        told = _with("Renders call it again, and alerts about it are told.", finish)
        question = Question("Take this service in again?", clean(touches), told, "Take it in")
        host.commands.ask("service.maintenance-end", question, take_in)

    foresee(host, Change(services_in=frozenset({name})), lambda told: ask(effect(told, host.frame().now)))


def _with(told: str, finish: str | None) -> str:
    return f"{told} {finish}" if finish else told
