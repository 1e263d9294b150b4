"""A question before anything is changed. It opens on Cancel and names what it will touch."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widgets import Button, Static

from console.tui.questions import Question
from console.tui.screens.base import Dialog


class ConfirmScreen(Dialog[bool]):
    """Answers True only when the reader goes to the other button and presses it."""

    AUTO_FOCUS = "#cancel"
    BINDINGS = [  # noqa: RUF012 - Textual reads it from the class
        Binding("escape", "answer(False)", "Cancel", show=False),
        Binding("left,right,up,down,h,l", "other", "The other button", show=False),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question

    def box(self) -> ComposeResult:
        """The question, what it touches, and two buttons."""
        question = self._question
        yield Static(question.title, id="question", markup=False)
        yield Static(question.touches, id="touches", markup=False)
        yield Static(question.effect, id="effect", markup=False)
        with Horizontal(id="buttons"):
            yield Button("Cancel", id="cancel", compact=True)
            yield Button(question.verb, id="confirm", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The answer."""
        self.dismiss(event.button.id == "confirm")

    def action_answer(self, answer: bool) -> None:  # noqa: FBT001 - Textual calls it so
        """Escape."""
        self.dismiss(answer)

    def action_other(self) -> None:
        """To the other button."""
        self.focus_next()
