"""What a command would change about tonight's finish, asked before it is given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scheduler.domain.deadline import Prediction
from scheduler.domain.job import DepthPart, Priority


@dataclass(frozen=True, slots=True)
class Change:
    """What would be different, as far as tonight's finish can feel it.

    Attributes:
        queue: jobs that would come (``count`` above 0) or go (below 0); tonight's own is not among them.
        priority: what tonight's job would have; None: what it has.
        services_out: services that would be taken out.
        services_in: services under maintenance that would be taken in again.
        start_now: tonight's run would start now instead of at its time.
    """

    queue: tuple[DepthPart, ...] = ()
    priority: Priority | None = None
    services_out: frozenset[str] = frozenset()
    services_in: frozenset[str] = frozenset()
    start_now: bool = False


@dataclass(frozen=True, slots=True)
class Foretold:
    """Tonight's finish as things stand, and with a change.

    Attributes:
        before: as the verdict has it; None: nothing is foretold (the video is out, nobody works, no deadline).
        after: None as ``before`` is.
        deadline_at: aware UTC; None: there is nothing to be on time for.
        timezone: in which times are shown.
    """

    before: Prediction | None = None
    after: Prediction | None = None
    deadline_at: datetime | None = None
    timezone: str = "UTC"
