"""A question before anything is changed. It opens on Cancel and names what it will touch."""

from __future__ import annotations

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        title: ``Stop this job?``
        touches: what will be changed, one line; harmless text.
        effect: what will happen, a sentence or two.
        verb: the button that does it.
    """

    title: str
    touches: str
    effect: str
    verb: str


class ConfirmScreen(ModalScreen[bool]):
    """Answers True only when the reader goes to the other button and presses it."""

    AUTO_FOCUS = "#cancel"
    BINDINGS = [  # noqa: RUF012 - Textual reads it from the class
        Binding("escape", "answer(False)", "Cancel", show=False),
        Binding("left,right,up,down,h,l", "other", "The other button", show=False),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question, what it touches, and two buttons."""
        question = self._question
        with Vertical(id="dialog"):
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
