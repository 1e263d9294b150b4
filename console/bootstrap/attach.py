"""The console put together over operations. It imports nothing that only a daemon needs: it has to paint at once."""

from __future__ import annotations

from config.settings import Settings
from console.tui.app import PredawnApp
from console.tui.savedviews import SavedViews
from scheduler.logs import configure as configure_logs
from scheduler.ports.clock import SystemClock
from scheduler.ports.operations import Actor, Operations


def run_console(settings: Settings, operations: Operations, actor: Actor) -> int:
    """Attach the console to a database; the exit code: 0, 129 when the terminal went away, 1 when it failed."""
    configure_logs(None, settings.log.level, stderr=False)
    app = make_app(settings, operations, actor)
    app.run(mouse=True)
    return app.return_code or 0


def make_app(settings: Settings, operations: Operations, actor: Actor) -> PredawnApp:
    """The console's program."""
    views = SavedViews(settings.home / "console-views.json", settings.console.views)
    return PredawnApp(operations, actor=actor, settings=settings.console, clock=SystemClock(), views=views)
