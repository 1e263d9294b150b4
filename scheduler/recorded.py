"""The part of ``Operations`` that reads the black box."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from config.settings import Settings
from scheduler.domain.recording import DepthHistory, Mark, MarkKind, Past, RecordingInfo
from scheduler.ports.clock import Clock
from scheduler.ports.operations import InvalidError, NotFoundError, Operations
from scheduler.ports.recording import NothingRecordedError, Recording, RecordingError
from scheduler.replay import PastOperations

NOT_HERE = "nothing is recorded here: the recording lies in the data folder of the machine that the daemon runs on"


class RecordedOperations:
    """Reads of a recording; ``StoreOperations`` inherits it."""

    _recording: Recording | None = None
    _clock: Clock
    _settings: Settings

    def recording(self) -> RecordingInfo:
        """From when until when there is something to see."""
        try:
            return self._recorded().info()
        except RecordingError as error:
            raise InvalidError(str(error)) from error

    def replay(self, at: datetime) -> Past:
        """What was to be seen at a moment."""
        try:
            return self._recorded().at(at.astimezone(UTC))
        except NothingRecordedError as error:
            raise NotFoundError(str(error)) from error
        except RecordingError as error:
            raise InvalidError(str(error)) from error

    def as_of(self, past: Past) -> Operations:
        """These reads as of a past moment; there is nothing to command there."""
        return cast("Operations", PastOperations(cast("Operations", self), past))

    def moments(
        self,
        *,
        after: datetime | None = None,
        before: datetime | None = None,
        kinds: Sequence[MarkKind] = (),
        limit: int = 100,
    ) -> tuple[Mark, ...]:
        """Moments worth looking at, newest first."""
        try:
            return self._recorded().marks(after=after, before=before, kinds=kinds, limit=limit)
        except RecordingError as error:
            raise InvalidError(str(error)) from error

    def queue_depths(self, *, hours: float = 2.0, steps: int = 120, until: datetime | None = None) -> DepthHistory:
        """How many jobs were queued over the last hours."""
        recorded = self._recorded()
        until = self._clock.now() if until is None else until.astimezone(UTC)
        try:
            found = recorded.depths(since=until - timedelta(hours=hours), until=until, steps=steps)
        except RecordingError as error:
            raise InvalidError(str(error)) from error
        return DepthHistory(until, hours * 3600 / steps, found, self._settings.alerts.rules.queue_depth)

    def _recorded(self) -> Recording:
        if self._recording is None:
            raise NotFoundError(NOT_HERE)
        return self._recording
