"""Leadership: of several daemons on one database only one schedules, the others stand by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Leader:
    """Who has a role.

    Attributes:
        role: ``schedule``.
        holder: the process, as in ``processes``.
        fence: grows by one with each change of the holder.
        since: when the holder took it (aware UTC).
        expires_at: when another may take it, by the database's clock.
    """

    role: str
    holder: str
    fence: int
    since: datetime
    expires_at: datetime
