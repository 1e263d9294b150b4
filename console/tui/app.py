"""The app: it owns the poller and the clock's tick, and routes keys to screens and commands to ``Operations``."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from importlib import import_module
from typing import Any, ClassVar, TypeVar, cast

from textual.app import App
from textual.filter import Monochrome, NoColor
from textual.message import Message
from textual.screen import Screen

from console.text import clean
from console.tui.background import Background
from console.tui.clipboard import TooLongError, osc52
from console.tui.commands import Commands, Guard
from console.tui.draw.base import Frame
from console.tui.driver import ConsoleDriver
from console.tui.export import ExportError, as_json
from console.tui.export import check as check_export
from console.tui.export import write as write_export
from console.tui.keys import resolve
from console.tui.link import Link
from console.tui.notices import Notice
from console.tui.poller import Poller
from console.tui.questions import Question
from console.tui.registry import SCREENS, ScreenEntry
from console.tui.savedviews import SavedViews
from console.tui.screens.base import Paintable
from console.tui.screens.brief import BriefScreen
from console.tui.screens.confirm import ConfirmScreen
from console.tui.screens.help import HelpScreen
from console.tui.screens.moments import MomentsScreen
from console.tui.screens.palette import PaletteScreen
from console.tui.screens.prompt import PromptScreen
from console.tui.scrub import Scrubber
from console.tui.signs import ASCII, choose_signs
from console.tui.themes import MONO, THEMES, MonoFilter, choose_theme
from console.tui.view import ConsoleOptions, View, Want
from console.tui.visits import EVERY_S as VISIT_EVERY_S
from console.tui.visits import Visits
from scheduler.brief import MorningBrief
from scheduler.domain.recording import Mark, Past
from scheduler.ports.clock import Clock
from scheduler.ports.operations import Actor, Operations
from scheduler.replay import PastOperations

T = TypeVar("T")

_HUNG_UP = 129
"""Exit code when the terminal went away: what a shell reports for SIGHUP."""


def _maker(entry: ScreenEntry) -> Callable[[], Screen[Any]]:
    """Makes the screen; its module is imported when it is first wanted."""

    def make() -> Screen[Any]:
        module, _, name = entry.where.partition(":")
        return cast("Screen[Any]", getattr(import_module(module), name)())

    return make


class PredawnApp(App[None]):
    """The console.

    Args:
        operations: what is read and commanded through.
        actor: who sits here.
        settings: how often to look, signs, theme, keys.
        clock: the time of day that ages are counted from.
        notice: what to say at the start.
        views: kept filters; None: they are forgotten at the end.
    """

    CSS_PATH = "app.tcss"
    TITLE = "predawn"
    MODES: ClassVar[dict[str, Any]] = {entry.mode: _maker(entry) for entry in SCREENS}
    DEFAULT_MODE = SCREENS[0].mode
    ENABLE_COMMAND_PALETTE = False

    class Announced(Message):
        """Somebody has announced something, maybe on another thread."""

    def __init__(
        self,
        operations: Operations,
        *,
        actor: Actor,
        settings: ConsoleOptions,
        clock: Clock,
        notice: str = "",
        views: SavedViews | None = None,
    ) -> None:
        term, no_color = os.environ.get("TERM", ""), bool(os.environ.get("NO_COLOR"))
        colorterm = os.environ.get("COLORTERM", "")
        super().__init__(driver_class=ConsoleDriver)
        self.animation_level = "none"  # also when somebody has imported Textual before us
        self.view = View()
        self.operations = operations
        self._reading = operations
        self.commands = Commands(self, Guard(actor, arm=settings.arm))
        self.keymap = resolve(settings.keys)
        self.scrub = Scrubber(self)
        self.visits = Visits(self, actor.name)
        self._live = View()
        self._settings = settings
        self._clock = clock
        self._poller: Poller | None = None
        self._no_link = Link(clock.monotonic)
        self._lists, self._slow = Background("console-lists"), Background("console-counts")
        self.views = views or SavedViews()
        self._signs = choose_signs(
            ascii_only=settings.ascii, encoding=getattr(sys.__stderr__, "encoding", None) or "utf-8", term=term
        )
        problems = "; ".join(self.keymap.problems)
        self._notice = Notice(clean(problems), good=False) if problems else Notice(clean(notice)) if notice else None
        for theme in THEMES.values():
            self.register_theme(theme)
        self._filters = [one for one in self._filters if not isinstance(one, Monochrome | NoColor)]
        self._mono = MonoFilter(enabled=False)
        self._filters.append(self._mono)
        self.no_color = False  # the mono theme does it
        self.set_theme(choose_theme(settings.theme, no_color=no_color, term=term, colorterm=colorterm))
        self.set_keymap(dict(self.keymap.changed))

    # What screens ask for

    @property
    def notice(self) -> Notice | None:
        """The last thing worth saying."""
        return self._notice

    @property
    def reading(self) -> Operations:
        """Where what is on the screen comes from."""
        return self._reading

    @property
    def looks_back(self) -> str | None:
        """Why nothing can be done while a past moment is shown; None: the present is."""
        return self.scrub.refusal

    def frame(self) -> Frame:
        """The newest view, for now; while a past moment is shown, for then."""
        today, past = self._clock.now(), self.scrub.past
        now = today if past is None else past.asked
        return Frame(
            view=self.view,
            now=now,
            signs=self._signs,
            width=self.size.width,
            columns=self.size.width,
            rows=self.size.height,
            refresh_s=self._settings.refresh_s,
            keymap=self.keymap,
            role=self.commands.guard.role,
            armed_s=self.commands.armed_for_s(today),
            past=past,
            today=today,
            behind_s=self.link.state().behind_s,
        )

    def announce(self, text: str, *, good: bool = True) -> None:
        """Put a notice at the foot of every screen. Any thread may call it, also before the start; never waits."""
        self._notice = Notice(clean(text), good) if text else None
        if self.is_running:
            with suppress(RuntimeError):  # the loop was closed in this moment: nobody looks any more
                self.post_message(self.Announced())

    def on_predawn_app_announced(self) -> None:
        """Show what was announced."""
        self._paint()

    def say(self, text: str, *, good: bool = True) -> None:
        """A notice from the console itself; it goes away by itself after a while."""
        self._notice = Notice(clean(text), good, self._clock.now())
        self._paint()

    def dismiss_notice(self) -> None:
        """Put the notice away; when there is none, come back from the past."""
        if self._notice is None:
            self.scrub.leave()
        self._notice = None
        self._paint()

    def copy(self, text: str, what: str) -> None:
        """Copy a text to the clipboard of the reader's machine."""
        try:
            sequence = osc52(clean(text), os.environ)
        except TooLongError as error:
            self.say(str(error), good=False)
            return
        if self._driver is not None:
            self._driver.write(sequence)
        self.say(f"{what} is copied, where the terminal allows it (OSC 52)")

    def show_past(self, past: Past | None) -> None:
        """Show a past moment, or the present again; every screen reads from there from now on."""
        if self._reading is self.operations:
            self._live = self.view
        if past is None:
            self._reading, view = self.operations, self._live
        else:
            self._reading = cast("Operations", PastOperations(self.operations, past))
            view = View(snapshot=past.snapshot, upcoming=self.view.upcoming, answers=self.view.answers)
        if self._poller is not None:
            self._poller.source(self._reading)
        self.view = view
        self._paint()

    def tell(self, brief: MorningBrief) -> None:
        """Show what has happened since the reader last looked."""
        self.push_screen(BriefScreen(brief))

    def offer(self, marks: Sequence[Mark]) -> None:
        """Let the reader choose a past moment."""
        self.push_screen(MomentsScreen(marks), lambda at: self.scrub.to(at) if at is not None else None)

    def show(self, screen: Screen[Any]) -> None:
        """Put a screen or a dialog over the one in sight."""
        self.push_screen(screen)

    def put(self, question: Question, answered: Callable[[bool], None]) -> None:
        """Show a question."""
        self.push_screen(ConfirmScreen(question), lambda yes: answered(bool(yes)))

    def start(self, work: Callable[[], Any]) -> None:
        """Run a coroutine function beside everything else."""
        self.run_worker(work(), exit_on_error=True)

    def look(self) -> None:
        """Look at the database now."""
        if self._poller is not None:
            self._poller.poke()

    def fetch(self, call: Callable[[], T]) -> Awaitable[T]:
        """Do a read on the reading thread of lists."""
        return self._lists.run(call)

    def fetch_slowly(self, call: Callable[[], T]) -> Awaitable[T]:
        """Do a read that may take long, where nobody waits for it."""
        return self._slow.run(call)

    def holds_frames(self) -> bool:
        """Whether the terminal is so far behind that nothing should be sent now."""
        return self.link.is_behind()

    @property
    def link(self) -> Link:
        """How fast the terminal takes what is sent."""
        driver = self._driver
        return driver.link if isinstance(driver, ConsoleDriver) else self._no_link

    def monotonic(self) -> float:
        """Seconds on a counter that never steps."""
        return self._clock.monotonic()

    def time(self) -> datetime:
        """The time of day, aware UTC."""
        return self._clock.now()

    # Life

    def on_mount(self) -> None:
        """Paint first, read behind it."""
        self.set_class(self._signs is ASCII, "-ascii")
        self._poller = Poller(
            self.operations, clock=self._clock, refresh_s=self._settings.refresh_s, publish=self._publish
        )
        self._poller.want(self._wants())
        self.run_worker(self._poller.run(), name="poller", exit_on_error=True)
        self._arm_tick()
        self.visits.begin()
        self.set_interval(VISIT_EVERY_S, self.visits.still_here, name="visits")
        self._end_with_the_terminal()

    def on_unmount(self) -> None:
        """Let the threads go."""
        for background in (self.scrub, self.visits, self.commands, self._lists, self._slow):
            background.close()

    def _publish(self, view: View) -> None:
        """A new view. What only time has changed waits for the tick."""
        last, self.view = self.view, view
        if not view.shows_the_same(last):
            self._paint()

    def _arm_tick(self) -> None:
        """The next tick at the next full second, so that the clock never skips one."""
        self.set_timer(1.02 - self._clock.now().microsecond / 1e6, self._tick, name="tick")

    def _tick(self) -> None:
        driver = self._driver
        if isinstance(driver, ConsoleDriver) and driver.terminal_gone:
            self.exit(return_code=_HUNG_UP)
            return
        if self._notice is not None and self._notice.has_expired(self._clock.now()):
            self._notice = None
        self._paint()
        self._arm_tick()

    def _paint(self) -> None:
        """Paint the screen in sight, a dialog's header too; the others catch up when they come back."""
        screen = self.screen_stack[-1] if self.screen_stack else None
        if isinstance(screen, Paintable):
            screen.catch_up()

    def _wants(self) -> Iterable[Want[Any]]:
        """What the screen in sight wants read; under a dialog, the one below it."""
        screens = [screen for screen in self.screen_stack if isinstance(screen, Paintable)] if self.screen_stack else []
        return screens[-1].wants() + (screens[-2].wants() if len(screens) > 1 and screens[-1].is_modal else ())

    def rewant(self) -> None:
        """A screen has come into sight, or wants something else."""
        if self._poller is not None and self.screen_stack:
            self._poller.want(tuple(self._wants()))

    def _end_with_the_terminal(self) -> None:
        """SIGHUP ends the console in order, so that who runs it can put the rest of the program away."""
        if self.is_headless or signal.getsignal(signal.SIGHUP) is signal.SIG_IGN or self._loop is None:
            return
        with suppress(ValueError, RuntimeError, NotImplementedError):  # not on the main thread: its owner decides
            self._loop.add_signal_handler(signal.SIGHUP, lambda: self.exit(return_code=_HUNG_UP))

    # Keys

    def set_theme(self, name: str) -> None:
        """Show this theme."""
        self._mono.enabled = name == MONO.name
        self.theme = name

    def action_next_theme(self) -> None:
        """The next theme of the table."""
        names = list(THEMES)
        self.set_theme(names[(names.index(self.theme) + 1) % len(names)])
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
        below, now = self.screen, self._clock.now()
        if isinstance(below, Paintable) and not below.is_modal:
            name = f"predawn-{below.tab.lower()}-{now:%Y%m%d-%H%M%S}.txt"
            hint = "As text, or with the ending .json with the data it is drawn from, or .svg as a picture."
            texts = {".txt": "\n".join(self._lines()) + "\n", ".svg": self.export_screenshot(title="predawn")}
            texts[".json"] = as_json(below.tab, self.view, self._lines(), now)
            self.push_screen(
                PromptScreen("Write this view into a file", hint, text=name, check=check_export),
                lambda chosen: self._export(chosen, texts),
            )

    def _lines(self) -> list[str]:
        """What is on the screen, line by line."""
        strips = self.screen._compositor.render_strips()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - no public way
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips[: self.size.height]]

    def _export(self, name: str | None, texts: Mapping[str, str]) -> None:
        if name is None:
            return
        try:
            path = write_export(name, texts[name[name.rfind(".") :].lower()])
        except ExportError as error:
            self.say(str(error), good=False)
        else:
            self.say(f"written: {path}")

    def action_arm(self) -> None:
        """Arm destructive actions."""
        self.commands.arm()

    def repaint(self) -> None:
        """Draw what is known now, without waiting for the tick."""
        self._paint()

    def action_redraw(self) -> None:
        """Send everything again: something else has written to the terminal."""
        self.refresh(layout=True)
