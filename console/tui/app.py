"""The app: it keeps the clock's tick, ends with its terminal, and routes keys to screens and commands."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any, ClassVar, cast

from textual._compositor import ChopsUpdate
from textual.screen import Screen
from textual.signal import Signal

from console.tui.driver import ConsoleDriver
from console.tui.exporting import export_view
from console.tui.frames import TightUpdate
from console.tui.host import ConsoleHost
from console.tui.registry import SCREENS, ScreenEntry
from console.tui.screens.base import Paintable
from console.tui.screens.help import HelpScreen
from console.tui.screens.palette import PaletteScreen
from console.tui.signs import ASCII
from console.tui.visits import EVERY_S as VISIT_EVERY_S

_HUNG_UP = 129
"""Exit code when the terminal went away: what a shell reports for SIGHUP."""


def _maker(entry: ScreenEntry) -> Callable[[], Screen[Any]]:
    """Makes the screen; its module is imported when it is first wanted."""

    def make() -> Screen[Any]:
        module, _, name = entry.where.partition(":")
        return cast("Screen[Any]", getattr(import_module(module), name)())

    return make


class PredawnApp(ConsoleHost):
    """The console."""

    CSS_PATH = "app.tcss"
    TITLE = "predawn"
    MODES: ClassVar[dict[str, Any]] = {entry.mode: _maker(entry) for entry in SCREENS}
    DEFAULT_MODE = SCREENS[0].mode
    ENABLE_COMMAND_PALETTE = False

    # Life

    def on_mount(self) -> None:
        """Paint first, read behind it."""
        self.set_class(self.appearance.signs is ASCII, "-ascii")
        self.rewant()
        self.run_worker(self.feed.run(), name="poller", exit_on_error=True)
        self._arm_tick()
        self.visits.begin()
        self.set_interval(VISIT_EVERY_S, self.visits.still_here, name="visits")
        self._end_with_the_terminal()
        resumed = cast("Signal[Any]", self.app_resume_signal)  # pyright: ignore[reportUnknownMemberType] - Textual's type
        resumed.subscribe(self, self._resumed)

    def on_unmount(self) -> None:
        """Let the threads go."""
        for background in (self.scrub, self.visits, self.commands, self.feed):
            background.close()

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """Send only what has changed."""
        tight = TightUpdate.of(renderable) if isinstance(renderable, ChopsUpdate) else renderable
        super()._display(screen, tight)  # pyright: ignore[reportUnknownMemberType] - Textual leaves its types open

    def _arm_tick(self) -> None:
        """The next tick at the next full second, so that the clock never skips one."""
        self.set_timer(1.02 - self.time().microsecond / 1e6, self._tick, name="tick")

    def _tick(self) -> None:
        driver = self._driver
        if isinstance(driver, ConsoleDriver) and driver.terminal_gone:
            self.exit(return_code=_HUNG_UP)
            return
        self.forget_notice()
        self.repaint()
        self._arm_tick()

    def _end_with_the_terminal(self) -> None:
        """SIGHUP ends the console in order, so that who runs it can put the rest of the program away."""
        if self.is_headless or signal.getsignal(signal.SIGHUP) is signal.SIG_IGN or self._loop is None:
            return
        with suppress(ValueError, RuntimeError, NotImplementedError):  # not on the main thread: its owner decides
            self._loop.add_signal_handler(signal.SIGHUP, lambda: self.exit(return_code=_HUNG_UP))

    def _resumed(self, _app: Any) -> None:
        """The shell has used the terminal meanwhile."""
        self.action_redraw()

    # Keys

    def set_theme(self, name: str) -> None:
        """Show this theme."""
        self.appearance.show(name)

    def action_next_theme(self) -> None:
        """The next theme of the table."""
        self.set_theme(self.appearance.following())
        self.say(f"theme {self.theme} (console.theme keeps it)")

    def action_screen(self, mode: str) -> None:
        """Go to a screen; a detail that was open there is closed."""
        if self.current_mode == mode:
            while len(self.screen_stack) > 1:
                self.pop_screen()
        else:
            self.switch_mode(mode)

    def action_help(self) -> None:
        """Keys and signs."""
        self.push_screen(HelpScreen())

    def action_palette(self) -> None:
        """Find a command by name."""
        below = self.screen
        if isinstance(below, Paintable) and not below.is_modal:
            self.push_screen(PaletteScreen(below.scopes()), lambda action: self._chosen(action, below))

    def _chosen(self, action: str | None, below: Screen[Any]) -> None:
        if action:
            name = f"action_{action.partition('(')[0]}"
            nodes = (below.focused or below).ancestors_with_self
            node = next((node for node in nodes if hasattr(node, name)), self)
            self.run_worker(self.run_action(action, default_namespace=node), exit_on_error=True)

    def action_undo(self) -> None:
        """Take the last command back."""
        self.commands.undo()

    def action_past(self, seconds: float) -> None:
        """Look back, or forward again, by so many seconds."""
        self.scrub.step(seconds)

    def action_event(self, direction: int) -> None:
        """To the moment worth a look before or after this one."""
        self.scrub.to_mark(direction)

    def action_jump(self) -> None:
        """Choose a past moment."""
        self.scrub.choose()

    def action_brief(self) -> None:
        """What has happened since the last visit."""
        self.visits.ask()

    def action_export(self) -> None:
        """Write what is on the screen into a file."""
        below = self.screen
        if isinstance(below, Paintable) and not below.is_modal:
            export_view(self, below, below.tab)

    def action_arm(self) -> None:
        """Arm destructive actions."""
        self.commands.arm()

    def action_redraw(self) -> None:
        """Send everything again: something else has written to the terminal."""
        compositor: Any = self.screen._compositor  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - no public way
        self._display(self.screen, compositor.render_update(full=True))
