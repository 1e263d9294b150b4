"""What all screens share: the frame around them, and painting from a view.

A screen of its own: a file here with a ``ViewScreen`` that yields panels in ``body``, says in ``wants`` what it needs
read beside the snapshot, and a line in ``console.tui.registry``. Its keys stand in ``console.tui.actions``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar, Protocol, TypeVar, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen, Screen

from console.tui.commands import Commands
from console.tui.draw.base import Frame
from console.tui.draw.header import draw_clock, draw_header, draw_keys, draw_notice, draw_problem
from console.tui.draw.past import draw_past
from console.tui.keys import bindings_of, footer_actions
from console.tui.notices import Notice
from console.tui.reader import Reader
from console.tui.registry import SCREENS
from console.tui.savedviews import SavedViews
from console.tui.view import Want
from console.tui.widgets.panel import Panel
from scheduler.ports.operations import Operations

T = TypeVar("T")
R = TypeVar("R")
A = TypeVar("A")


class Host(Reader, Protocol):
    """What screens ask of the app."""

    @property
    def views(self) -> SavedViews:
        """Kept filters."""
        ...

    @property
    def notice(self) -> Notice | None:
        """The last thing worth saying."""
        ...

    @property
    def commands(self) -> Commands:
        """Where commands go: they are checked, asked for, done off the event loop, and told."""
        ...

    @property
    def operations(self) -> Operations:
        """What commands act on."""
        ...

    def frame(self) -> Frame:
        """The newest view, for now."""
        ...

    def say(self, text: str, *, good: bool = True) -> None:
        """Put a notice at the foot of the screen."""
        ...

    def dismiss_notice(self) -> None:
        """Put the notice away."""
        ...

    def copy(self, text: str, what: str) -> None:
        """Copy a text to the clipboard of the reader's machine."""
        ...

    def show(self, screen: Screen[Any]) -> None:
        """Put a screen or a dialog over this one."""
        ...

    def holds_frames(self) -> bool:
        """Whether the terminal is so far behind that nothing should be sent now."""
        ...

    def action_screen(self, mode: str) -> None:
        """Go to a screen."""
        ...

    def rewant(self) -> None:
        """Ask the screen in sight again what it wants read."""
        ...


class Paintable(Screen[R]):
    """A screen that is painted from the view: a whole one or a dialog. The header goes on in both.

    Attributes:
        tab: the name in the tabs.
        SCOPES: the scopes of ``console.tui.actions`` whose keys work here, beside ``everywhere``.
        FIRST: ids of actions that its footer begins with.
        PLATE: whether the verdict stands in its header.
    """

    tab = ""
    SCOPES: ClassVar[tuple[str, ...]] = ()
    FIRST: ClassVar[tuple[str, ...]] = ()
    PLATE = True
    _built = False

    @property
    def host(self) -> Host:
        """The app."""
        return cast("Host", self.app)  # pyright: ignore[reportUnknownMemberType] - Textual leaves its type open

    def scopes(self) -> tuple[str, ...]:
        """The scopes whose keys work here, beside ``everywhere``."""
        return self.SCOPES

    def wants(self) -> tuple[Want[Any], ...]:
        """What is to be read beside the snapshot while this is in sight."""
        return ()

    def header(self) -> ComposeResult:
        """Tabs, verdict, state; the clock; what is wrong with the data."""
        with Horizontal(id="header"):
            yield Panel(self._draw_header, id="tabs")
            yield Panel(draw_clock, id="clock")
        yield Panel(draw_problem, id="problem", vanish=True)
        yield Panel(draw_past, id="past", vanish=True)

    def on_mount(self) -> None:
        """Paint as soon as there is a place to paint."""
        self._built = True
        self.catch_up()

    def on_unmount(self) -> None:
        """There is no place any more."""
        self._built = False

    def on_screen_resume(self) -> None:
        """A screen out of sight is neither read for nor painted: catch up."""
        self.host.rewant()
        self.catch_up()

    def on_resize(self, _event: events.Resize) -> None:
        """Another size shows other things: do not wait for the next tick."""
        self.call_after_refresh(self.catch_up)

    def _on_timer_update(self) -> None:
        """Let changes gather while the terminal is behind; Textual asks again a frame later."""
        if not self.host.holds_frames():
            super()._on_timer_update()

    def catch_up(self) -> None:
        """Paint what is known now; nothing while the screen is being put together or taken apart."""
        if self._built:
            self.paint(self.host.frame())

    def paint(self, frame: Frame) -> None:
        """Draw everything for this frame."""
        for panel in self.query(Panel):
            panel.paint(frame)

    def ask_for(self, dialog: Screen[A], answered: Callable[[A | None], None]) -> None:
        """Put a dialog over this screen; ``answered`` gets what it answers, None: it was closed."""
        self.app.push_screen(dialog, answered)  # pyright: ignore[reportUnknownMemberType] - Textual leaves its type open

    def _draw_header(self, frame: Frame) -> list[Content]:
        return draw_header(frame, [(one.key, one.name) for one in SCREENS], self.tab, verdict=self.PLATE)


class ViewScreen(Paintable[None]):
    """A whole screen: header, body, notice, keys."""

    BINDINGS = bindings_of("everywhere")

    def compose(self) -> ComposeResult:
        """Header, body, footer."""
        yield from self.header()
        yield from self.body()
        yield Panel(self._draw_notice, id="notice", vanish=True)
        yield Panel(self._draw_keys, id="keys")

    def body(self) -> ComposeResult:
        """The screen's own panels."""
        return ()

    def action_back(self) -> None:
        """On a screen there is nothing to close but the notice."""
        self.host.dismiss_notice()

    def _draw_notice(self, frame: Frame) -> list[Content]:
        return draw_notice(frame, self.host.notice)

    def _draw_keys(self, frame: Frame) -> list[Content]:
        return draw_keys(frame, footer_actions(self.scopes(), self.FIRST))


class Dialog(Paintable[R], ModalScreen[R]):
    """Something over a screen; the header with verdict, clock and age of the data goes on above it.

    Attributes:
        BOX: id of the box that ``box`` fills.
    """

    BOX = "dialog"

    def compose(self) -> ComposeResult:
        """The header, and the box in the middle of the rest."""
        with Vertical(id="over"):
            yield from self.header()
        with Vertical(id=self.BOX):
            yield from self.box()

    def box(self) -> ComposeResult:
        """What stands in the box."""
        return ()


class Once:
    """Tells whether something has to be drawn anew: remembers what it was drawn from."""

    def __init__(self) -> None:
        self._last: Hashable | object = self

    def __call__(self, *now: object) -> bool:
        """Whether any of these is another object or value than the last time."""
        changed = now != self._last
        self._last = now
        return changed


Draw = Callable[[Frame], Sequence[Content]]
