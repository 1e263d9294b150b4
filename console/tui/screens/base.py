"""What all screens share: the frame around them, and painting from a view."""

from __future__ import annotations

from typing import ClassVar, Protocol, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen

from console.tui.draw.base import Frame
from console.tui.draw.header import Notice, draw_clock, draw_keys, draw_notice, draw_problem, draw_state, draw_tabs
from console.tui.keys import bindings_of, keys_by_id, keys_of
from console.tui.widgets.panel import Panel
from scheduler.domain.job import Job

TABS: tuple[tuple[str, str, str], ...] = (
    ("1", "tonight", "Tonight"),
    ("2", "jobs", "Jobs"),
    ("3", "schedule", "Schedule"),
)
"""Key, mode and name of each screen."""


class Host(Protocol):
    """What screens ask of the app."""

    @property
    def notice(self) -> Notice | None:
        """The last thing worth saying."""
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

    def open_job(self, job_id: str, *, tab: str) -> None:
        """Show everything about a job."""
        ...

    def watch_job(self, job_id: str | None) -> None:
        """Read this job's detail too."""
        ...

    def ask_job(self, action: str, job: Job | None) -> None:
        """Ask whether to do an action to a job, and do it."""
        ...

    def ask_run(self, schedule: str) -> None:
        """Ask whether to run a schedule now, and do it."""
        ...

    def ask_pause(self, schedule: str, *, paused: bool) -> None:
        """Ask whether to pause or resume a schedule, and do it."""
        ...


class ViewScreen(Screen[None]):
    """A screen that is painted from the view.

    Attributes:
        tab: the name in the tabs.
        PLACES: where its keys are found in the table.
        FIRST: ids of keys that its footer begins with.
    """

    tab = ""
    PLACES: ClassVar[tuple[str, ...]] = ()
    FIRST: ClassVar[tuple[str, ...]] = ()
    BINDINGS = bindings_of("everywhere")

    @property
    def host(self) -> Host:
        """The app."""
        return cast("Host", self.app)  # pyright: ignore[reportUnknownMemberType] - Textual leaves its type open

    def compose(self) -> ComposeResult:
        """Header, body, footer."""
        with Horizontal(id="header"):
            yield Panel(self._draw_tabs, id="tabs")
            yield Panel(draw_state, id="state")
            yield Panel(draw_clock, id="clock")
        yield Panel(draw_problem, id="problem", vanish=True)
        yield from self.body()
        yield Panel(self._draw_notice, id="notice", vanish=True)
        yield Panel(self._draw_keys, id="keys")

    def body(self) -> ComposeResult:
        """The screen's own panels."""
        return ()

    _built = False

    def on_mount(self) -> None:
        """Paint as soon as there is a place to paint."""
        self._built = True
        self.catch_up()

    def on_unmount(self) -> None:
        """There is no place any more."""
        self._built = False

    def on_screen_resume(self) -> None:
        """A screen out of sight is not painted: catch up."""
        self.catch_up()

    def on_resize(self, _event: events.Resize) -> None:
        """Another size shows other things: do not wait for the next tick."""
        self.call_after_refresh(self.catch_up)

    def catch_up(self) -> None:
        """Paint what is known now; nothing while the screen is being put together or taken apart."""
        if self._built:
            self.paint(self.host.frame())

    def paint(self, frame: Frame) -> None:
        """Draw everything for this frame."""
        for panel in self.query(Panel):
            panel.paint(frame)

    def action_back(self) -> None:
        """On a screen there is nothing to close but the notice."""
        self.host.dismiss_notice()

    def _draw_tabs(self, frame: Frame) -> list[Content]:
        return draw_tabs(frame, [(key, name) for key, _, name in TABS], self.tab)

    def _draw_notice(self, frame: Frame) -> list[Content]:
        return draw_notice(frame, self.host.notice)

    def _draw_keys(self, frame: Frame) -> list[Content]:
        keys = [key for key in keys_of(*self.PLACES, "everywhere") if key.footer]
        return draw_keys(frame, [*keys_by_id(*self.FIRST), *keys])
