"""Jobs: the list at full size, over any number of rows, with a filter, an order, views and marks."""

from __future__ import annotations

from dataclasses import replace

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input

from console.tui.asking import Chosen, ask_jobs
from console.tui.draw.base import MUTED, STRONG, WARN, Frame, cut, foreign, line
from console.tui.draw.depth import draw_depth
from console.tui.draw.jobs import draw_job_header
from console.tui.joblist.pages import Query
from console.tui.keys import bindings_of
from console.tui.screens.base import ViewScreen
from console.tui.screens.detail import DetailScreen
from console.tui.screens.views import ViewsScreen
from console.tui.widgets.filterbar import FilterBar
from console.tui.widgets.jobtable import JobTable
from console.tui.widgets.panel import Panel
from scheduler.domain.filter import JobSort


class JobsScreen(ViewScreen):
    """The list at full size."""

    tab = "Jobs"
    SCOPES = ("list", "job", "marks", "jobs")
    BINDINGS = bindings_of("job", "jobs")
    AUTO_FOCUS = "#job-table"

    def body(self) -> ComposeResult:
        """The depth, what is listed, the columns' names, the list."""
        yield Panel(lambda frame: draw_depth(frame, None), id="depth")
        yield Panel(self._draw_listed, id="listed")
        yield FilterBar(id="filter")
        yield Panel(_draw_columns, id="columns")
        yield JobTable(self.host, id="job-table")

    @property
    def table(self) -> JobTable:
        """The list."""
        return self.query_one(JobTable)

    @property
    def bar(self) -> FilterBar:
        """The filter."""
        return self.query_one(FilterBar)

    def paint(self, frame: Frame) -> None:
        """The panels, the filter, the list."""
        super().paint(frame)
        self.bar.paint(frame)
        self.table.paint(frame)

    def _draw_listed(self, frame: Frame) -> list[Content]:
        table = self.table
        number = table.count
        parts: list[tuple[str, str]] = []
        if table.listed.filter:
            parts += [("filter ", MUTED), (foreign(table.listed.filter, frame.signs), f"bold {WARN}"), ("  ", "")]
        parts += [(f"{number}", STRONG), (" jobs" if number.number != 1 else " job", MUTED)]
        if table.window.rows:
            parts += [(f"  row {table.window.cursor + 1:,}", MUTED)]
        parts.append((f"  {_ORDERS[table.listed.sort]}", MUTED))
        if table.every:
            parts.append((f"  all {number} marked", f"bold {WARN}"))
        elif table.marks:
            parts.append((f"  {len(table.marks)} marked", f"bold {WARN}"))
        return [cut(line(*parts), frame.width, frame.signs)]

    def _repaint_listed(self) -> None:
        self.query_one("#listed", Panel).paint(self.host.frame())

    def on_job_table_changed(self) -> None:
        """Cursor, marks or counts."""
        self._repaint_listed()

    def on_job_table_failed(self, event: JobTable.Failed) -> None:
        """The filter was refused."""
        self.bar.refuse(event.problem)
        if not self.bar.display:
            self.host.say(event.problem, good=False)

    def on_job_table_opened(self, event: JobTable.Opened) -> None:
        """Enter: everything about that job."""
        self.host.show(DetailScreen(event.job.id, tab=self.tab))

    # The filter

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While something is typed, the filter's key is a character like others."""
        if action == "filter" and isinstance(self.focused, Input):
            return False
        return super().check_action(action, parameters)

    def action_filter(self) -> None:
        """Type a filter."""
        self.bar.open(self.table.listed.filter)
        self.bar.paint(self.host.frame())

    def on_filter_bar_typed(self, event: FilterBar.Typed) -> None:
        """The list follows."""
        self.table.list(replace(self.table.listed, filter=event.text))
        self._repaint_listed()

    def on_filter_bar_closed(self, event: FilterBar.Closed) -> None:
        """Back to the list."""
        self.bar.close()
        self.list(event.text)
        self.table.focus()

    def list(self, text: str) -> None:
        """Show what a filter finds."""
        self.table.list(replace(self.table.listed, filter=text))
        self._repaint_listed()

    def action_sort(self) -> None:
        """The next order."""
        orders = list(JobSort)
        following = orders[(orders.index(self.table.listed.sort) + 1) % len(orders)]
        self.table.list(Query(self.table.listed.filter, following))
        self._repaint_listed()

    def action_views(self) -> None:
        """Choose among kept filters, or keep this one."""
        self.app.push_screen(ViewsScreen(self.host.views, self.table.listed.filter), self._view_chosen)  # pyright: ignore[reportUnknownMemberType] - Textual leaves the app's type open

    def _view_chosen(self, text: str | None) -> None:
        if text is not None:
            self.list(text)

    def action_back(self) -> None:
        """Marks first, then the filter, then the notice."""
        if self.table.unmark():
            return
        if self.table.listed.filter:
            self.list("")
            return
        super().action_back()

    # Actions

    def action_job(self, name: str) -> None:
        """An action on what is marked, or on the job under the cursor."""
        table = self.table
        if table.every:
            chosen = Chosen(filter=table.listed.filter)
        elif table.marks:
            chosen = Chosen(jobs=tuple(table.marks.values()))
        else:
            chosen = Chosen(jobs=(table.selected,) if table.selected is not None else ())
        ask_jobs(self.host, name, chosen)


_ORDERS = {
    JobSort.NEWEST: "newest first",
    JobSort.OLDEST: "oldest first",
    JobSort.PRIORITY: "as they will be claimed",
}


def _draw_columns(frame: Frame) -> list[Content]:
    return draw_job_header(replace(frame, width=frame.width - 1))
