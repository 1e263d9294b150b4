"""Where briefs come from, as stage ``brief`` uses it. Implemented by ``integrations.content``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from scheduler.domain.content import Brief


@dataclass(frozen=True, slots=True)
class ResolvedBrief:
    """The brief a job is to be made from.

    Attributes:
        stale: it is of an earlier day than the run date, taken because there is none of the day itself.
        origin: where it was found, for people: a path, ``payload.brief``.
    """

    brief: Brief
    stale: bool
    origin: str


class BriefSource(Protocol):
    """Finds and checks the brief of a job. Synchronous and thread-safe; called off the event loop."""

    def resolve(self, payload: Mapping[str, Any], run_date: date | None) -> ResolvedBrief:
        """The brief of a job.

        Args:
            payload: the job's payload; it may hold the brief itself (``brief``) or say where it is.
            run_date: the day the video is for; None: the job is for no day in particular.

        Raises:
            StageFailure: INVALID_INPUT; the message names the file, the line and the remedy.
        """
        ...
