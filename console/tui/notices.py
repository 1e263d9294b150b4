"""Notices: the last thing worth saying, until it has been read. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

GOOD_FOR_S = 12.0
"""Seconds for which good news stands."""
BAD_FOR_S = 60.0
"""And bad news: somebody may have looked away."""


@dataclass(frozen=True, slots=True)
class Notice:
    """The last thing worth saying.

    Attributes:
        good: False: it went wrong.
        at: when it was said (aware); None: it stands until it is put away.
    """

    text: str
    good: bool = True
    at: datetime | None = None

    def has_expired(self, now: datetime) -> bool:
        """Whether it has stood long enough; a clock that was set back does not keep it for ever."""
        if self.at is None:
            return False
        return abs((now - self.at).total_seconds()) >= (GOOD_FOR_S if self.good else BAD_FOR_S)
