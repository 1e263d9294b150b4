"""The app as its screens see it: what is shown, what may be said and asked, where reads and commands go."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from textual.app import App
from textual.message import Message
from textual.screen import Screen

from console.text import clean
from console.tui.appearance import Appearance
from console.tui.clipboard import TooLongError, osc52
from console.tui.commands import Commands, Guard
from console.tui.draw.base import Frame
from console.tui.driver import ConsoleDriver
from console.tui.feed import Feed
from console.tui.keys import resolve
from console.tui.link import Link
from console.tui.notices import Notice
from console.tui.questions import Question
from console.tui.savedviews import SavedViews
from console.tui.screens.base import Paintable
from console.tui.screens.brief import BriefScreen
from console.tui.screens.confirm import ConfirmScreen
from console.tui.screens.moments import MomentsScreen
from console.tui.screens.prompt import PromptScreen
from console.tui.scrub import Scrubber
from console.tui.view import ConsoleOptions, View, Want
from console.tui.visits import Visits
from scheduler.brief import MorningBrief
from scheduler.domain.recording import Mark, Past
from scheduler.ports.clock import Clock
from scheduler.ports.operations import Actor, Operations

T = TypeVar("T")


class ConsoleHost(App[None]):
    """Everything screens and their helpers ask of the app (``screens.base.Host``, ``ScrubHost``, ``VisitHost`` …).

    Args:
        operations: what is read and commanded through.
        actor: who sits here.
        settings: how often to look, signs, theme, keys.
        clock: the time of day that ages are counted from.
        notice: what to say at the start.
        views: kept filters; None: they are forgotten at the end.
    """

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
        super().__init__(driver_class=ConsoleDriver)
        self.animation_level = "none"  # also when somebody has imported Textual before us
        self.operations = operations
        self.feed = Feed(operations, clock=clock, refresh_s=settings.refresh_s, changed=self.repaint)
        self.commands = Commands(self, Guard(actor, arm=settings.arm))
        self.keymap = resolve(settings.keys)
        self.scrub = Scrubber(self)
        self.visits = Visits(self, actor.name)
        self.views = views or SavedViews()
        self._refresh_s = settings.refresh_s
        self._clock = clock
        self._no_link = Link(clock.monotonic)
        problems = "; ".join(self.keymap.problems)
        self._notice = Notice(clean(problems), good=False) if problems else Notice(clean(notice)) if notice else None
        self.appearance = Appearance(self, settings)
        self.set_keymap(dict(self.keymap.changed))

    # What is shown

    @property
    def view(self) -> View:
        """The newest view; while a past moment is shown, that moment's."""
        return self.feed.view

    @property
    def reading(self) -> Operations:
        """Where what is on the screen comes from."""
        return self.feed.source

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
            signs=self.appearance.signs,
            width=self.size.width,
            columns=self.size.width,
            rows=self.size.height,
            refresh_s=self._refresh_s,
            keymap=self.keymap,
            role=self.commands.guard.role,
            armed_s=self.commands.armed_for_s(today),
            past=past,
            today=today,
            behind_s=self.link.state().behind_s,
        )

    def repaint(self) -> None:
        """Paint the screen in sight, a dialog's header too; the others catch up when they come back."""
        screen = self.screen_stack[-1] if self.screen_stack else None
        if isinstance(screen, Paintable):
            screen.catch_up()

    def show_past(self, past: Past | None) -> None:
        """Show a past moment, or the present again; every screen reads from there from now on."""
        self.feed.show(past)
        self.repaint()

    # What is said

    @property
    def notice(self) -> Notice | None:
        """The last thing worth saying."""
        return self._notice

    def announce(self, text: str, *, good: bool = True) -> None:
        """Put a notice at the foot of every screen. Any thread may call it, also before the start; never waits."""
        self._notice = Notice(clean(text), good) if text else None
        if self.is_running:
            with suppress(RuntimeError):  # the loop was closed in this moment: nobody looks any more
                self.post_message(self.Announced())

    def on_console_host_announced(self) -> None:
        """Show what was announced."""
        self.repaint()

    def say(self, text: str, *, good: bool = True) -> None:
        """A notice from the console itself; it goes away by itself after a while."""
        self._notice = Notice(clean(text), good, self._clock.now())
        self.repaint()

    def dismiss_notice(self) -> None:
        """Put the notice away; when there is none, come back from the past."""
        if self._notice is None:
            self.scrub.leave()
        self._notice = None
        self.repaint()

    def forget_notice(self) -> None:
        """Put the notice away when its time is over."""
        if self._notice is not None and self._notice.has_expired(self._clock.now()):
            self._notice = None

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

    # What is put over a screen

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

    def ask_text(self, prompt: PromptScreen, answered: Callable[[str | None], None]) -> None:
        """Let the reader type a line."""
        self.push_screen(prompt, answered)

    # Where reads and work go

    def start(self, work: Callable[[], Any]) -> None:
        """Run a coroutine function beside everything else."""
        self.run_worker(work(), exit_on_error=True)

    def look(self) -> None:
        """Look at the database now."""
        self.feed.poke()

    def fetch(self, call: Callable[[], T]) -> Awaitable[T]:
        """Do a read on the reading thread of lists."""
        return self.feed.fetch(call)

    def fetch_slowly(self, call: Callable[[], T]) -> Awaitable[T]:
        """Do a read that may take long, where nobody waits for it."""
        return self.feed.fetch_slowly(call)

    def wants(self) -> Iterable[Want[Any]]:
        """What the screen in sight wants read; under a dialog, the one below it."""
        screens = [screen for screen in self.screen_stack if isinstance(screen, Paintable)] if self.screen_stack else []
        return screens[-1].wants() + (screens[-2].wants() if len(screens) > 1 and screens[-1].is_modal else ())

    def rewant(self) -> None:
        """A screen has come into sight, or wants something else."""
        if self.screen_stack:
            self.feed.want(tuple(self.wants()))

    # The terminal and the time

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
