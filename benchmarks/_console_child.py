"""What runs in the measured terminal: the console over a database, or a stock DataTable doing the same.

``python -m benchmarks._console_child console|stock HOME FILE``: the longest time for which the event loop was held up
stands in FILE, in milliseconds; without FILE nobody looks.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

_BEAT_S = 0.005


async def watch(report: Callable[[float], None]) -> None:
    """Notice how late the loop is, for ever."""
    worst = 0.0
    await asyncio.sleep(2.0)  # the start is measured by itself
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(_BEAT_S)
        late = time.perf_counter() - begun - _BEAT_S
        if late > worst:
            worst = late
            report(worst)


def console(home: Path, file: Path) -> None:
    """The console as ``predawn console`` runs it."""
    from config.loader import load_settings  # noqa: PLC0415 - the imports are part of what is measured
    from console.bootstrap.attach import make_app  # noqa: PLC0415 - the same
    from console.bootstrap.reading import open_operations  # noqa: PLC0415 - the same
    from scheduler.domain.access import Role  # noqa: PLC0415 - the same
    from scheduler.ports.operations import Actor  # noqa: PLC0415 - the same

    settings = load_settings(overrides={"home": str(home)}).settings
    app = make_app(settings, open_operations(settings), Actor("bench", "tui", Role.OPERATOR))
    _run(app, file)


def stock(home: Path, file: Path) -> None:
    """A DataTable of all jobs, read anew every second, with a filter above it: what one writes first."""
    from textual.app import App, ComposeResult  # noqa: PLC0415 - the imports are part of what is measured
    from textual.widgets import DataTable, Footer, Header, Input, Static  # noqa: PLC0415 - the same

    columns = "id, status, job_type, priority, created_at, progress, coalesce(error_message, '')"
    query = f"SELECT {columns} FROM jobs WHERE status LIKE ? ORDER BY seq DESC"  # noqa: S608 - a constant
    connection = sqlite3.connect(f"file:{home / 'predawn.db'}?mode=ro", uri=True, check_same_thread=False)

    class Stock(App[None]):
        """The table."""

        TITLE = "Stock"
        CSS = "#table { height: 1fr; }"
        BINDINGS = [("q", "quit", "Quit"), ("slash", "filter", "Filter")]  # noqa: RUF012 - Textual reads it from the class
        wanted = ""

        def compose(self) -> ComposeResult:
            yield Header(show_clock=True)
            yield Input(id="filter")
            yield Static(id="place")
            yield DataTable[str](cursor_type="row", id="table")
            yield Footer()

        def on_mount(self) -> None:
            self.table.add_columns("id", "status", "type", "priority", "created", "progress", "error")
            self.fill()
            self.table.focus()
            self.set_interval(1.0, self.fill)

        @property
        def table(self) -> DataTable[str]:
            return cast("DataTable[str]", self.query_one("#table"))

        def fill(self) -> None:
            row = self.table.cursor_row
            self.table.clear()
            status = self.wanted.removeprefix("status:") + "%"
            self.table.add_rows([tuple(map(str, found)) for found in connection.execute(query, (status,))])
            self.table.move_cursor(row=row)
            self.tell()

        def tell(self) -> None:
            place = self.query_one("#place", Static)
            place.update(f"filter {self.wanted}  {self.table.row_count} jobs  row {self.table.cursor_row + 1} ")

        def on_data_table_row_highlighted(self) -> None:
            self.tell()

        def action_filter(self) -> None:
            self.query_one("#filter", Input).focus()

        def on_input_changed(self, event: Input.Changed) -> None:
            self.wanted = event.value
            self.fill()

        def on_input_submitted(self) -> None:
            self.table.focus()

    _run(Stock(), file)


def _run(app: Any, file: Path) -> None:
    def report(worst: float) -> None:
        file.write_text(f"{worst * 1000:.1f}")

    async def main() -> None:
        watching = asyncio.create_task(watch(report)) if file.name else None
        try:
            await app.run_async()
        finally:
            if watching is not None:
                watching.cancel()
        if app.return_code:
            sys.exit(f"it failed: {app.return_code}")

    asyncio.run(main())


if __name__ == "__main__":
    kind, home_folder, report_file = sys.argv[1:4]
    {"console": console, "stock": stock}[kind](Path(home_folder), Path(report_file))
