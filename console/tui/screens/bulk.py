"""One command on many jobs: who can be and who not, what it means, the doing with its progress, what became of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Input, Static

from console import format as fmt
from console.text import clean
from console.tui.commands import Commands, told
from console.tui.draw.base import BAD, MUTED, OK, Frame, cut, line, progress_bar
from console.tui.jobactions import JOB_ACTIONS
from console.tui.screens.base import Dialog
from console.tui.widgets.panel import Panel
from console.tui.widgets.text import TextView
from scheduler.domain.job import Job
from scheduler.ports.operations import Operations

TYPED_ABOVE = 20
"""More jobs than this are touched only when their number is typed."""
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """What is about to be done, to a set of jobs that does not change any more.

    Attributes:
        action: a name of ``JOB_ACTIONS``.
        eligible: the jobs it will be done to.
        refused: the others, each with the reason.
        effect: what it means for tonight, or None.
    """

    action: str
    eligible: tuple[Job, ...]
    refused: tuple[tuple[Job, str], ...]
    effect: str | None


class BulkScreen(Dialog[None]):
    """Asks, does, tells of each. Escape stops between two jobs.

    Args:
        plan: what and to whom.
        operations: what it acts on.
        commands: where commands are done.
    """

    AUTO_FOCUS = "#cancel"
    BINDINGS = [  # noqa: RUF012 - Textual reads it from the class
        Binding("escape", "leave", "Leave", show=False),
        Binding("left,right,h,l", "other", "The other button", show=False),
    ]

    def __init__(self, plan: Plan, operations: Operations, commands: Commands) -> None:
        super().__init__()
        self._plan = plan
        self._operations = operations
        self._commands = commands
        self._told: list[tuple[Job, str, bool]] = []
        self._undos: list[Callable[[], str]] = []
        self._state = "asked"

    def box(self) -> ComposeResult:
        """The question, who is meant, and two buttons."""
        plan, action = self._plan, JOB_ACTIONS[self._plan.action]
        number = len(plan.eligible)
        yield Static(f"{action.title} {fmt.count(number, 'job')}?", id="question", markup=False)
        yield Static(_who(plan), id="touches", markup=False)
        yield Static(_means(plan), id="effect", markup=False)
        if number > TYPED_ABOVE:
            typed = Input(id="typed", compact=True, placeholder=f"type {number} to go on", select_on_focus=False)
            typed.cursor_blink = False
            yield typed
        yield Panel(self._draw_progress, id="progress")
        yield TextView(id="outcomes")
        with Horizontal(id="buttons"):
            yield Button("Cancel", id="cancel", compact=True)
            yield Button(f"{action.title} {number:,}", id="confirm", compact=True, disabled=number > TYPED_ABOVE)

    def on_mount(self) -> None:
        """The outcomes come later."""
        self.query_one(TextView).display = False
        super().on_mount()

    def on_input_changed(self, event: Input.Changed) -> None:
        """The right number opens the button."""
        self.query_one("#confirm", Button).disabled = event.value.strip() != str(len(self._plan.eligible))

    def on_input_submitted(self) -> None:
        """To the button, when it is open."""
        confirm = self.query_one("#confirm", Button)
        if not confirm.disabled:
            confirm.focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do it, or leave."""
        if event.button.id == "cancel" or self._state != "asked":
            self.action_leave()
            return
        if not self._commands.may(f"job.{self._plan.action}"):
            self.dismiss(None)
            return
        self._state = "running"
        for widget in self.query("#typed, #effect"):
            widget.display = False
        self.query_one("#confirm", Button).display = False
        button = self.query_one("#cancel", Button)
        button.label = "Stop"
        button.focus()
        self.run_worker(self._do(), exit_on_error=True)

    async def _do(self) -> None:
        action, actor = JOB_ACTIONS[self._plan.action], self._commands.actor
        for job in self._plan.eligible:
            if self._state != "running":
                break
            try:
                words = await self._commands.run(lambda job=job: action.call(self._operations, job, actor))
            except Exception as error:  # noqa: BLE001 - one that is refused does not stop the others; it is told
                self._told.append((job, told(error), False))
            else:
                self._told.append((job, words, True))
                back = action.undo(job)
                if back is not None:
                    self._undos.append(lambda back=back: back(self._operations, actor))
            if len(self._told) % 5 == 0:
                self.catch_up()
        self._finish()

    def _finish(self) -> None:
        good = sum(ok for _, _, ok in self._told)
        bad = len(self._told) - good
        left = len(self._plan.eligible) - len(self._told)
        parts = [f"{good} of {len(self._plan.eligible)} done"]
        parts += [f"{bad} refused"] if bad else []
        parts += [f"stopped before {left}"] if left else []
        undos = tuple(self._undos)
        self._commands.done(", ".join(parts), (lambda: _undo_all(undos)) if undos else None, good=not bad and not left)
        self._state = "done"
        if not self.is_mounted:
            return
        button = self.query_one("#cancel", Button)
        button.label = "Close"
        button.focus()
        outcomes = self.query_one(TextView)
        outcomes.display = True
        outcomes.show_lines([_outcome(self.host.frame(), words, ok) for _, words, ok in self._told])
        self.catch_up()

    def action_leave(self) -> None:
        """Stop after the job that is being done, or close."""
        if self._state == "running":
            self._state = "stopping"
        else:
            self.dismiss(None)

    def leave(self) -> None:
        """A click beside the box, as escape."""
        self.action_leave()

    def action_other(self) -> None:
        """To the other button."""
        self.focus_next("Button")

    def _draw_progress(self, frame: Frame) -> list[Content]:
        if self._state == "asked":
            return []
        number = len(self._plan.eligible)
        bad = sum(not ok for _, _, ok in self._told)
        parts: list[tuple[str, str] | Content] = [progress_bar(len(self._told) / number, 24, frame.signs)]
        parts.append((f"  {len(self._told)} of {number}  {self._state}", MUTED))
        parts.append((f"  {bad} refused" if bad else "", BAD))
        return [cut(line(*parts), frame.width, frame.signs)]


def _who(plan: Plan) -> str:
    """Who is touched: the first by name, then how many can be and how many not."""
    names = ", ".join(
        f"{fmt.short_id(clean(job.id))} {clean(job.job_type, limit=20)}" for job in plan.eligible[:_NAMED]
    )
    more = f" and {len(plan.eligible) - _NAMED:,} more" if len(plan.eligible) > _NAMED else ""
    text = f"{names}{more}"
    if plan.refused:
        states = sorted({job.status.value for job, _ in plan.refused})
        text += (
            f"\n{len(plan.eligible):,} can be, {len(plan.refused):,} cannot ({', '.join(states)}): those are left alone"
        )
    return text


def _means(plan: Plan) -> str:
    """What it does to each, and what it means for tonight."""
    effects = list(dict.fromkeys(JOB_ACTIONS[plan.action].effect(job) for job in plan.eligible[:1000]))
    return "\n".join([*effects[:3], *([plan.effect] if plan.effect else [])])


def _outcome(frame: Frame, words: str, good: bool) -> Content:  # noqa: FBT001 - a column of a table
    signs = frame.signs
    return line((f"{signs.good if good else signs.bad} ", OK if good else BAD), clean(words, limit=200))


def _undo_all(undos: tuple[Callable[[], str], ...]) -> str:
    """Take back one after another; what is refused is counted."""
    bad = 0
    for undo in undos:
        try:
            undo()
        except Exception:  # noqa: BLE001 - the others are taken back all the same; the number is told
            bad += 1
    return f"{len(undos) - bad} of {len(undos)} taken back"
