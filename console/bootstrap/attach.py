"""The console put together over operations. It imports nothing that only a daemon needs: it has to paint at once."""

from __future__ import annotations

from config.settings import Settings
from console.tui.app import PredawnApp
from console.tui.savedviews import SavedViews
from scheduler.logs import configure as configure_logs
from scheduler.ports.clock import SystemClock
from scheduler.ports.operations import Actor, Operations


def run_console(settings: Settings, operations: Operations, actor: Actor) -> None:
    """Attach the console to a database."""
    configure_logs(None, settings.log.level, stderr=False)
    make_app(settings, operations, actor).run(mouse=True)


def make_app(settings: Settings, operations: Operations, actor: Actor) -> PredawnApp:
    """The console's program."""
    views = SavedViews(settings.home / "console-views.json", settings.console.views)
    return PredawnApp(operations, actor=actor, settings=settings.console, clock=SystemClock(), views=views)
