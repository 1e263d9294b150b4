"""The list of jobs: a window on any number of rows, read page by page as one moves."""

from __future__ import annotations

from dataclasses import replace

from textual import events
from textual.content import Content
from textual.message import Message

from console.text import clean
from console.tui.draw.base import BAD, MUTED, Frame, cut, line
from console.tui.draw.jobs import counts_seconds, draw_job
from console.tui.joblist.pages import Load, Loaded, Query, read
from console.tui.joblist.window import JobWindow
from console.tui.keys import bindings_of
from console.tui.reader import Reader
from console.tui.widgets.cadence import Cadence
from console.tui.widgets.lines import LineView
from scheduler.domain.filter import Count
from scheduler.domain.job import Job
from scheduler.ports.operations import InvalidError

EXACTLY = 1_000_000_000
"""Counting stops nowhere."""
_SHARE = 10
"""A list is read again for a write only after ten times the time that reading it took: others want the database too."""
_EXACT_SHARE = 20
_EXACT_EVERY_S = 5.0
_WHEEL = 3


class JobTable(LineView):
    """Jobs by pages, with a cursor that stays on its job, and marks that stay whatever is shown.

    Args:
        reader: the app.
    """

    BINDINGS = bindings_of("list", "open", "marks")
    can_focus = True

    class Opened(Message):
        """The reader wants to see a job.

        Attributes:
            job: which.
        """

        def __init__(self, job: Job) -> None:
            super().__init__()
            self.job = job

    class Changed(Message):
        """Cursor, marks, rows or counts have changed."""

    class Failed(Message):
        """The filter was refused.

        Attributes:
            problem: why.
        """

        def __init__(self, problem: str) -> None:
            super().__init__()
            self.problem = problem

    def __init__(self, reader: Reader, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.window = JobWindow()
        self.marks: dict[str, Job] = {}
        self.every = False
        self._reader = reader
        self._frame: Frame | None = None
        self._cadence = Cadence()
        self._version: object = None
        self._busy = False
        self._next: Load | None = None
        self._not_before = 0.0
        self._exact: tuple[str, int] | None = None
        self._exact_not_before = 0.0
        self._counting = False
        self._problem: str | None = None

    # What is shown

    @property
    def listed(self) -> Query:
        """What is listed."""
        return self.window.query

    @property
    def selected(self) -> Job | None:
        """The job under the cursor."""
        return self.window.selected

    @property
    def count(self) -> Count:
        """How many jobs the list has: exactly, where that is known."""
        if self._exact is not None and self._exact[0] == self.listed.filter and self.window.total.capped:
            return Count(max(self._exact[1], self.window.number))
        return self.window.total

    def list(self, query: Query) -> None:
        """List something else, from its top."""
        if query == self.listed:
            return
        height, self.window = self.window.height, JobWindow(query)
        self.window.resize(height)
        self.every = False
        self._exact = None
        self._exact_not_before = 0.0
        self._request(self.window.first())

    def paint(self, frame: Frame) -> None:
        """Draw for this frame; read again when something was written."""
        self._frame = frame
        version = (frame.view.version, frame.view.snapshot.taken_at if frame.view.snapshot else None)
        if version != self._version and self._reader.monotonic() >= self._not_before:
            self._version = version
            self._request(self.window.again())
        if self._cadence.due(only_time=frame.only_time):
            sight = [self.window.row(place) for place in range(self.window.top, self.window.top + self.window.height)]
            seconds = any(job is not None and counts_seconds(frame, job) for job in sight)
            self._cadence.drawn(only_time=frame.only_time, moved=self._redraw(), seconds=seconds)

    def again(self) -> None:
        """Read what is in sight again."""
        self._request(self.window.again())

    def _redraw(self) -> bool:
        """Draw what is known; whether anything looks different."""
        if self._frame is None or self.size.height <= 0:
            return False
        frame = replace(self._frame, width=self.size.width or self._frame.columns)
        if not self.window.rows:
            return self.show(1, lambda _n: self._empty(frame))
        top, rows = self.window.top, self.window.rows
        thumb = self._thumb(frame)
        return self.show(min(self.window.height, len(rows)), lambda n: self._row(frame, top + n, n, thumb))

    def _empty(self, frame: Frame) -> Content:
        if self._problem is not None:
            return cut(line((self._problem, BAD)), frame.width, frame.signs)
        if not self.window.loaded:
            return line(("reading the jobs" + frame.signs.ellipsis, MUTED))
        return line(("no job matches; esc clears the filter" if self.listed.filter else "no job yet", MUTED))

    def _row(self, frame: Frame, place: int, n: int, thumb: tuple[int, int] | None) -> Content:
        job = self.window.row(place)
        if job is None:
            return Content("")
        selected = place == self.window.cursor
        inner = replace(frame, width=frame.width - 1)
        row = draw_job(inner, job, selected=selected, marked=self.every or job.id in self.marks)
        row = row.pad_right(max(inner.width - row.cell_length, 0))
        if selected:
            row = row.stylize("on $row-focus" if self.has_focus else "on $row-cursor")
        if thumb is None:
            return row
        return line(row, (frame.signs.thumb if thumb[0] <= n < thumb[1] else " ", MUTED))

    def _thumb(self, frame: Frame) -> tuple[int, int] | None:
        """Lines on which the place in the whole list is marked; None: all of it is in sight."""
        height, number = self.window.height, max(self.count.number, self.window.number)
        if number <= height or frame.width < 2:  # noqa: PLR2004 - no room
            return None
        size = max(height * height // number, 1)
        first = round(self.window.top / max(number - height, 1) * (height - size))
        first = min(max(first, 0), height - size)
        return first, first + size

    # Reading

    def _request(self, load: Load) -> None:
        """Read this; while something is read, only the last request is kept."""
        if self._busy:
            self._next = load
            return
        self._busy = True
        self.run_worker(self._read(load), exit_on_error=True)

    async def _read(self, load: Load | None) -> None:
        try:
            while load is not None:
                self._next = None
                await self._read_one(load)
                load = self._next or self.window.wanted()
                if load is not None and load == self._last and self._next is None:
                    break  # reading the same again would tell the same
                self._last = load
        finally:
            self._busy = False
        if self._next is not None:
            self._request(self._next)

    _last: Load | None = None

    async def _read_one(self, load: Load) -> None:
        operations, begun = self._reader.reading, self._reader.monotonic()
        try:
            loaded: Loaded = await self._reader.fetch(lambda: read(operations, load))
        except InvalidError as error:
            if load.query == self.listed:
                self.post_message(self.Failed(clean(str(error), limit=300)))
            return
        except Exception as error:  # noqa: BLE001 - the database is in trouble: the header says so, the rows stay
            self._problem = clean(str(error), limit=300) or type(error).__name__
            self._redraw()
            return
        now = self._reader.monotonic()
        self._not_before = now + _SHARE * (now - begun)
        self._problem = None
        if not self.window.take(loaded):
            self._next = self._next or self.window.again()
            return
        self._redraw()
        self.post_message(self.Changed())
        if loaded.total.capped and not self._counting and now >= self._exact_not_before:
            self._counting = True
            self.run_worker(self._count_exactly(load.query.filter), exit_on_error=True)

    async def _count_exactly(self, text: str) -> None:
        operations, begun = self._reader.reading, self._reader.monotonic()
        try:
            count: Count = await self._reader.fetch_slowly(lambda: operations.count_jobs(filter=text, cap=EXACTLY))
        except Exception:  # noqa: BLE001 - the capped count stays, and the header tells of the trouble
            return
        finally:
            self._counting = False
            now = self._reader.monotonic()
            self._exact_not_before = now + max(_EXACT_EVERY_S, _EXACT_SHARE * (now - begun))
        if text == self.listed.filter:
            self._exact = (text, count.number)
            self.post_message(self.Changed())

    # Keys and mouse

    def on_resize(self, _event: events.Resize) -> None:
        """Another size needs other lines, and maybe more of them."""
        self.forget()
        self.window.resize(self.size.height)
        self._redraw()
        self._after_move()

    def on_focus(self) -> None:
        """The cursor's colour tells where keys go."""
        self._redraw()

    def on_blur(self) -> None:
        """The same."""
        self._redraw()

    def _after_move(self) -> None:
        self._redraw()
        self.post_message(self.Changed())
        if (load := self.window.wanted()) is not None:
            self._request(load)

    def action_cursor(self, step: int) -> None:
        """Move by rows."""
        self.window.move(step)
        self._after_move()

    def action_page(self, step: int) -> None:
        """Move by pages."""
        self.window.move(step * max(self.window.height - 1, 1))
        self._after_move()

    def action_edge(self, step: int) -> None:
        """Move to the first or last row of the list."""
        window = self.window
        reached = window.at_top if step < 0 else window.at_end
        if reached or (step > 0 and self.listed.sort.value == "priority"):
            window.move_to(window.start if step < 0 else window.end - 1)
            self._after_move()
        else:
            self._request(window.first() if step < 0 else window.last())

    def action_open(self) -> None:
        """Open the job under the cursor."""
        if self.selected is not None:
            self.post_message(self.Opened(self.selected))

    def action_mark(self) -> None:
        """Mark the job under the cursor, or take its mark away, and go to the next."""
        job = self.selected
        if job is None:
            return
        if self.every:
            self.every = False
            self.marks.clear()
        elif self.marks.pop(job.id, None) is None:
            self.marks[job.id] = job
        self.action_cursor(1)

    def action_mark_all(self) -> None:
        """Mark all that match, also those out of sight; again: none."""
        self.every = not self.every
        self.marks.clear()
        self._after_move()

    def unmark(self) -> bool:
        """Take all marks away; whether there were any."""
        had = self.every or bool(self.marks)
        self.every = False
        self.marks.clear()
        self._after_move()
        return had

    def on_click(self, event: events.Click) -> None:
        """A click selects; a second one opens."""
        place = self.window.top + event.y
        if self.window.row(place) is None:
            return
        if place == self.window.cursor and event.chain > 1:
            self.action_open()
        else:
            self.window.move_to(place)
            self._after_move()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves what is in sight."""
        self._wheel(event, _WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves what is in sight."""
        self._wheel(event, -_WHEEL)

    def _wheel(self, event: events.MouseEvent, step: int) -> None:
        event.stop()
        event.prevent_default()
        self.window.scroll(step)
        self._after_move()
