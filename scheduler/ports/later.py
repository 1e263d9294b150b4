"""Videos that are out on this machine alone, to be sent up later. Implemented by ``integrations.local_directory``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from scheduler.domain.render import Artifact


@dataclass(frozen=True, slots=True)
class PendingUpload:
    """One video that waits.

    Attributes:
        place: names the publication; unique, and the same until it is settled.
        local_url: its address on this machine, as the job's payload has it.
        wanted: the providers that should have published it, best first.
        degraded: whether the video itself is second choice; that it was published here does not count.
        duration_s: seconds.
    """

    place: str
    job_id: str
    idempotency_key: str
    correlation_id: str
    video: Artifact
    thumbnail: Artifact | None
    local_url: str
    wanted: Sequence[str]
    degraded: bool
    duration_s: float


class PendingUploads(Protocol):
    """What waits. Synchronous; called off the event loop. What it says survives a crash at any moment."""

    def pending(self) -> list[PendingUpload]:
        """Everything that waits and whose files are whole, oldest first.

        Raises:
            OSError: the folder cannot be read.
        """
        ...

    def settle(self, upload: PendingUpload, *, url: str | None) -> None:
        """It waits no more: it is at ``url`` now, or (None) nobody wants it any more.

        Raises:
            OSError: the folder cannot be written.
        """
        ...
