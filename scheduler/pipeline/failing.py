"""How a stage fails for good, and what the job keeps of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scheduler.domain.failure import FailureClass, FailureRecord, JobError, StageFailure
from scheduler.domain.render import StageName


@dataclass(frozen=True, slots=True)
class Tried:
    """A provider that did not deliver.

    Attributes:
        calls: how often it was called; 0: it was passed over, and ``failure`` says why.
        failure: its last failure.
    """

    provider: str
    calls: int
    failure: StageFailure

    def __str__(self) -> str:
        times = f" ({self.calls} calls)" if self.calls > 1 else ""
        return f"{self.provider}{times}: {self.failure.message}"


class SupersededError(Exception):
    """Nobody wants the video any more that a render is making; the message says why."""


class StageExhaustedError(StageFailure):
    """Every provider of a stage was tried. Names the stage, each provider, and why it did not deliver.

    Its class is that of the last provider that was really called. It may be tried again in a later render if any of the
    providers may.
    """

    def __init__(self, stage: StageName, tried: Sequence[Tried]) -> None:
        called = [one for one in tried if one.calls] or list(tried)
        self.stage = stage
        self.tried = tuple(tried)
        self.provider = called[-1].provider
        last = called[-1].failure
        super().__init__(
            f"stage {stage.value} failed: {'; '.join(str(one) for one in tried)}",
            kind=last.kind,
            retryable=any(one.failure.retryable for one in tried),
            details={**last.details, "tried": [_as_json(one) for one in tried]},
        )

    @property
    def stack(self) -> str | None:
        """The stack of the last failure nobody foresaw."""
        stacks = [one.failure.details["stack"] for one in self.tried if "stack" in one.failure.details]
        return stacks[-1] if stacks else None

    def job_error(self, now: datetime) -> JobError:
        """What the job keeps."""
        return JobError(
            message=self.message,
            type=self.kind,
            timestamp=now,
            stack=self.stack,
            stage=self.stage.value,
            provider=self.provider,
        )

    def record(self, render_id: str) -> FailureRecord:
        """The row of ``render_failures``."""
        return FailureRecord(
            render_id=render_id,
            failure_reason=self.kind,
            message=self.message,
            stage=self.stage.value,
            provider=self.provider,
            retryable=self.retryable,
            details=self.details,
        )


def passed_over(why: str, kind: FailureClass) -> StageFailure:
    """The reason why a provider was not called at all; another render may well call it."""
    return StageFailure(why, kind=kind, retryable=True)


def _as_json(tried: Tried) -> dict[str, Any]:
    return {
        "provider": tried.provider,
        "calls": tried.calls,
        "class": tried.failure.kind.value,
        "message": tried.failure.message,
        "retryable": tried.failure.retryable,
    }
