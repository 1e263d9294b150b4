"""A dialog that asks for one line of text."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Input, Static

from console.text import clean
from console.tui.screens.base import Dialog


class PromptScreen(Dialog[str]):
    """Answers what was typed, None when the reader closed it.

    Args:
        title: what is asked.
        hint: what may be typed, in a sentence.
        text: what stands there at first.
        check: why a text will not do, with what would; None: it does.
    """

    AUTO_FOCUS = "#typed"
    BINDINGS = [Binding("escape", "close", "Close", show=False)]  # noqa: RUF012 - Textual reads it from the class

    def __init__(
        self, title: str, hint: str, *, text: str = "", check: Callable[[str], str | None] | None = None
    ) -> None:
        super().__init__()
        self._title, self._hint, self._text = title, hint, text
        self._check = check

    def box(self) -> ComposeResult:
        """The question, the line, what may be typed."""
        yield Static(self._title, id="question", markup=False)
        typed = Input(self._text, id="typed", compact=True, select_on_focus=False)
        typed.cursor_blink = False
        yield typed
        yield Static(self._hint, id="effect", markup=False)

    def on_input_changed(self) -> None:
        """What was wrong may be right now."""
        self.query_one("#effect", Static).update(self._hint)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The answer, when it will do."""
        problem = self._check(event.value) if self._check is not None else None
        if problem is None:
            self.dismiss(event.value)
        else:
            self.query_one("#effect", Static).update(clean(problem, limit=300))

    def action_close(self) -> None:
        """No answer."""
        self.dismiss(None)
