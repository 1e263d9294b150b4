"""The app: it owns the poller and the clock's tick, routes keys to screens and commands to ``Operations``."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, ClassVar

from textual.app import App, SystemCommand
from textual.message import Message
from textual.screen import Screen
from textual.theme import Theme

from console import format as fmt
from console.text import clean
from console.tui.background import Background
from console.tui.draw.base import Frame
from console.tui.draw.header import Notice
from console.tui.driver import ConsoleDriver
from console.tui.jobactions import JOB_ACTIONS, refusal, touches
from console.tui.keys import keys_of
from console.tui.poller import Poller
from console.tui.screens.base import ViewScreen
from console.tui.screens.confirm import ConfirmScreen, Question
from console.tui.screens.detail import DetailScreen
from console.tui.screens.help import HelpScreen
from console.tui.screens.joblist import JobsScreen
from console.tui.screens.schedule import ScheduleScreen
from console.tui.screens.tonight import TonightScreen
from console.tui.signs import ASCII, choose_signs
from console.tui.view import ConsoleOptions, View
from scheduler.domain.job import Job
from scheduler.ports.clock import Clock
from scheduler.ports.operations import Actor, Operations

THEME = Theme(
    name="predawn",
    primary="#6ea8fe",
    secondary="#8891a8",
    accent="#6ec6ff",
    foreground="#d7dce8",
    background="#10131c",
    surface="#171b27",
    panel="#1d2230",
    success="#5fd38d",
    warning="#f2c14e",
    error="#ff6b6b",
    dark=True,
    variables={
        "muted": "#8891a8",
        "rule": "#333b52",
        "heading": "#a9c7ff",
        "key": "#a9c7ff",
        "tab": "#a9c7ff",
        "tab-text": "#10131c",
        "plate-text": "#0c0f16",
        "plate-ok": "#5fd38d",
        "plate-warn": "#f2c14e",
        "plate-bad": "#ff6b6b",
        "plate-idle": "#8891a8",
        "row-cursor": "#1d2230",
        "row-focus": "#2a3350",
    },
)
"""Dark and quiet: colour stands where something is to be seen."""


_HUNG_UP = 129
"""Exit code when the terminal went away: what a shell reports for SIGHUP."""


class PredawnApp(App[None]):
    """The console.

    Args:
        operations: what is read and commanded through.
        actor: who sits here.
        settings: how often to look, and whether signs are ASCII.
        clock: the time of day that ages are counted from.
        notice: what to say at the start.
    """

    CSS_PATH = "app.tcss"
    TITLE = "predawn"
    MODES: ClassVar[dict[str, Any]] = {"tonight": TonightScreen, "jobs": JobsScreen, "schedule": ScheduleScreen}
    DEFAULT_MODE = "tonight"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"

    class Announced(Message):
        """Somebody has announced something, maybe on another thread."""

    def __init__(
        self, operations: Operations, *, actor: Actor, settings: ConsoleOptions, clock: Clock, notice: str = ""
    ) -> None:
        super().__init__(driver_class=ConsoleDriver)
        self.animation_level = "none"  # also when somebody has imported Textual before us
        self.view = View()
        self._operations = operations
        self._actor = actor
        self._settings = settings
        self._clock = clock
        self._notice = Notice(clean(notice)) if notice else None
        self._commands = Background("console-commands")
        self._poller: Poller | None = None
        self._signs = choose_signs(
            ascii_only=settings.ascii,
            encoding=getattr(sys.__stderr__, "encoding", None) or "utf-8",
            term=os.environ.get("TERM", ""),
        )
        self.register_theme(THEME)
        self.theme = THEME.name

    # What screens ask for

    @property
    def notice(self) -> Notice | None:
        """The last thing worth saying."""
        return self._notice

    def frame(self) -> Frame:
        """The newest view, for now."""
        return Frame(
            view=self.view,
            now=self._clock.now(),
            signs=self._signs,
            width=self.size.width,
            columns=self.size.width,
            rows=self.size.height,
            refresh_s=self._settings.refresh_s,
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
        """A notice from the console itself."""
        self._notice = Notice(clean(text), good)
        self._paint()

    def dismiss_notice(self) -> None:
        """Put the notice away."""
        self._notice = None
        self._paint()

    def open_job(self, job_id: str, *, tab: str) -> None:
        """Show everything about a job."""
        self.push_screen(DetailScreen(job_id, tab=tab))

    def watch_job(self, job_id: str | None) -> None:
        """Read this job's detail too."""
        if self._poller is not None:
            self._poller.watch(job_id)

    # Life

    def on_mount(self) -> None:
        """Paint first, read behind it."""
        self.set_class(self._signs is ASCII, "-ascii")
        self._poller = Poller(
            self._operations, clock=self._clock, refresh_s=self._settings.refresh_s, publish=self._publish
        )
        self.run_worker(self._poller.run(), name="poller", exit_on_error=True)
        self._arm_tick()
        self._end_with_the_terminal()

    def on_unmount(self) -> None:
        """Let the threads go."""
        self._commands.close()

    def _publish(self, view: View) -> None:
        """A new view. What only time has changed waits for the tick."""
        last, self.view = self.view, view
        if (view.snapshot, view.problem, view.detail, view.detail_problem, view.watched) != (
            last.snapshot,
            last.problem,
            last.detail,
            last.detail_problem,
            last.watched,
        ):
            self._paint()

    def _arm_tick(self) -> None:
        """The next tick at the next full second, so that the clock never skips one."""
        self.set_timer(1.02 - self._clock.now().microsecond / 1e6, self._tick, name="tick")

    def _tick(self) -> None:
        driver = self._driver
        if isinstance(driver, ConsoleDriver) and driver.terminal_gone:
            self.exit(return_code=_HUNG_UP)
            return
        self._paint()
        self._arm_tick()

    def _paint(self) -> None:
        """Paint the screen in sight; the others catch up when they come back."""
        screen = self.screen_stack[-1] if self.screen_stack else None
        if isinstance(screen, ViewScreen):
            screen.catch_up()

    def _end_with_the_terminal(self) -> None:
        """SIGHUP ends the console in order, so that who runs it can put the rest of the program away."""
        if self.is_headless or signal.getsignal(signal.SIGHUP) is signal.SIG_IGN or self._loop is None:
            return
        with suppress(ValueError, RuntimeError, NotImplementedError):  # not on the main thread: its owner decides
            self._loop.add_signal_handler(signal.SIGHUP, lambda: self.exit(return_code=_HUNG_UP))

    # Commands

    def ask_job(self, action: str, job: Job | None) -> None:
        """Ask whether to do an action to a job, and do it."""
        if job is None:
            self.say("there is no job here", good=False)
            return
        if (reason := refusal(action, job)) is not None:
            self.say(reason, good=False)
            return
        chosen = JOB_ACTIONS[action]
        question = Question(f"{chosen.title} this job?", touches(job), chosen.effect(job), chosen.verb)
        self._ask(question, lambda: chosen.call(self._operations, job.id, self._actor))

    def ask_run(self, schedule: str) -> None:
        """Ask whether to run a schedule now, and do it."""

        def run() -> str:
            answer = self._operations.run_schedule(schedule, actor=self._actor)
            name = fmt.short_id(answer.job.id)
            return f"job {name} is queued" if answer.created else f"job {name} has that run date already: nothing new"

        effect = "Its job for the coming run date is queued now. A run date that has its job keeps that one."
        self._ask(Question("Run this schedule now?", clean(schedule), effect, "Run it now"), run)

    def ask_pause(self, schedule: str, *, paused: bool) -> None:
        """Ask whether to pause or resume a schedule, and do it."""

        def pause() -> str:
            self._operations.pause_schedule(schedule, paused=paused, actor=self._actor)
            return f"schedule {schedule} is {'paused' if paused else 'active again'}"

        if paused:
            question = Question(
                "Pause this schedule?", clean(schedule), "It starts nothing until somebody resumes it.", "Pause it"
            )
        else:
            question = Question(
                "Resume this schedule?", clean(schedule), "It starts its runs again, from the next one on.", "Resume it"
            )
        self._ask(question, pause)

    def _ask(self, question: Question, command: Callable[[], str]) -> None:
        """Do ``command`` off the event loop if the reader says so; its words become the notice."""

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual hands over the dialog's answer so
            if yes:
                self.run_worker(self._perform(command), name="command", exit_on_error=True)

        self.push_screen(ConfirmScreen(question), answered)

    async def _perform(self, command: Callable[[], str]) -> None:
        try:
            words = await self._commands.run(command)
        except Exception as error:  # noqa: BLE001 - a refusal or a database out of reach: the reader is told, no more
            self.say(clean(str(error), limit=300) or type(error).__name__, good=False)
        else:
            self.say(words)
        if self._poller is not None:
            self._poller.poke()

    # Keys

    def action_screen(self, mode: str) -> None:
        """Go to a screen; a detail that was open there is closed."""
        if self.current_mode == mode:
            while len(self.screen_stack) > 1:
                self.pop_screen()
        else:
            self.switch_mode(mode)

    def action_help(self) -> None:
        """Keys and signs."""
        self.push_screen(HelpScreen(self._signs))

    def action_redraw(self) -> None:
        """Send everything again: something else has written to the terminal."""
        self.refresh(layout=True)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: what the keys of this screen do, by name."""
        for key in keys_of(
            "everywhere", *(("job", "schedule") if not isinstance(screen, ViewScreen) else screen.PLACES)
        ):
            if key.where in {"list", "text"} or key.id in {"app.palette", "app.back"}:
                continue
            yield SystemCommand(key.short.capitalize(), key.description, self._runner(screen, key.action))

    def _runner(self, screen: Screen[Any], action: str) -> Callable[[], Any]:
        async def run() -> None:
            await self.run_action(action, default_namespace=screen)

        return run
