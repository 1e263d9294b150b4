"""Which rows of the list are in sight, and where the cursor is. Pure: it says what is to be read and takes what was.

The rows it has are one run of the list. While the run reaches back to the first row its place is known exactly; after a
jump from the end, or when rows came in above while nobody looked, it is counted from what is known.
"""

from __future__ import annotations

from bisect import bisect_left

from console.tui.joblist.pages import Key, Load, Loaded, Query, order_key
from scheduler.domain.filter import Count, JobSort
from scheduler.domain.job import Job

MARGIN = 3
"""Screens of rows kept above and below what is in sight."""
REACH = 1
"""When fewer screens are left, more is read."""
MOST = 5_000
"""Rows read at most for an order that cannot be read backwards."""


class JobWindow:
    """The run of rows, what of it is in sight, and the cursor.

    Attributes:
        rows: the run.
        start: place of its first row in the list, from 0.
        top: place of the first row in sight.
        cursor: place of the cursor.
        total: how many rows the list has.
    """

    def __init__(self, query: Query | None = None) -> None:
        self.query = query or Query()
        self.height = 0
        self.rows: tuple[Job, ...] = ()
        self.start = 0
        self.at_top = True
        self.at_end = True
        self.total = Count(0)
        self.top = 0
        self.cursor = 0
        self.loaded = False
        self._key: Key | None = None
        self._keys: list[Key] = []

    @property
    def end(self) -> int:
        """One past the place of the run's last row."""
        return self.start + len(self.rows)

    @property
    def number(self) -> int:
        """How many rows the list has, as far as is known."""
        return max(self.total.number, self.end)

    @property
    def selected(self) -> Job | None:
        """The job under the cursor."""
        return self.row(self.cursor)

    def row(self, place: int) -> Job | None:
        """The job at a place; None: it is not in the run."""
        return self.rows[place - self.start] if self.start <= place < self.end else None

    # What is to be read

    def first(self) -> Load:
        """The top of the list."""
        return Load(self.query, after=self._rows(MARGIN + 1))

    def last(self) -> Load:
        """Its end."""
        return Load(self.query, from_end=True, after=self._rows(MARGIN + 1))

    def again(self) -> Load:
        """What is in sight now, and around it."""
        if not self.loaded or self._key is None:
            return self.first()
        if self.query.sort is JobSort.PRIORITY:
            return Load(self.query, self._key, after=min(self.cursor + self._rows(MARGIN + 1), MOST), index=self.cursor)
        above = max(self.cursor - self.top, 0) + self._rows(MARGIN)
        return Load(self.query, self._key, before=above, after=self._rows(MARGIN + 1), index=self.cursor)

    def wanted(self) -> Load | None:
        """What has to be read so that the next keys find rows; None: enough is there."""
        if not self.loaded or self.height <= 0:
            return None
        reach = self._rows(REACH)
        short_above = not self.at_top and self.top - reach < self.start
        short_below = not self.at_end and self.top + self.height + reach > self.end
        if self.query.sort is JobSort.PRIORITY and self.end >= MOST:
            short_below = False
        return self.again() if short_above or short_below else None

    def _rows(self, screens: int) -> int:
        return max(self.height, 10) * screens

    # What was read

    def take(self, loaded: Loaded) -> bool:
        """Show what was read; the cursor stays on its row, and that on its line, while rows come and go.

        Returns:
            False: it is of no use any more: the list shows something else, or the cursor has gone elsewhere meanwhile.
        """
        if loaded.load.query != self.query or self._has_left(loaded):
            return False
        load, was_top = loaded.load, self.top == 0 and self.start == 0
        line = self.cursor - self.top
        grown = 0
        if self.loaded and not loaded.at_top and not (self.total.capped or loaded.total.capped):
            grown = (loaded.total.number - self.total.number) if self.query.sort is JobSort.NEWEST else 0
        self.rows, self.at_top, self.at_end, self.total = loaded.rows, loaded.at_top, loaded.at_end, loaded.total
        self._keys = [order_key(job, self.query.sort) for job in loaded.rows]
        if loaded.at_top:
            self.start = 0
        elif load.from_end or (loaded.at_end and not loaded.total.capped):
            self.start = max(loaded.total.number - len(loaded.rows), 1)
        else:
            self.start = max(load.index + grown - loaded.split, 1)
        if load.key is None:
            self.cursor = self.end - 1 if load.from_end else 0
            self.top = max(self.cursor - self.height + 1, 0) if load.from_end else 0
        else:
            found = bisect_left(self._keys, self._key) if self._key is not None else 0
            self.cursor = self.start + found
            self.top = 0 if was_top and loaded.at_top else self.cursor - line
        self.loaded = True
        self._settle()
        return True

    def _has_left(self, loaded: Loaded) -> bool:
        """Whether the cursor's row lies outside of what was read."""
        if loaded.load.key is None or self._key is None or not loaded.rows:
            return False
        first, last = (order_key(loaded.rows[n], self.query.sort) for n in (0, -1))
        return (self._key < first and not loaded.at_top) or (self._key > last and not loaded.at_end)

    # Moving

    def resize(self, height: int) -> None:
        """Another number of lines."""
        self.height = height
        self._settle()

    def move(self, step: int) -> bool:
        """Move the cursor by rows; whether it could."""
        return self.move_to(self.cursor + step)

    def move_to(self, place: int) -> bool:
        """Move the cursor to a place, as near as the run goes; whether it moved."""
        before = self.cursor
        self.cursor = place
        self._settle()
        return self.cursor != before

    def scroll(self, step: int) -> None:
        """Move what is in sight; the cursor goes along when it would leave it."""
        lowest, highest = self.start, max(self.end - self.height, self.start)
        self.top = min(max(self.top + step, lowest), highest)
        self.cursor = min(max(self.cursor, self.top), self.top + max(self.height, 1) - 1)
        self._settle()

    def _settle(self) -> None:
        """Cursor within the run, what is in sight around the cursor."""
        if not self.rows:
            self.start = self.cursor = self.top = 0
            self._key = None
            return
        self.cursor = min(max(self.cursor, self.start), self.end - 1)
        self._key = self._keys[self.cursor - self.start]
        if self.height <= 0:
            return
        if self.cursor < self.top:
            self.top = self.cursor
        elif self.cursor >= self.top + self.height:
            self.top = self.cursor - self.height + 1
        self.top = max(min(self.top, self.end - self.height), self.start, 0)
