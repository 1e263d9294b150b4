"""What an operator can do about an alert: how it is asked, and how it is done."""

from __future__ import annotations

from typing import Any

from console import format as fmt
from console.moments import length_problem, parse_length
from console.tui.screens.base import Host, Paintable
from console.tui.screens.prompt import PromptScreen
from console.tui.view import Want
from scheduler.domain.alert import Alert, AlertState, Mute

OPEN_ALERTS: Want[tuple[Alert, ...]] = Want(("open alerts",), lambda operations: operations.open_alerts(), every_s=30.0)
"""What fires or is seen to, the worst first."""
MUTES: Want[tuple[Mute, ...]] = Want(("mutes",), lambda operations: operations.mutes(), every_s=30.0)
"""The mutes that have not ended."""
_ORDER = {AlertState.FIRING: 0, AlertState.ACKED: 1, AlertState.PENDING: 2, AlertState.RESOLVED: 3}


def by_urgency(alerts: tuple[Alert, ...]) -> list[Alert]:
    """What nobody sees to yet first; the order within that stays. Pure."""
    return sorted(alerts, key=lambda one: _ORDER[one.state])


def acknowledge(host: Host, alert: Alert | None) -> None:
    """See to an alert."""
    operations, actor = host.operations, host.commands.actor
    if alert is None:
        host.say("no alert is open", good=False)
        return

    def ack() -> str:
        until = operations.ack_alert(alert.id, actor=actor).ack_until
        told = f", no repeats until {fmt.clock_time(until, host.frame().view.timezone)}" if until else ""
        return f"acknowledged{told}: {alert.facts.title}"

    host.commands.do("alert.ack", ack)


def ask_mute(screen: Paintable[Any], alert: Alert | None) -> None:
    """Ask for how long, and keep an alert quiet."""
    host = screen.host
    if alert is None or not host.commands.may("alert.mute"):
        return
    operations, actor = host.operations, host.commands.actor
    hint = "How long: 30m, 1h, 8h, 2d. It stays on this screen; nobody is told, also when it comes back."

    def answered(text: str | None) -> None:
        if text is None:
            return
        seconds = parse_length(text)

        def mute() -> str:
            until = operations.mute_alert(alert.id, for_s=seconds, actor=actor).until
            return f"muted until {fmt.clock_time(until, host.frame().view.timezone)}"

        host.commands.do("alert.mute", mute)

    screen.ask_for(PromptScreen(f"Mute: {alert.facts.title}", hint, text="1h", check=length_problem), answered)


def unmute(host: Host, alert: Alert | None) -> None:
    """End an alert's mute."""
    operations, actor = host.operations, host.commands.actor
    if alert is not None:
        host.commands.do(
            "alert.unmute",
            lambda: "heard again" if operations.unmute_alert(alert.id, actor=actor) else "it was not muted",
        )
