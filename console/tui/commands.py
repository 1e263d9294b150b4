"""Commands from the console: may it be done, is it meant, do it off the event loop, say what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from console.text import clean
from console.tui.actions import BY_ID
from console.tui.background import Background
from console.tui.questions import Question
from scheduler.domain.access import Role
from scheduler.ports.operations import Actor

T = TypeVar("T")

ARMED_FOR_S = 30.0
"""Seconds for which the arm key holds."""
UNDO_FOR_S = 60.0
"""Seconds for which a command can be undone, where it can be."""
_LONGEST = 300


class Asker(Protocol):
    """What commands need of the app."""

    def put(self, question: Question, answered: Callable[[bool], None]) -> None:
        """Show a question."""
        ...

    def say(self, text: str, *, good: bool = True) -> None:
        """Put a notice at the foot of the screen."""
        ...

    def dismiss_notice(self) -> None:
        """Put the notice away."""
        ...

    def start(self, work: Callable[[], object]) -> None:
        """Run a coroutine function beside everything else."""
        ...

    def look(self) -> None:
        """Look at the database now."""
        ...

    def time(self) -> datetime:
        """The time of day."""
        ...

    @property
    def looks_back(self) -> str | None:
        """Why nothing can be done while a past moment is shown; None: the present is."""
        ...


@dataclass(frozen=True, slots=True)
class Guard:
    """Who sits here, and what is asked of them before something is taken away.

    Attributes:
        actor: in whose name commands are given.
        arm: destructive actions have to be armed first.
    """

    actor: Actor
    arm: bool = False

    @property
    def role(self) -> Role:
        """The reader's role."""
        return self.actor.role

    def refusal(self, action_id: str, *, armed: bool) -> str | None:
        """Why this reader may not do it now, with what to do; None: go on. Pure."""
        action = BY_ID[action_id]
        if not self.role.covers(action.role):
            who = f"you are {self.role} (config: access.users, access.groups)"
            return f"{action.label}: needs the role {action.role}, {who}"
        if self.arm and action.destructive and not armed:
            return f"{action.label}: arm it first with !"
        return None


class Commands:
    """Asks, does, tells. One thread does one command after another, so that a slow database never stops the screen."""

    def __init__(self, app: Asker, guard: Guard) -> None:
        self._app = app
        self.guard = guard
        self._background = Background("console-commands")
        self._armed_until: datetime | None = None
        self._undo: tuple[datetime, Callable[[], str]] | None = None

    @property
    def actor(self) -> Actor:
        """In whose name commands are given."""
        return self.guard.actor

    def armed_for_s(self, now: datetime) -> float:
        """Seconds for which destructive actions are armed yet; 0: they are not."""
        if self._armed_until is None:
            return 0.0
        left = (self._armed_until - now).total_seconds()
        return left if 0 < left <= ARMED_FOR_S else 0.0

    def arm(self) -> None:
        """Arm destructive actions, or disarm them."""
        if not self.guard.arm:
            self._app.say("nothing has to be armed here (console.arm is off): commands ask before they act")
            return
        now = self._app.time()
        self._armed_until = None if self.armed_for_s(now) else now + timedelta(seconds=ARMED_FOR_S)
        self._app.say(f"armed for {ARMED_FOR_S:g} seconds" if self._armed_until else "disarmed")

    def may(self, action_id: str) -> bool:
        """Whether the reader may do it now; says why not."""
        reason = self._app.looks_back or self.guard.refusal(action_id, armed=bool(self.armed_for_s(self._app.time())))
        if reason is not None:
            self._app.say(reason, good=False)
        return reason is None

    def ask(
        self, action_id: str, question: Question, command: Callable[[], str], *, undo: Callable[[], str] | None = None
    ) -> None:
        """Ask, and do ``command`` off the event loop if the reader says so; its words become the notice.

        Args:
            action_id: the action, for role and arm key.
            question: what is asked.
            command: does it and says what became of it.
            undo: takes it back; it can be called for by key for a while.
        """
        if self.may(action_id):
            self._app.put(question, lambda yes: self.do(action_id, command, undo=undo) if yes else None)

    def do(self, action_id: str, command: Callable[[], str], *, undo: Callable[[], str] | None = None) -> None:
        """Do ``command`` without a question; its words become the notice."""
        if self.may(action_id):
            self._app.start(lambda: self._perform(command, undo))

    def then(self, work: Callable[[], T], done: Callable[[T], None]) -> None:
        """Do ``work`` off the event loop and hand on what it found; what it raises becomes the notice."""
        self._app.start(lambda: self._then(work, done))

    async def run(self, command: Callable[[], T]) -> T:
        """Do one command off the event loop, after those that wait already; its result, or what it raises."""
        return await self._background.run(command)

    def done(self, words: str, undo: Callable[[], str] | None = None, *, good: bool = True) -> None:
        """Something was done: say so, let it be undone for a while, look at the database."""
        self._undo = None if undo is None else (self._app.time() + timedelta(seconds=UNDO_FOR_S), undo)
        self._app.say(f"{words} · u undoes it" if undo is not None else words, good=good)
        self._app.look()

    def undo(self) -> None:
        """Take the last command back, where that is possible and not too late."""
        until, back = self._undo or (None, None)
        left = 0.0 if until is None else (until - self._app.time()).total_seconds()
        if back is None or not 0 < left <= UNDO_FOR_S:
            self._app.say("there is nothing to undo", good=False)
            return
        self._undo = None
        if self.may("app.undo"):
            self._app.start(lambda: self._perform(back, None))

    def close(self) -> None:
        """Let the thread go."""
        self._background.close()

    async def _perform(self, command: Callable[[], str], undo: Callable[[], str] | None) -> None:
        try:
            words = await self._background.run(command)
        except Exception as error:  # noqa: BLE001 - a refusal or a database out of reach: the reader is told, no more
            self._app.say(told(error), good=False)
            self._app.look()
        else:
            self.done(words, undo)

    async def _then(self, work: Callable[[], T], done: Callable[[T], None]) -> None:
        try:
            found = await self._background.run(work)
        except Exception as error:  # noqa: BLE001 - the same
            self._app.say(told(error), good=False)
        else:
            self._app.dismiss_notice()
            done(found)


def told(error: Exception) -> str:
    """An error on one harmless line."""
    return clean(str(error), limit=_LONGEST) or type(error).__name__
