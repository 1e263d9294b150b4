"""Where a filter is typed: mistakes are shown in place, what may follow is offered, tab takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input

from console import format as fmt
from console.tui.draw.base import BAD, MUTED, STRONG, Frame, cut, line
from console.tui.widgets.panel import Panel
from scheduler.domain.filter import Field
from scheduler.filters import FilterError, complete, parse

_WAIT_S = 0.08
"""Seconds after the last key until the list follows: nobody wants the list of half a word."""
_OFFERED = 8


@dataclass(frozen=True, slots=True)
class Hint:
    """What is said under a filter.

    Attributes:
        problem: what is wrong, None when it can be read.
        place: where, from 0.
        offered: what may follow.
    """

    problem: str | None
    place: int
    offered: tuple[str, ...]


def hint(
    text: str, cursor: int, *, now: datetime, timezone: str, known: Mapping[Field, Sequence[str]] | None = None
) -> Hint:
    """What to say of a filter while it is typed. Pure."""
    offered = tuple(one.text for one in complete(text, cursor, known)) if text.strip() else ()
    try:
        parse(text, now=now, zone=fmt.zone(timezone))
    except FilterError as error:
        return Hint(error.message, max(error.position - 1, 0), offered)
    return Hint(None, 0, offered)


def completed(text: str, cursor: int, known: Mapping[Field, Sequence[str]] | None = None) -> tuple[str, int]:
    """The text and the cursor after tab: the one thing that may follow, or what all that may have in common. Pure."""
    candidates = complete(text, cursor, known)
    if not candidates:
        return text, cursor
    first = candidates[0]
    word = first.text if len(candidates) == 1 else _shared([one.text for one in candidates])
    if len(word) <= cursor - first.start:  # nothing new in common: take the first
        word = first.text
    if not word.endswith(":") and word in {one.text for one in candidates}:
        word += " " if first.end == len(text) else ""
    return text[: first.start] + word + text[first.end :], first.start + len(word)


def _shared(words: Sequence[str]) -> str:
    """What all of them begin with."""
    return "".join(column[0] for column in takewhile(lambda column: len(set(column)) == 1, zip(*words, strict=False)))


class FilterInput(Input):
    """The line itself."""

    BINDINGS: ClassVar = [Binding("tab", "complete", "Complete", show=False)]

    def __init__(self, may_leave: Callable[[], bool], *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, compact=True, select_on_focus=False, placeholder="status:failed type:daily*")
        self.cursor_blink = False
        self.closing = False
        self._may_leave = may_leave

    closing: bool
    """Enter or escape was pressed: keys that were typed quickly after it are meant for what comes into focus next."""

    class Complete(Message):
        """Tab was pressed."""

    def action_complete(self) -> None:
        """Take what may follow."""
        self.post_message(self.Complete())

    async def _on_key(self, event: events.Key) -> None:
        if self.closing:
            event.stop()
            event.prevent_default()
            self.app.post_message(events.Key(event.key, event.character))  # pyright: ignore[reportUnknownMemberType] - Textual leaves the app's type open
            return
        self.closing = event.key == "escape" or (event.key == "enter" and self._may_leave())
        await super()._on_key(event)


class FilterBar(Vertical):
    """The line and what is said under it. Closed, it takes no room."""

    class Typed(Message):
        """Another filter that can be read.

        Attributes:
            text: the filter.
        """

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Closed(Message):
        """The reader is done; ``kept`` False: everything as it was before."""

        def __init__(self, *, kept: bool, text: str) -> None:
            super().__init__()
            self.kept = kept
            self.text = text

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._frame: Frame | None = None
        self._before = ""
        self._timer: Timer | None = None
        self._refused: str | None = None
        self.display = False

    def compose(self) -> ComposeResult:
        """The line and the hint."""
        yield FilterInput(self._readable, id="filter-text")
        yield Panel(self._draw_hint, id="filter-hint")

    @property
    def input(self) -> FilterInput:
        """The line."""
        return self.query_one(FilterInput)

    def open(self, text: str) -> None:
        """Let the reader type, beginning with ``text``."""
        self._before = text
        self.display = True
        self.input.closing = False
        self.input.value = text
        self.input.cursor_position = len(text)
        self.screen.set_focus(self.input)  # now, and not a message later: the next key is meant for it

    def close(self) -> None:
        """Take no room."""
        self._stop()
        self.display = False

    def refuse(self, problem: str) -> None:
        """The filter was refused although it looked right."""
        self._refused = problem
        self._repaint()

    def paint(self, frame: Frame) -> None:
        """Draw for this frame."""
        self._frame = frame
        if self.display:
            self.query_one(Panel).paint(frame)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Follow a moment after the last key."""
        event.stop()
        self._refused = None
        self._repaint()
        self._stop()
        if self.display:
            self._timer = self.set_timer(_WAIT_S, self._follow)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter keeps it, where it can be read."""
        event.stop()
        if self._readable():
            self._stop()
            self.post_message(self.Closed(kept=True, text=self.input.value.strip()))

    def on_filter_input_complete(self, event: FilterInput.Complete) -> None:
        """Tab."""
        event.stop()
        text, at = completed(self.input.value, self.input.cursor_position, self._known())
        self.input.value = text
        self.input.cursor_position = at

    def on_key(self, event: events.Key) -> None:
        """Escape puts back what was there before."""
        if event.key == "escape":
            event.stop()
            event.prevent_default()
            self._stop()
            self.post_message(self.Closed(kept=False, text=self._before))

    def _follow(self) -> None:
        said = self._hint()
        in_a_word = bool(self.input.value) and not self.input.value[-1].isspace()
        half_a_field = in_a_word and bool(said.offered) and all(one.endswith(":") for one in said.offered)
        if said.problem is None and not half_a_field:
            self.post_message(self.Typed(self.input.value.strip()))

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _repaint(self) -> None:
        if self._frame is not None:
            self.paint(self._frame)

    def _known(self) -> Mapping[Field, Sequence[str]]:
        snapshot = self._frame.view.snapshot if self._frame else None
        if snapshot is None:
            return {}
        return {
            Field.TYPE: sorted(
                {part.job_type for part in snapshot.depth.parts} | {job.job_type for job in snapshot.jobs}
            ),
            Field.SCHEDULE: [state.definition.name for state in snapshot.schedules],
        }

    def _hint(self) -> Hint:
        text = self.input.value
        if self._frame is None:
            return Hint(None, 0, ())
        frame = self._frame
        return hint(text, self.input.cursor_position, now=frame.now, timezone=frame.view.timezone, known=self._known())

    def _readable(self) -> bool:
        return self._hint().problem is None

    def _draw_hint(self, frame: Frame) -> list[Content]:
        said = self._hint()
        if self._refused is not None:
            return [cut(line((f"{frame.signs.bad} {self._refused}", BAD)), frame.width, frame.signs)]
        if said.problem is not None and not said.offered:
            caret = " " * min(said.place, max(frame.width - 30, 0))
            return [cut(line((f"{caret}^ {said.problem}", BAD)), frame.width, frame.signs)]
        parts: list[tuple[str, str]] = [("tab ", "bold $key")] if said.offered else []
        parts += [(f"{one}  ", STRONG if n == 0 else MUTED) for n, one in enumerate(said.offered[:_OFFERED])]
        if said.problem is not None:
            parts.append((f"^{said.place + 1} {said.problem}", BAD))
        elif not parts:
            parts.append(
                ("enter keeps it, esc puts it back; status: type: priority: stage: error: after: -tag: words", MUTED)
            )
        return [cut(line(*parts), frame.width, frame.signs)]
