"""How often something is drawn anew while nothing but time moves: no faster than it changes."""

from __future__ import annotations

LONGEST = 5
"""Ticks that are left out at most: texts that count minutes may be so many seconds late."""


class Cadence:
    """Tells on which ticks to draw: on each while what is drawn moves, less and less often while it stands still.

    Whatever else changes (a new view, a key, a size) is drawn at once and begins anew.
    """

    def __init__(self) -> None:
        self._pause = 0
        self._left = 0

    def due(self, *, only_time: bool) -> bool:
        """Whether to draw now. ``only_time``: nothing but time has moved since the last drawing."""
        if not only_time:
            self._pause = self._left = 0
            return True
        if self._left > 0:
            self._left -= 1
            return False
        return True

    def drawn(self, *, only_time: bool, moved: bool, seconds: bool = True) -> None:
        """It was drawn.

        Args:
            only_time: as above.
            moved: it looks different from before.
            seconds: it may show times that count seconds; otherwise it moves, but need not be looked at each second.
        """
        if not seconds:
            self._pause = self._left = LONGEST - 1
        elif moved or not only_time:
            self._pause = self._left = 0
        else:
            self._pause = min(self._pause + 1, LONGEST - 1)
            self._left = self._pause
